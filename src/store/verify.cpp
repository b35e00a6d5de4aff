// SPDX-License-Identifier: Apache-2.0
#include "store/verify.hpp"

#include "store/growth.hpp"
#include "store/journal.hpp"
#include "store/ledger.hpp"
#include "store/records.hpp"
#include "store/version_rows.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

class ScopeCheck {
 public:
  ScopeCheck(SqlTable& table, const Scope& scope, std::vector<std::string>& findings)
      : table_(table), findings_(findings), where_(name(scope.plane) + (" scope " + scope.name)) {}

  void run(const Scope& scope) {
    if (scope.plane == Plane::stream) {
      check_records();
    } else {
      check_log();
      check_cells();
    }
    if (scope.plane == Plane::config) check_versions();
    // A stream's fingerprint speaks of every segment ever held; those that went cannot be counted again.
    if (!trimmed_ && sum_ != table_.state().summary) {
      find("fingerprint differs from the content");
      table_.want_sweep();
    }
    check_journal(scope.id);
    drain("read");
    if (table_.wants_sweep()) find("damaged rows; the next commit sets them aside");
    table_.take_unknown();
  }

 private:
  void find(const std::string& what) { findings_.push_back(where_ + ": " + what); }

  void drain(const char* what) {
    if (auto error = table_.file().db.take_error()) find(what + (": " + error->detail));
  }

  /// 64 bits stand for a key and its dot: 8 bytes per item, whatever the keys are.
  static std::uint64_t mark(ByteView key, const crdt::Dot& dot) noexcept {
    return fingerprint({1, 2}, key, crdt::Entry{dot, 0, {}}).a;
  }

  void check_log() {
    std::uint64_t items = 0, removals = 0;
    for (const auto& origin : table_.context().items()) {
      table_.scan_log(origin.replica, 0, [&](const crdt::LogItem& item) {
        ++items;
        removals += item.type != crdt::LogItem::Type::write;
        if (item.dot.stamp > origin.stamp) find("log: an item beyond the context");
        if (item.type == crdt::LogItem::Type::write) logged_.push_back(mark(item.key, item.dot));
        return true;
      });
      drain("log");
    }
    if (items != table_.state().log_items || removals != table_.state().removals) find("log: count of items differs");
    std::sort(logged_.begin(), logged_.end());
  }

  void check_cells() {
    std::uint64_t unlogged = 0, uncovered = 0, bytes = 0;
    table_.scan({}, [&](ByteView key, const crdt::Cell& cell) {
      for (const crdt::Entry& entry : cell) {
        sum_.sum += fingerprint(table_.fingerprint_key(), key, entry);
        ++sum_.count;
        bytes += entry_bytes(key, entry.value);
        uncovered += !table_.context().covers(entry.dot);
        unlogged += !std::binary_search(logged_.begin(), logged_.end(), mark(key, entry.dot));
      }
      return true;
    });
    drain("cells");
    if (bytes != table_.state().bytes) find("cells: count of bytes differs");
    if (uncovered > 0) find(std::to_string(uncovered) + " entries beyond the context");
    for (const crdt::KeyRange& range : table_.noted().ranges())
      find("cells: a damaged row, keys from " + to_hex(range.low) + " to " + to_hex(range.high));
    for (const crdt::KeyRange& range : table_.state().damaged.ranges())
      find("damaged and not yet mended: keys from " + to_hex(range.low) + " to " + to_hex(range.high));
    if (unlogged > 0) find(std::to_string(unlogged) + " entries without a log item");
  }

  void check_records() {
    for (const auto& origin : table_.context().items()) {
      std::uint64_t after = table_.floors()[origin.replica];
      for (;;) {
        const auto segments = read_segments(table_, origin.replica, after, 1);
        if (!segments) return find(segments.error().detail);
        if (segments->empty()) break;
        check_segment(origin, segments->front());
        after = std::max(after + 1, segments->front().first + segments->front().count - 1);
      }
      trimmed_ = trimmed_ || table_.floors()[origin.replica] > 0 || !read_gaps(table_, origin.replica, 0, 1).empty();
      if (unexplained(table_, origin.replica)) {
        find("records of " + to_string(origin.replica) + " are missing, and nothing says why");
        table_.want_sweep();
      }
    }
  }

  void check_segment(const crdt::Context::Item& origin, const StoredSegment& segment) {
    const std::string which = "segment " + std::to_string(segment.first) + " of " + to_string(origin.replica);
    const auto info = stream::inspect(segment.body);
    if (!info) find(which + ": " + info.error().detail);
    const bool same = info && info->first == segment.first && info->count == segment.count;
    if (info && !same) find(which + ": numbers differ from its row");
    if (segment.first + segment.count - 1 > origin.stamp) find(which + ": beyond the context");
    sum_.sum += segment_hash(table_.fingerprint_key(), origin.replica, segment.first, segment.body);
    sum_.count += segment.count;
  }

  void check_versions() {
    const auto versions = read_versions(table_, {});
    if (!versions) return find(versions.error().detail);
    for (const VersionRow& row : *versions) {
      const std::string id = to_hex(row.manifest.id);
      const auto release = read_release(table_, {row.manifest.number, id}, {});
      if (!release) find("version " + id + ": " + release.error().detail);
      if (release && !release->content.empty() && sha256(release->content) != release->manifest.id)
        find("version " + id + ": content differs from its id");
    }
  }

  void check_journal(ScopeId id) {
    const auto entries = read_journal(table_, id, SIZE_MAX);
    if (!entries) find(entries.error().detail);
  }

  SqlTable& table_;
  std::vector<std::string>& findings_;
  std::string where_;
  crdt::Summary sum_;
  std::vector<std::uint64_t> logged_;
  bool trimmed_ = false;  // of a stream: some of what was held is not here any more
};

}  // namespace

void verify_pages(File& file, std::vector<std::string>& findings) {
  Query rows(file.db, Sql::integrity);
  while (rows.step())
    if (as_text(rows.blob(0)) != "ok") findings.push_back("pages: " + std::string(as_text(rows.blob(0))));
  if (auto error = file.db.take_error()) findings.push_back("pages: " + error->detail);
}

void verify_scope(SqlTable& table, const Scope& scope, std::vector<std::string>& findings) {
  ScopeCheck(table, scope, findings).run(scope);
}

}  // namespace edgesync::store
