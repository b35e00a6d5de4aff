// SPDX-License-Identifier: Apache-2.0
#include "crdt/reissue.hpp"

#include "crdt/transaction.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace edgesync::crdt {
namespace {

using KeySet = std::set<Bytes, BytesLess>;

void sort(Cell& cell) {
  std::sort(cell.begin(), cell.end(), [](const Entry& a, const Entry& b) { return a.dot < b.dot; });
}

/// What `part` adds to the counter's value where `baseline` stands.
std::int64_t contribution(const std::optional<CounterPart>& part, const std::optional<CounterPart>& baseline) {
  if (!part) return 0;
  const bool reset = baseline && baseline->incarnation == part->incarnation;
  std::int64_t left = 0;
  return reset && !__builtin_sub_overflow(part->sum, baseline->sum, &left) ? left : reset ? 0 : part->sum;
}

class Reissue {
 public:
  Reissue(RewindableTable& table, const ReplicaId& from, const ReplicaId& to, Stamp kept, const VersionsOf& versions_of)
      : table_(table), from_(from), to_(to), kept_(kept), versions_of_(versions_of) {}

  Stamp run() {
    const Stamp last = table_.context()[from_];
    if (last <= kept_) return kept_;
    lower_for_counters();
    const Stamp floor = table_.floors()[from_];
    collect();
    for (const Bytes& key : keys_) move(key);
    table_.rewind({from_, first_});
    write_log();
    Context reached({to_, last});
    reached.advance({from_, kept_});
    table_.advance(reached);
    if (floor > first_) restore_floors(floor);
    return kept_;
  }

  /// The range removals of `author` no longer observe what was taken back.
  void narrow(const ReplicaId& author) {
    std::vector<LogItem> items;
    table_.scan_log(author, 0, [&](const LogItem& item) {
      const bool wide = item.type == LogItem::Type::remove_range && item.observed[from_] > kept_;
      if (wide || !items.empty()) items.push_back(item);
      return true;
    });
    if (items.empty()) return;
    Context last, floors;
    last.advance({author, table_.context()[author]});
    floors.advance({author, table_.floors()[author]});
    table_.rewind({author, items.front().dot.stamp - 1});
    for (LogItem& item : items) {
      item.observed = lowered(item.observed, {from_, kept_});
      table_.log(item);
    }
    table_.advance(last);
    table_.raise_floors(floors);
  }

 private:
  /// Below what a counter remembers of itself nothing can be said about it: then more is said again.
  void lower_for_counters() {
    for (Stamp before = kept_ + 1; kept_ < before;) {
      before = kept_;
      table_.scan_log(from_, kept_, [&](const LogItem& item) {
        if (item.type != LogItem::Type::write || !is_counter_of(item.key, from_)) return true;
        if (const auto versions = versions_of_(item.key)) kept_ = versions->known(kept_);
        return true;
      });
    }
  }

  /// The counter cell that stands again once what came after `kept` is taken back.
  std::optional<Entry> base_of(ByteView key) const {
    const auto versions = versions_of_(key);
    const auto* base = versions ? versions->at(kept_) : nullptr;
    if (base == nullptr || base->stamp == 0) return std::nullopt;
    return Entry{{from_, base->stamp}, 0, base->value};
  }

  void collect() {
    table_.scan_log(from_, kept_, [&](const LogItem& item) {
      if (item.type == LogItem::Type::write && holds(table_.find(item.key), item.dot)) keys_.insert(item.key);
      return true;
    });
    first_ = kept_;
    for (const Bytes& key : keys_)
      if (is_counter_of(key, from_))
        if (const auto base = base_of(key)) first_ = std::min(first_, base->dot.stamp - 1);
    table_.scan_log(from_, first_, [&](const LogItem& item) {
      // The write of a counter moves to another key, and says so itself.
      const bool counter =
          item.dot.stamp > kept_ && item.type == LogItem::Type::write && is_counter_of(item.key, from_);
      if (!counter) items_.push_back(item);
      return true;
    });
  }

  void move(const Bytes& key) {
    const Cell before = table_.find(key);
    if (is_counter_of(key, from_)) return move_counter(key, before);
    Cell after = before;
    for (Entry& entry : after)
      if (taken_back(entry)) entry.dot.replica = to_;
    sort(after);
    table_.replace(key, before, after);
  }

  bool taken_back(const Entry& entry) const noexcept { return entry.dot.replica == from_ && entry.dot.stamp > kept_; }

