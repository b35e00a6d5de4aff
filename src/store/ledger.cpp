// SPDX-License-Identifier: Apache-2.0
#include "store/ledger.hpp"

#include "base/planted.hpp"
#include "store/row_check.hpp"
#include "store/sql_table.hpp"
#include "stream/drops.hpp"

#include <edgesync/stream.hpp>

#include <algorithm>

namespace edgesync::store {
namespace {

constexpr std::uint64_t reason_bits = 8;

std::uint64_t sealed_reason(std::uint32_t sid, Oid oid, const Gap& gap) {
  const auto why = static_cast<std::uint64_t>(gap.why);
  return why + reason_bits * row_check({sid, oid, gap.first, gap.last, why}, {});
}

std::uint64_t size_of(const Gap& gap) noexcept { return gap.last - gap.first + 1; }

void put(SqlTable& table, Oid oid, const Gap& gap) {
  Query(table.file().db, Sql::gap_put)
      .bind(table.sid())
      .bind(oid)
      .bind(gap.first)
      .bind(gap.last)
      .bind(sealed_reason(table.sid(), oid, gap))
      .step();
}

void drop(SqlTable& table, Oid oid, std::uint64_t last) {
  Query(table.file().db, Sql::gap_drop).bind(table.sid()).bind(oid).bind(last).step();
}

/// So many gaps of one origin that its reasons must do with fewer: no quota counts what is not here.
bool crowded(SqlTable& table, const ReplicaId& origin) {
  return !table.file().is_self(origin) && read_gaps(table, origin, 0, touching_gaps_max).size() == touching_gaps_max;
}

/// Where it begins as one gap with the one right before it, if that can be.
std::uint64_t joined(SqlTable& table, const ReplicaId& origin, Oid oid, const Gap& gap) {
  std::optional<Gap> before;
  {
    Query row(table.file().db, Sql::gap_ending_at);
    if (row.bind(table.sid()).bind(oid).bind(gap.first - 1).step())
      before = open_gap(table.sid(), oid, row.number(0), gap.first - 1, row.number(1));
  }
  if (!before || (before->why != gap.why && !crowded(table, origin))) return gap.first;
  drop(table, oid, before->last);
  return before->first;
}

void note_own(std::vector<Gap>& gaps, const Gap& gap) {
  auto at = std::lower_bound(gaps.begin(), gaps.end(), gap.first,
                             [](const Gap& one, std::uint64_t first) { return one.last < first; });
  if (at != gaps.begin() && std::prev(at)->last + 1 == gap.first && std::prev(at)->why == gap.why)
    std::prev(at)->last = gap.last;
  else
    gaps.insert(at, gap);
}

/// Walks the numbers of `origin` that nothing tells of, from the floor on.
template <class Visit>
void each_unexplained(SqlTable& table, const ReplicaId& origin, Visit visit) {
  const Oid oid = table.file().origins.find(origin);
  std::vector<Gap> known = read_gaps(table, origin, 0, SIZE_MAX);
  {
    Query rows(table.file().db, Sql::segments_of);
    rows.bind(table.sid()).bind(oid);
    while (rows.step()) known.push_back({rows.number(0), rows.number(0) + rows.number(1) - 1, {}});
  }
  std::sort(known.begin(), known.end(), [](const Gap& a, const Gap& b) { return a.first < b.first; });
  std::uint64_t next = table.floors()[origin] + 1;
  for (const Gap& one : known) {
    if (one.first > next) visit(Gap{next, one.first - 1, DropReason::corrupt});
    next = std::max(next, one.last + 1);
  }
  if (const std::uint64_t last = table.context()[origin]; last >= next) visit(Gap{next, last, DropReason::corrupt});
}

}  // namespace

/// Accounts of all, and the gaps of this replica's ids.
void File::read_ledgers(Loaded& loaded) {
  const auto scope_of = [&loaded](std::uint64_t sid) {
    return std::find_if(loaded.scopes.begin(), loaded.scopes.end(),
                        [sid](const LoadedScope& scope) { return scope.sid == sid; });
  };
  selves = {replica_};
  for (const Former& former : loaded.former) selves.push_back(former.id);
  {
    Query rows(db, Sql::accounts);
    while (rows.step()) {
      const auto scope = scope_of(rows.number(0));
      const ReplicaId* origin = origins.find(rows.number(1));
      if (scope == loaded.scopes.end() || origin == nullptr) continue;
      const Drops missing = open_drops(scope->sid, rows.number(1), rows.blob(2));
      const Drops left_out = open_drops(scope->sid, rows.number(1), rows.blob(3));
      (is_self(*origin) ? scope->told_missing : scope->durable.ledger.missing)[*origin] = missing;
      if (left_out.total() > 0) scope->durable.ledger.left_out[*origin] = left_out;
    }
  }
  for (LoadedScope& scope : loaded.scopes) {
    if (scope.plane != Plane::stream) continue;
    for (const ReplicaId& self : selves)
      if (auto gaps = read_gaps(*this, scope.sid, self, 0, SIZE_MAX); !gaps.empty())
        scope.durable.ledger.gaps[self] = std::move(gaps);
  }
}

StreamCounts balance(const Account& account) {
  StreamCounts counts;
  const std::uint64_t acked = account.kept_here ? 0 : std::min(account.acked, account.last);
  const std::uint64_t settled = std::max(acked, std::min(account.floor, account.last));
  std::uint64_t beyond = 0;  // of the pending numbers, those in gaps
  if (account.told.total() <= acked) counts.drops = account.told;
  const std::uint64_t heard = planted(Bug::count_drops_twice) ? 0 : acked;
  for (const Gap& gap : account.gaps) {
    if (gap.last > heard) counts.drops[gap.why] += gap.last - std::max(gap.first - 1, heard);
    if (gap.last > settled) beyond += gap.last - std::max(gap.first - 1, settled);
  }
  const std::uint64_t numbered = counts.drops.total();
  counts.pending = account.kept_here ? 0 : account.last - settled - beyond;
  counts.delivered = account.last - numbered - counts.pending;
  counts.drops += account.left_out;
  counts.produced = account.last + account.left_out.total();
  counts.dropped = counts.drops.total();
  return counts;
}

void add_gap(SqlTable& table, const ReplicaId& origin, const Gap& gap) {
  const Oid oid = table.file().origins.intern(origin);
  put(table, oid, {joined(table, origin, oid, gap), gap.last, gap.why});
  if (table.file().is_self(origin)) note_own(table.ledger().gaps[origin], gap);
  table.advance(crdt::Context({origin, gap.last}));
}

void fill_gap(SqlTable& table, const ReplicaId& origin, std::uint64_t first, std::uint64_t last) {
  if (first > table.context()[origin]) return;  // records that are new fill none
  const Oid oid = table.file().origins.find(origin);
  std::vector<Gap> rest;
  for (const Gap& gap : read_gaps(table, origin, first - 1, SIZE_MAX)) {
    if (gap.first > last) break;
    drop(table, oid, gap.last);
    if (gap.first < first) rest.push_back({gap.first, first - 1, gap.why});
    if (gap.last > last) rest.push_back({last + 1, gap.last, gap.why});
  }
  for (const Gap& gap : rest) put(table, oid, gap);
  if (!table.file().is_self(origin)) return;
  auto& own = table.ledger().gaps[origin];
  std::erase_if(own, [&](const Gap& gap) { return gap.last >= first && gap.first <= last; });
  own.insert(own.end(), rest.begin(), rest.end());
  std::sort(own.begin(), own.end(), [](const Gap& a, const Gap& b) { return a.first < b.first; });
}

bool take_gap(SqlTable& table, const RemoteGap& told) {
  Gap gap = told.gap;
  if (told.origin == table.file().replica() || gap.first == 0 || gap.last < gap.first || gap.last > INT64_MAX)
    return false;
  const std::uint64_t held = table.context()[told.origin];
  if (gap.last <= held) return true;
  if (gap.first > held + 1) return false;
  gap.first = held + 1;
  add_gap(table, told.origin, gap);
  if (table.file().is_self(told.origin)) return true;
  Drops& missing = table.ledger().missing[told.origin];
  if (gap.why == stream::at_root)
    missing = told.missing;
  else
    missing[gap.why] += size_of(gap);
  put_missing(table, told.origin, missing);
  return true;
}

std::uint64_t forget_gaps(SqlTable& table, const ReplicaId& origin, std::uint64_t through) {
  const Oid oid = table.file().origins.find(origin);
  if (oid == 0) return 0;
  std::uint64_t last = 0;
  for (const Gap& gap : read_gaps(table, origin, 0, SIZE_MAX))
    if (gap.last <= through) last = gap.last;
  if (last == 0) return 0;
  Query(table.file().db, Sql::gaps_through).bind(table.sid()).bind(oid).bind(through).step();
  if (const auto own = table.ledger().gaps.find(origin); own != table.ledger().gaps.end())
    std::erase_if(own->second, [through](const Gap& gap) { return gap.last <= through; });
  return last;
}

Drops cut_gaps(SqlTable& table, const ReplicaId& origin, std::uint64_t kept) {
  Drops cut;
  const Oid oid = table.file().origins.find(origin);
  if (oid == 0) return cut;
  const std::vector<Gap> gaps = read_gaps(table, origin, kept, SIZE_MAX);
  Query(table.file().db, Sql::gaps_beyond).bind(table.sid()).bind(oid).bind(kept).step();
  for (const Gap& gap : gaps) {
    cut[gap.why] += gap.last - std::max(gap.first - 1, kept);
    if (gap.first <= kept) put(table, oid, {gap.first, kept, gap.why});
  }
  auto& own = table.ledger().gaps[origin];
  std::erase_if(own, [kept](const Gap& gap) { return gap.first > kept; });
  if (!own.empty()) own.back().last = std::min(own.back().last, kept);
  return cut;
}

Drops missing_through(SqlTable& table, const ReplicaId& origin, std::uint64_t through) {
  const auto at = table.ledger().missing.find(origin);
  if (at == table.ledger().missing.end()) return {};
  Drops missing = at->second;
  for (const Gap& gap : read_gaps(table, origin, through, SIZE_MAX)) {
    if (gap.why == stream::at_root) continue;
    const std::uint64_t beyond = gap.last - std::max(gap.first - 1, through);
    missing[gap.why] -= std::min(missing[gap.why], beyond);
  }
  return missing;
}

void count_left_out(SqlTable& table, const ReplicaId& origin, const Drops& drops) {
  if (drops.total() == 0) return;
  const Oid oid = table.file().origins.intern(origin);
  Drops& all = table.ledger().left_out[origin];
  all += drops;
  const Bytes row = seal_drops(table.sid(), oid, all);
  Query(table.file().db, Sql::left_out_put).bind(table.sid()).bind(oid).bind(row).step();
}

void put_missing(SqlTable& table, const ReplicaId& origin, const Drops& drops) {
  const Oid oid = table.file().origins.intern(origin);
  const Bytes row = seal_drops(table.sid(), oid, drops);
  Query(table.file().db, Sql::missing_put).bind(table.sid()).bind(oid).bind(row).step();
}

std::vector<Gap> read_gaps(File& file, std::uint32_t sid, const ReplicaId& origin, std::uint64_t after,
                           std::size_t limit) {
  std::vector<Gap> gaps;
  const Oid oid = file.origins.find(origin);
  if (oid == 0 || after > INT64_MAX) return gaps;
  Query rows(file.db, Sql::gaps_after);
  rows.bind(sid).bind(oid).bind(after);
  while (gaps.size() < limit && rows.step()) {
    if (const auto gap = open_gap(sid, oid, rows.number(0), rows.number(1), rows.number(2))) gaps.push_back(*gap);
  }
  return gaps;
}

std::vector<Gap> read_gaps(SqlTable& table, const ReplicaId& origin, std::uint64_t after, std::size_t limit) {
  return read_gaps(table.file(), table.sid(), origin, after, limit);
}

std::uint64_t explain_all(SqlTable& table, const ReplicaId& origin) {
  std::vector<Gap> found;
  each_unexplained(table, origin, [&found](const Gap& gap) { found.push_back(gap); });
  std::uint64_t records = 0;
  for (const Gap& gap : found) {
    drop(table, table.file().origins.find(origin), gap.last);  // a damaged row may stand in its place
    add_gap(table, origin, gap);
    records += size_of(gap);
  }
  return records;
}

bool unexplained(SqlTable& table, const ReplicaId& origin) {
  bool any = false;
  each_unexplained(table, origin, [&any](const Gap&) { any = true; });
  return any;
}

std::optional<Gap> open_gap(std::uint32_t sid, Oid oid, std::uint64_t first, std::uint64_t last, std::uint64_t sealed) {
  const Gap gap{first, last, static_cast<DropReason>(sealed % reason_bits)};
  const bool stands = first > 0 && first <= last && sealed == sealed_reason(sid, oid, gap);
  return stands ? std::optional(gap) : std::nullopt;
}

Bytes seal_drops(std::uint32_t sid, Oid oid, const Drops& drops) {
  Bytes row;
  Writer out(row);
  stream::write_drops(out, drops);
  append_check(row, row_check({sid, oid}, row));
  return row;
}

Drops open_drops(std::uint32_t sid, Oid oid, ByteView row) {
  if (row.size() < check_bytes) return {};
  const ByteView counts = row.first(row.size() - check_bytes);
  Reader in(counts);
  const Drops drops = stream::read_drops(in);
  return in.done() && check_at_end(row) == row_check({sid, oid}, counts) ? drops : Drops{};
}

}  // namespace edgesync::store
