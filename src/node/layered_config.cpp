// SPDX-License-Identifier: Apache-2.0
#include <edgesync/layers.hpp>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "config/layers.hpp"

#include <algorithm>
#include <array>
#include <mutex>

namespace edgesync {
namespace {

/// As Value's alternatives stand.
constexpr std::array<const char*, 7> type_names = {"null",   "a bool", "an integer", "a number",
                                                   "a text", "bytes",  "JSON"};

std::string layer_text(const EffectiveConfig::Layer& layer) {
  return layer.scope + " version " + std::to_string(layer.version.number);
}

}  // namespace

const EffectiveConfig::Layer* EffectiveConfig::set_by(std::string_view key) const {
  const auto found = settings_.find(key);
  return found == settings_.end() ? nullptr : &layers_[found->second.layer];
}

Result<Value> EffectiveConfig::get(std::string_view key) const {
  if (const auto found = settings_.find(key); found != settings_.end()) return found->second.value;
  std::string names;
  for (const Layer& layer : layers_) names += (names.empty() ? "" : ", ") + layer_text(layer);
  return Error(Errc::not_found, "config: \"" + printable(key) + "\": in none of " + names);
}

Error EffectiveConfig::mismatch(std::string_view key, std::size_t wanted) const {
  const auto& [value, layer] = settings_.find(key)->second;
  return {Errc::type_mismatch, "config: \"" + printable(key) + "\": is " + type_names[value.index()] + ", set by " +
                                   layer_text(layers_[layer]) + ", not " + type_names[wanted]};
}

/// What the layers hold, and what comes of it.
class LayeredConfig::Stack {
 public:
  Stack(std::vector<Config> configs, Handler on_change)
      : configs_(std::move(configs)),
        on_change_(std::move(on_change)),
        layers_(configs_.size()),
        contents_(layers_.size()) {
    for (std::size_t i = 0; i < layers_.size(); ++i) layers_[i].scope = configs_[i].name();
  }

  Result<void> begin() {
    const std::lock_guard turn(turn_);
    return refresh();
  }

  void activated(std::string_view scope) {
    if (std::none_of(configs_.begin(), configs_.end(), [&](const Config& one) { return one.name() == scope; })) return;
    const std::lock_guard turn(turn_);
    const std::string before = std::exchange(failure_, {});
    const auto old = current();
    const Result<void> done = refresh();
    if (!done) failure_ = done.error().detail;
    if (!on_change_) return;
    if (!done && failure_ != before) on_change_(done.error());
    if (done && (current()->id() != old->id() || !before.empty())) on_change_(current());
  }

  std::shared_ptr<const EffectiveConfig> current() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }
  void listen(Subscription events) { events_ = std::move(events); }

 private:
  /// Looks at all layers again. Requires: turn_ is held.
  Result<void> refresh() {
    for (std::size_t i = 0; i < layers_.size(); ++i)
      if (auto read = refresh(i); !read) return read;
    std::vector<const config::Content*> contents;
    for (const config::Content& content : contents_) contents.push_back(&content);
    auto settings = config::merge(contents);
    if (!settings) return std::move(settings).error();
    const config::Content whole = config::content_of(*settings);
    if (auto good = config::check(whole); !good)
      return Error(good.error().code, "layers: together: " + good.error().detail);
    std::string id = to_hex(sha256(config::canonical(whole)));
    std::map<std::string, EffectiveConfig::Setting, std::less<>> effective;
    for (auto& [key, setting] : *settings)
      effective.emplace_hint(effective.end(), key, EffectiveConfig::Setting{std::move(setting.value), setting.layer});
    const std::lock_guard lock(mutex_);
    current_ = std::make_shared<const EffectiveConfig>(layers_, std::move(effective), std::move(id));
    return {};
  }

  Result<void> refresh(std::size_t layer) {
    VersionInfo active = configs_[layer].active();
    if (active.number == layers_[layer].version.number && active.id == layers_[layer].version.id) return {};
    if (active.number == 0) {
      contents_[layer].clear();
    } else {
      auto content = configs_[layer].content(active.number);
      if (!content) return std::move(content).error();
      contents_[layer] = *std::move(content);
    }
    layers_[layer].version = std::move(active);
    return {};
  }

  const std::vector<Config> configs_;
  const Handler on_change_;
  std::mutex turn_{};                           // guards what follows
  std::vector<EffectiveConfig::Layer> layers_;  // as the contents are
  std::vector<config::Content> contents_;
  std::string failure_{};
  mutable std::mutex mutex_{};
  std::shared_ptr<const EffectiveConfig> current_ = std::make_shared<const EffectiveConfig>();  // guarded by mutex_
  Subscription events_{};
};

LayeredConfig::LayeredConfig(std::shared_ptr<Stack> stack) noexcept : stack_(std::move(stack)) {}
LayeredConfig::LayeredConfig(LayeredConfig&&) noexcept = default;
LayeredConfig& LayeredConfig::operator=(LayeredConfig&&) noexcept = default;
LayeredConfig::~LayeredConfig() = default;

std::shared_ptr<const EffectiveConfig> LayeredConfig::current() const { return stack_->current(); }

Result<LayeredConfig> LayeredConfig::open(Node& node, std::vector<std::string> layers, Handler on_change) {
  if (layers.empty()) return Error(Errc::invalid_argument, "layers: none is given");
  std::vector<Config> configs;
  for (const std::string& layer : layers) {
    if (std::count(layers.begin(), layers.end(), layer) > 1)
      return Error(Errc::invalid_argument, "layers: " + printable(layer) + ": is there twice");
    configs.push_back(node.config(layer));
    if (auto there = configs.back().history(1); !there) return std::move(there).error();
  }
  auto stack = std::make_shared<Stack>(std::move(configs), std::move(on_change));
  stack->listen(node.on_event([wakes = std::weak_ptr(stack)](const Event& event) {
    if (event.plane != Plane::config) return;
    if (event.kind != EventKind::activated && event.kind != EventKind::rolled_back) return;
    if (const auto one = wakes.lock()) one->activated(event.scope);
  }));
  if (auto first = stack->begin(); !first) return std::move(first).error();
  return LayeredConfig(std::move(stack));
}

}  // namespace edgesync
