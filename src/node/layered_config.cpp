// SPDX-License-Identifier: Apache-2.0
#include <edgesync/layers.hpp>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "config/layers.hpp"
#include "node/follower.hpp"

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
        contents_(configs_.size()) {
    for (std::size_t i = 0; i < layers_.size(); ++i) layers_[i].scope = configs_[i].name();
  }

  Result<void> begin() {
    Result<void> first;
    auto follower = node::Follower::start(node::Follower::to_active(configs_), {[this] { return refresh(); }}, first);
    if (!follower) return std::move(follower).error();
    follower_ = *std::move(follower);
    return first;
  }
  std::shared_ptr<const EffectiveConfig> current() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }

 private:
  Result<void> refresh() {
    Result<void> read;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const VersionInfo active = configs_[i].active();
      if (active.number > 0 && active.number == layers_[i].version.number && active.id == layers_[i].version.id)
        continue;
      auto found = node::in_use(configs_[i]);
      if (!found && read) read = found.error();  // it stays as it was, and the others go on
      if (!found) continue;
      layers_[i].version = std::move(found->version);
      contents_[i] = std::move(found->content);
    }
    const auto next = effective();
    const auto before = current();
    {
      const std::lock_guard lock(mutex_);
      current_ = next;
    }
    const bool changed = next->id() != before->id() || next->problems() != before->problems();
    const bool first = !std::exchange(begun_, true);
    if (changed && !first && on_change_) on_change_(next);
    return read;
  }

  std::shared_ptr<const EffectiveConfig> effective() const {
    std::vector<const config::Content*> contents;
    for (const config::Content& content : contents_) contents.push_back(&content);
    config::Merged merged = config::merge(contents);
    std::string id = to_hex(sha256(config::canonical(config::content_of(merged.settings))));
    std::map<std::string, EffectiveConfig::Setting, std::less<>> settings;
    for (auto& [key, setting] : merged.settings)
      settings.emplace_hint(settings.end(), key, EffectiveConfig::Setting{std::move(setting.value), setting.layer});
    std::vector<std::string> problems;
    for (const config::Problem& problem : merged.problems)
      problems.push_back(layer_text(layers_[problem.layer]) + ": " + problem.what);
    return std::make_shared<const EffectiveConfig>(layers_, std::move(settings), std::move(id), std::move(problems));
  }

  const std::vector<Config> configs_;
  const Handler on_change_;
  std::vector<EffectiveConfig::Layer> layers_;  // the follower's, with what follows
  std::vector<config::Content> contents_;       // as the layers are
  bool begun_ = false;
  mutable std::mutex mutex_{};
  std::shared_ptr<const EffectiveConfig> current_ = std::make_shared<const EffectiveConfig>();  // guarded by mutex_
  std::unique_ptr<node::Follower> follower_{};                                                  // goes first
};

LayeredConfig::LayeredConfig(std::unique_ptr<Stack> stack) noexcept : stack_(std::move(stack)) {}
LayeredConfig::LayeredConfig(LayeredConfig&&) noexcept = default;
LayeredConfig& LayeredConfig::operator=(LayeredConfig&&) noexcept = default;
LayeredConfig::~LayeredConfig() = default;

std::shared_ptr<const EffectiveConfig> LayeredConfig::current() const { return stack_->current(); }

Result<LayeredConfig> LayeredConfig::open(Node& node, const std::vector<std::string>& layers, Handler on_change) {
  if (layers.empty()) return Error(Errc::invalid_argument, "layers: none is given");
  std::vector<Config> configs;
  for (const std::string& layer : layers) {
    if (std::count(layers.begin(), layers.end(), layer) > 1)
      return Error(Errc::invalid_argument, "layers: " + printable(layer) + ": is there twice");
    configs.push_back(node.config(layer));
    if (auto there = configs.back().history(1); !there) return std::move(there).error();
  }
  auto stack = std::make_unique<Stack>(std::move(configs), std::move(on_change));
  if (auto begun = stack->begin(); !begun) return std::move(begun).error();
  return LayeredConfig(std::move(stack));
}

}  // namespace edgesync
