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

  /// Reads the certificate and the key again, and the authority if there is one: whoever connects from here on meets
  /// them; links that are up keep theirs. Fails with: invalid_argument (naming the file; the former ones stay), closed.
  Result<void> renew_certificates();
  /// What HubOptions::authorize says has changed: links whose nodes may do other things now than they were told end,
  /// and come back at once. An access list needs no such call. `concerned`: about whom; empty: about all.
  void authorize_again(const Function<bool(const Credentials&)>& concerned = {});
  /// Before an orderly end: takes no more connections, acknowledges what is durable, and sends every node away, to come
  /// back at a moment of its own, spread so that HubLimits::arrivals takes them all. Waits until they are gone. Fails
  /// with: timed_out (some are still linked; close() cuts them off), closed.
  Result<void> drain(std::chrono::milliseconds within = 5s);

  /// The port it listens on; 0 on a loopback.
  std::uint16_t port() const noexcept;

 private:
  friend class RolloutController;
  Hub(std::shared_ptr<node::Core> core, std::uint16_t port, std::unique_ptr<node::Follower> access) noexcept;
  std::uint16_t port_;
  std::unique_ptr<node::Follower> access_;  ///< Of the access list.
};

}  // namespace edgesync
