// SPDX-License-Identifier: Apache-2.0
// What peers tell a store.
#pragma once

#include "crdt/chunk.hpp"
#include "crdt/repair.hpp"
#include "crdt/search.hpp"
#include "store/scope.hpp"
#include "store/terms.hpp"

#include <edgesync/records.hpp>

#include <optional>
#include <string>
#include <vector>

namespace edgesync::store {

/// Keys of a delta, told as a patch on the content of a config version.
struct RemotePatch {
  Bytes base{};           ///< The content's id.
  std::size_t bytes = 0;  ///< Of the body (wire/packed_delta.hpp) that it comes to.
  Bytes patch{};
};

struct RemoteDelta {
  ScopeId scope{};
  crdt::Delta delta{};
  std::optional<crdt::Removed> removed{};  ///< What a search from `delta.base` found (crdt/search.hpp).
  std::vector<RemotePatch> patches{};
  Terms terms{};
};

/// Part of what one scope of a later cut will hold, to be kept aside.
struct RemoteChunk {
  ScopeId scope{};
  ReplicaId from{};
  bool begin = false;              ///< What is kept aside takes its place.
  crdt::Context base{}, floors{};  ///< If it begins: see Stage.
  crdt::Chunk chunk{};
  Terms terms{};
};

/// What a peer holds where rows were lost here.
struct RemoteRepair {
  ScopeId scope{};
  crdt::Repair repair{};
};

/// All that a peer has told of a scope and that is kept aside.
struct RemoteStage {
  ScopeId scope{};
  ReplicaId from{};
  std::optional<crdt::Removed> removed{};  ///< What a search from the stage's base on found.
  Terms terms{};
};

/// Deltas of one peer that become visible together.
struct RemoteCut {
  std::vector<RemoteDelta> deltas{};
  std::vector<RemoteStage> stages{};
};

struct RemoteSegment {
  ScopeId scope{};
  ReplicaId origin{};
  std::uint64_t first = 0;
  std::uint32_t count = 0;
  Bytes body{};
  Terms terms{};
  std::vector<Gap> gone{};  ///< Right before it, as its origin signed (stream/origin_signature.hpp).
};

/// A segment that the hub said it can never store.
struct RefusedSegment {
  ScopeId scope{};
  ReplicaId origin{};
  std::uint64_t last = 0;  ///< Its last sequence.
  std::string reason{};
};

/// Records that will not come: their origin has dropped them, or the root has them (stream::at_root).
struct RemoteGap {
  ScopeId scope{};
  ReplicaId origin{};
  Gap gap{};
  Drops missing{};  ///< at_root: of all up to the last, those that were dropped.
  Terms terms{};
};

}  // namespace edgesync::store