  void move_counter(const Bytes& key, const Cell& before) {
    const std::string path = split(key)->path;
    const auto baseline = counter_part(table_.find(cell_key(path, Kind::baseline, from_.bytes)));
    const std::int64_t now = contribution(counter_part(before), baseline);
    Dot dot{to_, 0};
    Cell after;
    for (const Entry& entry : before)
      if (!taken_back(entry))
        after.push_back(entry);
      else
        dot.stamp = std::max(dot.stamp, entry.dot.stamp);
    if (auto base = base_of(key)) {
      const LogItem item{base->dot, LogItem::Type::write, key, {}, {}};
      if (std::find(items_.begin(), items_.end(), item) == items_.end()) items_.push_back(item);
      after.push_back(*std::move(base));
      sort(after);
    }
    const std::int64_t then = contribution(counter_part(after), baseline);
    CounterPart added{0, 1, 0};
    if (__builtin_sub_overflow(now, then, &added.sum)) added.sum = now;
    const Bytes moved = cell_key(path, Kind::count, to_.bytes);
    table_.replace(key, before, after);
    table_.replace(moved, {}, {Entry{dot, 0, encode(added)}});
    items_.push_back({dot, LogItem::Type::write, moved, {}, {}});
  }

  void write_log() {
    for (LogItem& item : items_) {
      if (item.dot.stamp > kept_) item.dot.replica = to_;
      if (item.type == LogItem::Type::remove_range) item.observed = lowered(item.observed, {from_, kept_});
    }
    std::stable_sort(items_.begin(), items_.end(),
                     [](const LogItem& a, const LogItem& b) { return a.dot.stamp < b.dot.stamp; });
    for (const LogItem& item : items_) table_.log(item);
  }

  /// Removals whose records are gone happened under both names now.
  void restore_floors(Stamp floor) {
    Context floors({from_, std::min(floor, kept_)});
    if (floor > kept_) floors.advance({to_, floor});
    table_.raise_floors(floors);
  }

  RewindableTable& table_;
  const ReplicaId& from_;
  const ReplicaId& to_;
  Stamp kept_;
  Stamp first_ = 0;  // the log is written anew from here on: below `kept_` if a counter's cell comes back
  const VersionsOf& versions_of_;
  KeySet keys_;
  std::vector<LogItem> items_;
};

}  // namespace

Context lowered(const Context& context, const Dot& to) {
  Context result;
  for (const Context::Item& item : context.items())
    result.advance({item.replica, item.replica == to.replica ? std::min(item.stamp, to.stamp) : item.stamp});
  return result;
}

void CounterVersions::replaced(const Entry& before, Stamp next, Stamp stable) {
  const Version version{before.dot.stamp, next, before.value};
  if (version.stamp <= stable)
    versions_.clear();
  else if (versions_.empty())
    versions_.push_back({0, version.stamp, {}});  // it is the first one
  else if (versions_.size() == 2 && versions_[1].stamp <= stable)
    versions_.erase(versions_.begin());
  if (versions_.size() < 2) versions_.push_back(version);
}

const CounterVersions::Version* CounterVersions::at(Stamp kept) const noexcept {
  for (const Version& version : versions_)
    if (version.stamp <= kept && kept < version.next) return &version;
  return nullptr;
}

Stamp CounterVersions::known(Stamp kept) const noexcept {
  Stamp best = 0;
  for (const Version& version : versions_)
    if (version.stamp <= kept) best = std::max(best, std::min(kept, version.next - 1));
  return best;
}

Bytes CounterVersions::encode() const {
  Bytes bytes;
  Writer out(bytes);
  for (const Version& version : versions_) {
    out.u64(version.stamp);
    out.u64(version.next);
    out.blob(version.value);
  }
  return bytes;
}

std::optional<CounterVersions> CounterVersions::decode(ByteView bytes) {
  CounterVersions versions;
  Reader in(bytes);
  while (!in.failed() && in.left() > 0) {
    Version version;
    version.stamp = in.u64();
    version.next = in.u64();
    version.value = to_bytes(in.blob());
    versions.versions_.push_back(std::move(version));
  }
  if (!in.done() || versions.versions_.size() > 2) return std::nullopt;
  return versions;
}

bool is_counter_of(ByteView key, const ReplicaId& owner) {
  const ByteView id(owner.bytes);
  if (key.size() < id.size() + 2 || !equal(key.last(id.size()), id)) return false;
  const auto parts = split(key);
  return parts && parts->kind == static_cast<std::uint8_t>(Kind::count) && equal(parts->suffix, id);
}

Stamp reissue(RewindableTable& table, const ReplicaId& from, const ReplicaId& to, Stamp kept,
              const VersionsOf& versions_of, std::span<const ReplicaId> later) {
  Reissue reissue(table, from, to, kept, versions_of);
  kept = reissue.run();
  for (const ReplicaId& author : later)
    if (author != from) reissue.narrow(author);
  return kept;
}

}  // namespace edgesync::crdt
