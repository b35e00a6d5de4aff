// SPDX-License-Identifier: Apache-2.0
// Ledger: where every record of a stream is that is not here. Per origin each number up to the last is of a record
// held, trimmed once it was stable (the floor), or in a gap with its reason. Gaps are rows; those of this replica, and
// of the ids it went by before, are in memory as well, because its accounts are made of them:
//
//   produced = delivered + pending + dropped
//
// A record is dropped if it is in a gap beyond what the hub acknowledged. Below, the hub's word holds: what was deleted
// while it was on its way may have arrived.
#pragma once

#include "base/bytes.hpp"
#include "store/origins.hpp"

#include <edgesync/records.hpp>

#include <map>
#include <optional>
#include <span>
#include <vector>

namespace edgesync {
struct StreamCounts;
}

namespace edgesync::store {

class File;
struct RemoteGap;
class SqlTable;

struct Ledger {
  std::map<ReplicaId, Drops> missing{};          ///< Of others: what was reported as dropped, ever.
  std::map<ReplicaId, Drops> left_out{};         ///< Own: records that were given no number.
  std::map<ReplicaId, std::vector<Gap>> gaps{};  ///< Own: ascending, disjoint.
  bool operator==(const Ledger&) const = default;
};

/// What one of this replica's ids is accountable for.
struct Account {
  std::uint64_t last = 0, acked = 0, floor = 0;
  Drops told{};  ///< Of the numbers up to `acked`, what the hub never got.
  Drops left_out{};
  std::span<const Gap> gaps{};
  bool kept_here = false;  ///< Nobody is to get them: what is held counts as delivered.
};
StreamCounts balance(const Account& account);

/// Others' gaps that touch keep their own reasons as long as their origin has fewer than this; then the last one's
/// holds for both.
inline constexpr std::size_t touching_gaps_max = 1024;

/// Records of `origin` are not here, nor will they be. The context is raised to the last. Requires: none of them is.
void add_gap(SqlTable& table, const ReplicaId& origin, const Gap& gap);
/// Records that were in gaps are here again.
void fill_gap(SqlTable& table, const ReplicaId& origin, std::uint64_t first, std::uint64_t last);
/// What a peer said will not come; what of it is here stays. False if records are missing before it.
bool take_gap(SqlTable& table, const RemoteGap& told);
/// Forgets gaps that end at or before `through`: the floor takes their place. The last of them; 0 if there are none.
std::uint64_t forget_gaps(SqlTable& table, const ReplicaId& origin, std::uint64_t through);
/// Takes the gaps beyond `kept` away; how many records they had.
Drops cut_gaps(SqlTable& table, const ReplicaId& origin, std::uint64_t kept);
/// Of the records of another up to `through`, those that were reported as dropped.
Drops missing_through(SqlTable& table, const ReplicaId& origin, std::uint64_t through);
void count_left_out(SqlTable& table, const ReplicaId& origin, const Drops& drops);
void put_missing(SqlTable& table, const ReplicaId& origin, const Drops& drops);

/// From the file, of any origin: gaps that end after `after`, ascending, without damaged rows.
std::vector<Gap> read_gaps(File& file, std::uint32_t sid, const ReplicaId& origin, std::uint64_t after,
                           std::size_t limit);
std::vector<Gap> read_gaps(SqlTable& table, const ReplicaId& origin, std::uint64_t after, std::size_t limit);
/// Makes a gap of each number of `origin` that nothing tells of; how many there were.
std::uint64_t explain_all(SqlTable& table, const ReplicaId& origin);
/// Whether nothing tells of some number of `origin`.
bool unexplained(SqlTable& table, const ReplicaId& origin);

/// A row of a gap; nothing if it is not what was written.
std::optional<Gap> open_gap(std::uint32_t sid, Oid oid, std::uint64_t first, std::uint64_t last, std::uint64_t sealed);
/// A row's counts and check; nothing if it is not what was written.
Bytes seal_drops(std::uint32_t sid, Oid oid, const Drops& drops);
Drops open_drops(std::uint32_t sid, Oid oid, ByteView row);

}  // namespace edgesync::store
