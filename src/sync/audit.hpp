// SPDX-License-Identifier: Apache-2.0
// Audit: is what a peer knows of us our own? A database that was copied and went on twice mints two histories under one
// replica id. Whatever a peer says it has of us is held against our own journal before any data flows, and so is what
// it passes on later; of records, which are numbered and not stamped, the hub proves the last one by its hash. Where it
// cannot be ours the link ends, and the engine is told to take another id.
#pragma once

#include "sync/conversation.hpp"

namespace edgesync::sync {

class Audit {
 public:
  explicit Audit(Conversation& conversation) noexcept : talk_(conversation) {}

  /// Another copy of this database mints as `self`: ends the link.
  void fork(const ReplicaId& self, std::string reason);
  /// Whether all that is `told` of us, by this id and those before, can be ours. Ends the link if not.
  bool own(const Channel& channel, const crdt::Context& told);
  /// The same of what the peer has of a scope when we meet; asks for a proof of records where one is needed.
  bool meet(wire::Channel number, Channel& channel, const crdt::Context& told);

  void on(wire::Prove&& prove);
  void on(wire::Proof&& proof);
  bool has_work() const noexcept { return !proofs_.empty(); }
  /// Answers or checks one proof. Requires: has_work(), and the store is not writing.
  void work();

 private:
  bool own(const Channel& channel, crdt::Stamp told) const;
  bool own(const Channel& channel, const store::Former& self, crdt::Stamp told) const;
  void prove(const wire::Prove& asked);
  void check(const wire::Proof& proof);
  Result<Bytes> segment_hash(const Channel& channel, const ReplicaId& origin, std::uint64_t last) const;

  Conversation& talk_;
  std::deque<wire::Message> proofs_{};  // Proves and Proofs that wait for the file, one per channel
};

}  // namespace edgesync::sync
