// SPDX-License-Identifier: Apache-2.0
// Hub: a node that listens, admits other nodes, and is the authority for its scopes. It edits with the same calls.
// Opened as a relay, it stands between its nodes and a hub above.
#pragma once

#include <edgesync/node.hpp>

#include <cstdint>
#include <memory>

namespace edgesync {

class RolloutController;
namespace node {
class Follower;
}

class EDGESYNC_EXPORT Hub : public Node {
 public:
  /// Opens the database and listens. Fails with: as Node::open; insecure, invalid_argument, unreachable (address in
  /// use).
  static Result<Hub> open(HubOptions options);
  Hub(Hub&&) noexcept;
  Hub& operator=(Hub&&) noexcept;
  ~Hub() override;

  /// The port it listens on; 0 on a loopback.
  std::uint16_t port() const noexcept;

 private:
  friend class RolloutController;
  Hub(std::shared_ptr<node::Core> core, std::uint16_t port, std::unique_ptr<node::Follower> access) noexcept;
  std::uint16_t port_;
  std::unique_ptr<node::Follower> access_;  ///< Of the access list.
};

}  // namespace edgesync
