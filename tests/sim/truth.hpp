// SPDX-License-Identifier: Apache-2.0
// Truth: what the fleet's applications did and what they were promised, kept outside the fleet. A transaction or record
// is first accepted; it is promised when the store says that it is durable; what was accepted only may be lost by a
// crash, and is then taken out. Everything checked against a node is checked against this.
#pragma once

#include "sim/state_truth.hpp"
#include "store/store.hpp"

#include <deque>

namespace edgesync::sim {

using Finding = std::optional<std::string>;

class Truth {
 public:
  // --- told by a node as things happen; scopes by name ---
  void committed(const ReplicaId& who, const std::string& scope, const store::Committed& commit,
                 std::span<const Edit::Op> ops, const crdt::Context& seen);
  void appended(const ReplicaId& who, const std::string& scope, const store::Appended& appended,
                std::span<const Record> rows);
  /// Whether a failed group commit of `who` may be in its file.
  bool in_doubt(const ReplicaId& who) const;
  /// The file can be read: what was doubtful is there, or is not.
  void seen(const ReplicaId& who, const store::Store& store);
  /// A group commit begins: the file, opened again if it was not, is as it is.
  void begun(const ReplicaId& who, const store::Store& store);
  /// A group commit ended: what it held is promised; or it failed, and is doubtful until the file is seen again.
  Finding settled(const ReplicaId& who, const store::Store& store, store::Ticket through, bool good);
  /// A database was opened again: what was promised must be there, what is not there was never promised.
  Finding reopened(const ReplicaId& who, const store::Store& store);

  // --- what must be ---
  /// The highest dot (or record) of `who` that its own disk held at the last look.
  crdt::Stamp durable(const ReplicaId& who, const std::string& scope) const;
  const StateTruth& state(const std::string& scope) const;
  /// Sequence to content hash.
  const std::map<std::uint64_t, std::uint64_t>& records(const std::string& scope, const ReplicaId& who) const;
  /// No context may hold a dot that its author's disk does not: nothing is shipped before it is durable.
  Finding shipped_too_early(const store::Store& store, store::ScopeId scope) const;

  std::uint64_t promised() const noexcept { return promised_; }
  std::uint64_t forgotten() const noexcept { return forgotten_; }
  /// Failed group commits that were in the file after all, and those that were not.
  std::uint64_t doubts_kept() const noexcept { return doubts_kept_; }
  std::uint64_t doubts_gone() const noexcept { return doubts_gone_; }

 private:
  struct Accepted {
    store::Ticket ticket = 0;
    std::string scope{};
    crdt::Stamp stamp = 0;    ///< A stream's: the last record.
    std::uint64_t first = 0;  ///< A stream's first record; 0: a transaction.
  };
  using Stamps = std::map<std::string, crdt::Stamp>;  ///< Per scope the highest own one in the file.
  /// A group commit that failed, and may be in the file all the same.
  struct Doubt {
    Stamps before{};  ///< In the file when it began, if the file was open then; if not, nothing of it is there.
    std::vector<Accepted> content{};
  };
  static Stamps own_stamps(const ReplicaId& who, const store::Store& store);
  void forget(const ReplicaId& who, const Accepted& lost);
  void look(const ReplicaId& who, const store::Store& store);
  void resolve(const ReplicaId& who, Stamps in_file);

  std::map<std::string, StateTruth> states_;
  std::map<std::pair<std::string, ReplicaId>, std::map<std::uint64_t, std::uint64_t>> records_;
  /// Who numbered a record last: a number is given out again if its record never happened.
  std::map<std::tuple<std::string, ReplicaId, std::uint64_t>, store::Ticket> numbered_;
  std::map<ReplicaId, std::deque<Accepted>> accepted_;
  std::map<ReplicaId, std::vector<Doubt>> doubtful_;
  std::map<ReplicaId, Stamps> begun_;  ///< At the last begun().
  std::map<std::pair<ReplicaId, std::string>, crdt::Stamp> durable_;
  std::uint64_t promised_ = 0, forgotten_ = 0, doubts_kept_ = 0, doubts_gone_ = 0;
};

std::uint64_t record_hash(Timestamp at, std::span<const Value> fields);

}  // namespace edgesync::sim
