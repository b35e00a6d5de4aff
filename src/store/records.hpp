// SPDX-License-Identifier: Apache-2.0
// Records: a stream's segments in the file, stored verbatim as they were encoded at their origin. Per origin they
// do not overlap: a segment follows the one before, or says that what lies between will never come.
#pragma once

#include "store/batch.hpp"

namespace edgesync::store {

/// Stores it and moves the origin's last sequence. Requires: it ends after the last sequence held.
void put_segment(SqlTable& table, const RemoteSegment& segment);

/// Forgets it as if it had never been; its numbers stay used.
void erase_segment(SqlTable& table, const ReplicaId& origin, const StoredSegment& segment);

/// Whether this store would ever take it. Fails with: limit_exceeded, unsupported.
Result<void> storable(const RemoteSegment& segment);

/// Stores a segment from a peer; one that is held already changes nothing. False if records are missing before it, if
/// only some of its records are held, if it claims to be of this replica, or if it is not what it claims to be.
bool take_segment(SqlTable& table, const RemoteSegment& segment);

/// Deletes whole segments of one origin that end at or before `trim.through`.
void trim_records(SqlTable& table, const Trim& trim);

/// Sets damaged segments aside; how many records they had. Requires: in a transaction.
std::uint64_t drop_damaged_records(SqlTable& table);

/// Sets a segment aside that the hub will never store. False if there is no room for it.
bool set_segment_aside(SqlTable& table, const RefusedSegment& refused);
/// Puts one back that was set aside: it has been counted and told of before.
void restore_segment(SqlTable& table, const RemoteSegment& segment);

/// Without damaged segments.
Result<std::vector<StoredSegment>> read_segments(SqlTable& table, const ReplicaId& origin, std::uint64_t after,
                                                 std::size_t bytes_max);

/// A segment's share of its scope's fingerprint.
Hash128 segment_hash(const Hash128& key, const ReplicaId& origin, std::uint64_t first, ByteView body) noexcept;

/// Gives the records of `from` after sequence `kept` to `to`, numbered anew, and forgets them of `from`. If `kept` lies
/// within a segment, that one goes as a whole. Fails with: storage_*.
Result<void> reissue_records(SqlTable& table, const ReplicaId& from, const ReplicaId& to, std::uint64_t kept,
                             const stream::Schema& schema);

/// Drops all records; their numbers stay used. `acked`: what the hub has.
void wipe_records(SqlTable& table, const crdt::Context& acked);

}  // namespace edgesync::store
