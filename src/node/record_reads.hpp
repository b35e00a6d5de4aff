// SPDX-License-Identifier: Apache-2.0
// Reading the records of one origin: a few segments at a time, decoded as they are needed. The node is locked while
// they are fetched, and not while they are decoded: others go on, however long a read is.
#pragma once

#include "node/core.hpp"

#include <edgesync/stream.hpp>

namespace edgesync::node {

struct OriginRead {
  RecordsRead read{};
  std::uint64_t last = 0;  ///< All up to here is told, as records or as gaps; at least one less than asked for.
  std::size_t bytes = 0;   ///< Of the segments that were decoded.
};

/// Records from `from` on, at most `records_max`, and none of a segment that begins behind `bytes_max` of them.
Result<OriginRead> read_records(const ScopeHandle& scope, const ReplicaId& origin, std::uint64_t from,
                                std::size_t records_max, std::size_t bytes_max);

/// Calls `visit` for each segment of `origin` that has records with sequences within `range`, in order, while it
/// says true. What the store knew of the origin when the last of them was fetched.
Result<store::StreamState> each_segment(const ScopeHandle& scope, const ReplicaId& origin, const Range& range,
                                        const Function<Result<bool>(ByteView segment)>& visit);

/// Records within `range`, at most `records_max`, with the fields of `columns` alone.
Result<RecordsRead> read_range(const ScopeHandle& scope, const ReplicaId& origin, const Range& range,
                               std::span<const std::string> columns, std::size_t records_max);

}  // namespace edgesync::node
