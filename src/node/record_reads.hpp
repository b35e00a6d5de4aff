// SPDX-License-Identifier: Apache-2.0
// Reading the records of one origin: a few segments at a time, decoded as they are needed. The node is locked while
// they are fetched, and not while they are decoded: others go on, however long a read is.
#pragma once

#include "node/core.hpp"

#include <edgesync/stream.hpp>

namespace edgesync::node {

/// What to read of one origin's records.
struct Wanted {
  Range range{};
  std::optional<std::span<const std::string>> columns{};  ///< None: all fields.
  std::size_t records_max = SIZE_MAX;
  std::size_t bytes_max = SIZE_MAX;  ///< Of encoded records, about: the segment that exceeds them is read to its end.
};

struct OriginRead {
  RecordsRead read{};
  std::uint64_t last = 0;  ///< All that is wanted up to here is told, as records or as gaps.
  std::size_t bytes = 0;   ///< Of what was decoded.
};

/// Calls `visit` for each segment of `origin` that has records with sequences within `range`, in order, while it
/// says true. What the store knew of the origin when the last of them was fetched.
Result<store::StreamState> each_segment(const ScopeHandle& scope, const ReplicaId& origin, const Range& range,
                                        const Function<Result<bool>(ByteView segment)>& visit);

Result<OriginRead> read_records(const ScopeHandle& scope, const ReplicaId& origin, const Wanted& wanted);

}  // namespace edgesync::node
