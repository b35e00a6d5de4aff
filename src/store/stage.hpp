// SPDX-License-Identifier: Apache-2.0
// Stages: what peers have told of large cuts and what is not applied yet, one stage per scope and peer. Its chunks are
// rows, verbatim as the wire packs them, so neither side ever holds more than one in memory; when the cut is complete
// they are joined in their order, in the transaction that ends the stage. A stage survives crashes of either side: how
// far it reaches is durable together with its chunks.
#pragma once

#include "crdt/chunk.hpp"
#include "store/flushed.hpp"
#include "store/origins.hpp"
#include "store/remote.hpp"

#include <map>

namespace edgesync::store {

class File;
class SqlTable;
struct Loaded;

/// How far a peer has told, durably.
struct Stage {
  crdt::Context base{};    ///< Ours when it began.
  crdt::Context floors{};  ///< The peer's then.
  crdt::Context reached{};
  crdt::Context upto{};  ///< The peer's when it read the last chunk.
  crdt::Summary summary{};
  std::uint64_t chunks = 0, bytes = 0;
  std::uint64_t batch = 0;  ///< When it grew last.

  bool complete() const noexcept { return reached.covers(upto); }
  /// The peer's log does not tell of all removals: what it told is complete only with a search, or for a scope that
  /// was empty.
  bool below_floors() const noexcept { return !base.covers(floors); }
  bool operator==(const Stage&) const = default;
};

using Stages = std::map<ReplicaId, Stage>;

/// Reads all stages. Those that are not what was written, or have lost their header, are LoadedScope::stages_lost.
void read_stages(File& file, Loaded& loaded);

/// Adds a chunk to its stage, and to its preview (preview.hpp) if it may have one. Not applied if it does not go on
/// where the stage ends.
Outcome keep_chunk(SqlTable& table, const RemoteChunk& chunk, std::uint64_t batch, bool preview);

/// Whether what is staged can be joined now.
bool joinable(const SqlTable& table, const RemoteStage& stage);

/// Joins the stage and ends it. Requires: joinable().
crdt::Applied join_stage(SqlTable& table, const RemoteStage& stage);

/// Whether all its chunks are what was written.
bool sound(SqlTable& table, const ReplicaId& from);

/// Ends the stage of the replica that is `oid` in the file, and drops its rows; also of one that could not be read.
void end_stage(SqlTable& table, Oid oid);
/// Ends the stages that tell nothing new any more.
void end_stale_stages(SqlTable& table);

}  // namespace edgesync::store
