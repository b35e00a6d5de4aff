// SPDX-License-Identifier: Apache-2.0
// LinkHandler: carries one transport connection's calls to the core. It holds the core weakly: a connection that is
// slow to close keeps no node alive.
#pragma once

#include "node/core.hpp"

namespace edgesync::node {

class LinkHandler final : public transport::Handler {
 public:
  LinkHandler(std::weak_ptr<Core> core, sync::Role role) noexcept : core_(std::move(core)), role_(role) {}

  void on_open(std::shared_ptr<transport::Connection> connection, std::string peer) override {
    const auto core = core_.lock();
    if (core == nullptr) return connection->close({Errc::closed, "the node was closed"});
    id_ = core->opened(role_, std::move(connection), std::move(peer));
  }
  void on_message(ByteView message) override {
    if (const auto core = core_.lock()) core->received(id_, message);
  }
  std::size_t message_bytes_max() override {
    const auto core = core_.lock();
    return core ? core->message_bytes_max(id_) : 0;
  }
  std::optional<Bytes> next_message() override {
    const auto core = core_.lock();
    return core ? core->next_message(id_) : std::nullopt;
  }
  void on_closed(const Error& why) override {
    if (const auto core = core_.lock()) core->closed(id_, role_, why);
  }

 private:
  std::weak_ptr<Core> core_;
  sync::Role role_;
  sync::LinkId id_ = 0;  ///< 0: the connection never came to be.
};

}  // namespace edgesync::node
