// SPDX-License-Identifier: Apache-2.0
// Session: one running node or hub, what it prints about itself, and the handlers that requests registered. It ends
// orderly: what was accepted is durable before close() returns.
#pragma once

#include "backups.hpp"
#include "hub_side.hpp"
#include "input.hpp"
#include "options.hpp"
#include "otlp.hpp"
#include "output.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace program {

class Session {
 public:
  /// Opens the database, listens if told so, and starts the link if there is a URL.
  static es::Result<std::unique_ptr<Session>> open(const Options& options, Input& input, Output& output);

  ~Session() { close(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  es::Node& node() noexcept { return hub_ ? *hub_ : *node_; }
  Output& output() noexcept { return output_; }

  /// Links to `url` with this process's leave for plaintext.
  es::Result<void> link(es::LinkOptions options, const std::string& token);
  /// A `change` line for every later change at or below `prefix`.
  void watch(const std::string& scope, const std::string& prefix);
  /// Remembers the active version, so that a later rollback can tell where it came from.
  es::Config config(const std::string& scope);

  /// A signal came, or the session was closed.
  bool ended() const noexcept { return ended_ || input_.signalled(); }
  void close() noexcept;

 private:
  static es::LogLevel level_of(std::string_view name) noexcept;
  Session(const Options& options, Input& input, Output& output)
      : insecure_(options.insecure), log_level_(level_of(options.log_level)), input_(input), output_(output) {}
  es::Result<void> start(const Options& options);
  es::Result<void> listen(const Options& options);
  /// Reads certificates and tokens again.
  void reload(bool certificates);
  /// Keeps `directory` showing the active version of `scope`, and tells when it shows another.
  es::Result<void> project(const std::string& scope, const std::string& directory);
  /// Opens the waves of rollouts, and tells so.
  es::Result<void> control_rollouts(const std::string& fleet);
  /// Keeps an audit log, if told so.
  es::Result<void> keep_audit(const Options& options);
  void print(const es::Event& event);
  /// The version that was active in `scope` before `now`; 0 if that is not known.
  std::uint64_t before(const std::string& scope, std::uint64_t now);

  const bool insecure_;
  const es::LogLevel log_level_;
  Input& input_;
  Output& output_;
  std::optional<es::Node> node_{};
  std::optional<es::Hub> hub_{};
  std::optional<Tokens> tokens_{};  ///< Of the hub.
  std::unique_ptr<OtlpReceiver> otlp_{};
  std::vector<es::Projection> projections_{};
  std::optional<es::RolloutController> rollouts_{};
  std::optional<es::AuditLog> audit_{};
  std::optional<Backups> backups_{};
  std::vector<es::Subscription> subscriptions_{};
  bool ended_ = false;
  std::mutex mutex_;  ///< Guards active_: requests and events come from different threads.
  struct Active {
    std::uint64_t now = 0, before = 0;
  };
  std::map<std::string, Active> active_{};  ///< By config scope.
};

}  // namespace program
