// SPDX-License-Identifier: Apache-2.0
// File: the open database with what every part of the store shares: its connection, its replica id, its origins; and
// what is read when it is opened. The number of the last batch is in the file, so that after a failed commit a fresh
// handle can tell whether the batch is there.
#pragma once

#include "crdt/lineage.hpp"
#include "crdt/scope_table.hpp"
#include "store/ballast.hpp"
#include "store/ledger.hpp"
#include "store/origins.hpp"
#include "store/owners.hpp"
#include "store/range_set.hpp"
#include "store/sqlite_db.hpp"
#include "store/stage.hpp"
#include "store/store.hpp"
#include "stream/age_clock.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace edgesync::store {

/// What the file says about one scope, beside its cells, records and versions.
struct Durable {
  crdt::Context context{};  ///< A stream's: per origin the last sequence.
  crdt::Context floors{};   ///< A stream's: per origin the last sequence trimmed.
  crdt::Summary summary{};
  std::uint64_t removals = 0;   ///< Removal records in the log.
  std::uint64_t log_items = 0;  ///< Items in the log, removals included. A stream's: bytes of its segments' rows.
  std::uint64_t bytes = 0;      ///< Of entries, with their keys (growth.hpp). A stream's: 0.
  std::uint64_t version = 0;    ///< The last journal entry's.
  RangeSet damaged{};           ///< Where rows were lost.
  Stages stages{};              ///< By peer.
  Ledger ledger{};              ///< A stream's: what is not here.
};

struct LoadedScope {
  std::uint32_t sid = 0;
  Plane plane{};
  std::string name{};
  Bytes policy{};
  Durable durable{};
  crdt::Context acked{}, stable{};
  std::map<ReplicaId, Drops> told_missing{};  ///< A stream's, own: of the numbers acked, what the hub never got.
  std::vector<ReplicaId> lost{};              ///< Of whom no row of the context can be read: see sweep.hpp.
  bool lost_summary = false;
  std::vector<Oid> stages_lost{};
};

/// Everything read when the file is opened.
struct Loaded {
  std::uint64_t batch = 0;
  std::vector<LoadedScope> scopes{};
  crdt::Lineage lineage{};
  std::vector<Former> former{};  ///< The last one first.
  std::string salvaged{};
  stream::Age age = 0;  ///< When the last batch was written.
  stream::AgeClock::Saved clock{};
};

class File {
 public:
  File(const std::string& path, const std::string& vfs, std::size_t cache_bytes, std::size_t ballast_bytes)
      : db(path, vfs, cache_bytes), ballast(path, vfs, ballast_bytes) {}

  /// Opens and reads the file; an empty one becomes a database of replica `fresh`. Also after close().
  /// Fails with: already_open, storage_io, storage_corrupt, storage_too_new, storage_full.
  Result<Loaded> open(const ReplicaId& fresh) { return open(fresh, true); }

  /// Opens the file again after a failure. If batch `doubtful` or a later one is there, it is made durable beyond doubt
  /// first; a file where that fails stays closed. Fails with: as open().
  Result<Loaded> reopen(std::uint64_t doubtful);

  const ReplicaId& replica() const noexcept { return replica_; }

  /// Compares `environment` with the one that the file remembers, and remembers it. If the file turns out to be a copy
  /// it takes the id `fresh` before anything is minted. Fails with: storage_*.
  Result<std::optional<Renamed>> settle_identity(const Environment& environment, const ReplicaId& fresh,
                                                 Loaded& loaded);
  /// Takes `id`; `former` are all before it. It is replica() once the commit that follows is durable. Requires: in a
  /// transaction.
  void rename(const ReplicaId& id, const std::vector<Former>& former);

  /// Writes a copy of the file to `path`, whole or not at all, which opens as a copy. Requires: not in a transaction.
  /// Fails with: invalid_argument (`path` exists), storage_*.
  Result<void> backup(const std::string& path);

  /// Writes the origins and owners that are new, the batch's number, and commits. Requires: in a transaction.
  Result<void> commit(std::uint64_t batch);
  /// The latched error, if any.
  Result<void> check();

  SqliteDb db;
  Origins origins;
  Owners owners;
  Ballast ballast;
  bool full = false;                                   ///< The ballast was given back, and has not been made again.
  Timestamp now{};                                     ///< The latest time that the store was told.
  stream::Age age = 0;                                 ///< Of what the batch at hand stores.
  std::optional<stream::AgeClock::Saved> clock_due{};  ///< To be saved with the next commit.
  std::vector<ReplicaId> selves{};                     ///< As Store::selves().
  bool is_self(const ReplicaId& id) const noexcept {
    return std::find(selves.begin(), selves.end(), id) != selves.end();
  }

 private:
  Result<Loaded> open(const ReplicaId& fresh, bool create);
  Result<void> create(const ReplicaId& fresh);
  Result<void> check_format();
  Result<void> read_replica();
  void read_identity(Loaded& loaded);
  void read_origins();
  void read_scopes(Loaded& loaded);
  void read_contexts(Loaded& loaded);
  void read_damage(Loaded& loaded);
  void read_ledgers(Loaded& loaded);
  void read_clock(Loaded& loaded);
  void read_context_row(const Query& row, LoadedScope& scope);

  ReplicaId replica_{};
  std::optional<ReplicaId> becoming_{};  ///< From rename() until its commit is known to be in the file, or not.
};

/// A replica id from a column; nothing unless it has 16 bytes.
std::optional<ReplicaId> replica_of(ByteView bytes) noexcept;

/// The key of a scope's fingerprint: the same wherever the scope has this plane and name.
Hash128 fingerprint_key(Plane plane, std::string_view name);

}  // namespace edgesync::store
