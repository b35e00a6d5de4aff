// SPDX-License-Identifier: Apache-2.0
// Layers: several config scopes as one. What holds for all is in one scope, what is different in a pool or on a node in
// others above it; the effective config is the lowest layer with each higher one applied to it as a merge patch (RFC
// 7396), and says of every key which version of which layer set it.
//
//   auto config = es::LayeredConfig::open(node, {"base", "pool/line-3", "node/gw-17"}).value();
//   const auto now = config.current();                  // whole, and stays as it is while it is held
//   auto rpm = now->get<std::int64_t>("limits/rpm");    // or an error that says what is there instead, and from where
//
// In a layer a key replaces what lower ones say there and below it, and null (a Value without content) removes that.
// Json is a value like others, its members are not merged: what should merge are keys. A list is replaced as a whole;
// but a list at "hosts/+" adds its elements, where they are not there yet, at the end of the list "hosts", and one at
// "hosts/-" takes its elements out of it. Elements are equal if their JSON is, as written.
#pragma once

#include <edgesync/node.hpp>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace edgesync {

/// What several layers come to. An immutable value.
class EDGESYNC_EXPORT EffectiveConfig {
 public:
  struct Layer {
    std::string scope{};
    VersionInfo version{};  ///< The one in use; number 0: none is, and the layer says nothing.
  };
  struct Setting {
    Value value{};
    std::size_t layer = 0;  ///< Of layers(): who set it; for a list that rules have changed, the last one.
  };

  /// Weakest first.
  const std::vector<Layer>& layers() const noexcept { return layers_; }
  const std::map<std::string, Setting, std::less<>>& settings() const noexcept { return settings_; }
  /// 64 lower-case hexadecimal digits: SHA-256 of the settings in the canonical form of a version. Equal settings have
  /// equal ids, whatever the layers are.
  const std::string& id() const noexcept { return id_; }

  /// List rules that were left out because there is no list, for people: "node/gw-17 version 3: dns/+: ...".
  const std::vector<std::string>& problems() const noexcept { return problems_; }

  /// Fails with: not_found.
  Result<Value> get(std::string_view key) const;
  /// bool, std::int64_t, double (also from an integer), std::string, Bytes or Json. Fails with: not_found,
  /// type_mismatch.
  template <class T>
  Result<T> get(std::string_view key) const {
    auto value = get(key);
    if (!value) return std::move(value).error();
    if (auto* found = std::get_if<T>(&*value)) return std::move(*found);
    if constexpr (std::is_same_v<T, double>)
      if (const auto* whole = std::get_if<std::int64_t>(&*value)) return static_cast<double>(*whole);
    return mismatch(key, Value(T()).index());
  }
  /// Which layer set the key; nullptr: none.
  const Layer* set_by(std::string_view key) const;

  EffectiveConfig() = default;
  EffectiveConfig(std::vector<Layer> layers, std::map<std::string, Setting, std::less<>> settings, std::string id,
                  std::vector<std::string> problems)
      : layers_(std::move(layers)),
        settings_(std::move(settings)),
        id_(std::move(id)),
        problems_(std::move(problems)) {}

 private:
  Error mismatch(std::string_view key, std::size_t wanted) const;

  std::vector<Layer> layers_{};
  std::map<std::string, Setting, std::less<>> settings_{};
  std::string id_{};
  std::vector<std::string> problems_{};
};

/// Thread safety: any member from any thread.
class EDGESYNC_EXPORT LayeredConfig {
 public:
  /// What is in effect from now on; called when its settings or its problems have changed. Runs on the layers' own
  /// thread, and must not destroy the LayeredConfig.
  using Handler = Function<void(const std::shared_ptr<const EffectiveConfig>&)>;

  /// `layers`: config scopes, weakest first; at least one. Follows the active version of each from then on; where one
  /// cannot be read it stays as it was, and is tried again. Fails with: invalid_argument (no layer, one twice, a name
  /// that cannot be), storage_*, limit_exceeded (no thread).
  static Result<LayeredConfig> open(Node& node, const std::vector<std::string>& layers, Handler on_change = {});

  /// Never null.
  std::shared_ptr<const EffectiveConfig> current() const;

  LayeredConfig(LayeredConfig&&) noexcept;
  LayeredConfig& operator=(LayeredConfig&&) noexcept;
  /// The handler is not called any more after this.
  ~LayeredConfig();

 private:
  class Stack;
  explicit LayeredConfig(std::unique_ptr<Stack> stack) noexcept;
  std::unique_ptr<Stack> stack_;
};

}  // namespace edgesync
