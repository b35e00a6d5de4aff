// SPDX-License-Identifier: Apache-2.0
// LinkHandler: carries one transport connection's calls to the core. It holds the core weakly: a connection that is
// slow to close keeps no node alive.
#pragma once

#include "node/core.hpp"

namespace edgesync::node {

class LinkHandler final : public transport::Handler {
 public:
  /// A connection that a node made to us.
  explicit LinkHandler(std::weak_ptr<Core> core) noexcept : core_(std::move(core)), role_(sync::Role::hub) {}
  /// The uplink's attempt of this number.
  LinkHandler(std::weak_ptr<Core> core, std::uint64_t attempt) noexcept
      : core_(std::move(core)), role_(sync::Role::node), attempt_(attempt) {}

  void on_open(std::shared_ptr<transport::Connection> connection, transport::Peer peer) override {
    const auto core = core_.lock();
    if (core == nullptr) return connection->close({Errc::closed, "the node was closed"});
    auto token = role_ == sync::Role::node ? core->token(attempt_) : std::string();
    if (!token) return connection->close({Errc::cancelled, "link: not wanted any more, or without a token"});
    stranger_ = std::move(peer.stranger);
    id_ = core->opened(role_, attempt_, *std::move(token), std::move(connection), std::move(peer));
  }
  void on_message(ByteView message) override {
    const auto core = core_.lock();
    if (core && core->received(id_, message)) stranger_.reset();
  }
  void on_bytes() override {
    if (const auto core = core_.lock()) core->arriving(id_);
  }
  std::size_t message_bytes_max() override {
    const auto core = core_.lock();
    return core ? core->message_bytes_max(id_) : 0;
  }
  std::chrono::milliseconds pause() override {
    const auto core = core_.lock();
    return core ? core->pause(id_) : std::chrono::milliseconds(0);
  }
  std::optional<Bytes> next_message() override {
    const auto core = core_.lock();
    return core ? core->next_message(id_) : std::nullopt;
  }
  void on_closed(const Error& why) override {
    const auto core = core_.lock();
    const bool refused = core && core->closed(id_, role_, attempt_, why);
    if (const auto stranger = std::move(stranger_); stranger && refused) stranger->refused();
  }

 private:
  const std::weak_ptr<Core> core_;
  const sync::Role role_;
  const std::uint64_t attempt_ = 0;
  std::shared_ptr<transport::Stranger> stranger_{};  ///< Until the peer has said who it is.
  sync::LinkId id_ = 0;                              ///< 0: the connection never came to be.
};

}  // namespace edgesync::node
