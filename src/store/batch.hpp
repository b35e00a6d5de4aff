// SPDX-License-Identifier: Apache-2.0
// GroupCommit: what a Batch is here. It is filled by begin_flush(), worked on by write() alone, and read by finish();
// so nothing in it needs a lock. Parts are per scope, ascending; arrivals from peers are in the order of their
// acceptance.
#pragma once

#include "store/memtable.hpp"
#include "store/sealing.hpp"
#include "store/sql_table.hpp"
#include "store/store.hpp"
#include "store/sweep.hpp"
#include "stream/budget.hpp"

#include <utility>
#include <variant>

namespace edgesync::store {

/// Consecutive records of this replica that become one segment.
struct Run {
  RemoteSegment segment{};
  Timestamp oldest{};
  std::optional<stream::SegmentBuilder> rows{};  ///< Until the segment has its body.

  std::uint64_t next() const noexcept { return segment.first + segment.count; }
  /// Gives the segment its body, and the builder back for the next. Requires: `rows`.
  stream::SegmentBuilder encode() {
    segment.body = rows->finish(segment.first);
    return *std::exchange(rows, std::nullopt);
  }
};

struct VersionOp {
  enum class Kind : std::uint8_t { save, role, forget, memo };
  Kind kind{};
  VersionKey key{};  ///< A memo's name in place of an id.
  config::Release release{};
  VersionRole role{};
  Bytes memo{};
};

struct Trim {
  ReplicaId origin{};
  std::uint64_t through = 0;
};

/// How far a replica's dots are known to be durable at the hub and at the root.
struct AckNote {
  ReplicaId replica{};
  crdt::Stamp acked = 0, stable = 0;
};

/// What one scope brings to a batch.
struct Part {
  Scope scope{};
  SqlTable* table = nullptr;
  bool create = false;
  std::optional<Bytes> policy{};
  bool watched = false;
  bool wipe = false;      ///< All that is here of it goes first.
  bool given_up = false;  ///< Nothing of it is taken from peers.
  bool preview = false;   ///< The application wants to see what has come of a first bootstrap.
  std::uint32_t history = 0;
  crdt::Stamp stable_own = 0;       ///< Of this replica's transactions.
  std::vector<crdt::Dot> selves{};  ///< Store::selves(), with what hubs may know of each.
  std::vector<Memtable::Generation> generations{};
  std::vector<Run> runs{};
  std::vector<Gap> holes{};                ///< Numbers of this replica that were given to records that are not kept.
  Drops left_out{};                        ///< Records that were given none.
  std::map<ReplicaId, Drops> missing{};    ///< Of this replica's ids, what the hub says that it never got.
  std::optional<stream::Schema> schema{};  ///< Of a stream that has records in the batch.
  Sealing sealing{};
  std::uint64_t sealed = 0;  ///< Written by write(): through which record there is nothing left to seal.
  std::optional<stream::Budget> budget{};
  std::uint64_t shed = 0;     ///< Bytes of records to be dropped, for other streams' sake.
  bool more_to_shed = false;  ///< Written by write(): the budget takes another batch.
  crdt::Context acked{};      ///< A stream's that is given up.
  std::vector<VersionOp> versions{};
  std::vector<Trim> trims{};
  std::vector<AckNote> acks{};
  bool sweep = false;  ///< Damage is known or suspected.
  Suspicion suspicion{};
  std::vector<Oid> stages_ended{};  ///< Whose stages make room for others.
  bool learned = false;             ///< Written by write(): a cut was applied.
  std::vector<Bytes> repaired{};    ///< Written by write(): keys that are known again.
};

/// What leaves the quarantine.
struct Released {
  std::vector<std::uint64_t> ids{};
  bool replayed = false;                ///< Put back, not dropped.
  std::optional<RemoteSegment> back{};  ///< Goes back to its place.
};

/// In place of what was refused as it came.
struct Refusal {
  ScopeId scope{};
  Error why;
};

struct Arrival {
  using Body =
      std::variant<RemoteCut, RemoteSegment, RemoteGap, RemoteChunk, RemoteRepair, RefusedSegment, Released, Refusal>;
  Ticket ticket = 0;
  Body body{};
};

class GroupCommit final : public Batch {
 public:
  std::uint64_t number = 0;
  std::uint64_t doubtful = 0;  ///< This batch, or the first before it of which nobody knows whether it is in the file.
  Ticket through = 0;
  std::vector<Part> parts{};
  std::vector<Arrival> arrivals{};
  std::optional<crdt::Lineage::Row> lineage{};     ///< Of the stamps that are minted since the file was opened.
  std::optional<stream::AgeClock::Saved> clock{};  ///< To be kept in the file.
  bool alone = false;  ///< Stages are joined, and nothing else is in it: it may take long, and fail for lack of room.

  /// What write() found.
  std::optional<Error> error{}, log_error{};
  std::optional<Loaded> reloaded{};
  std::vector<Outcome> outcomes{};
  std::vector<PathChange> changes{};
  std::vector<std::pair<ScopeId, std::string>> conflicts{};
  std::vector<ScopeId> diverged{};
  std::vector<std::pair<ScopeId, Error>> faults{};
  std::vector<Outcome> refused{};        ///< Arrivals that a full disk has no room for.
  bool untouched = false;                ///< Nothing was written, and the file is as it was.
  std::vector<crdt::Context> learned{};  ///< Contexts of the deltas applied.

  bool empty() const noexcept { return parts.empty() && arrivals.empty(); }
  /// Null if the scope has no part.
  Part* part(ScopeId id) noexcept;
  /// The parts' tables as the file has them.
  void reset_tables(const Loaded& loaded);
};

}  // namespace edgesync::store
