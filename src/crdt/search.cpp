// SPDX-License-Identifier: Apache-2.0
#include "crdt/search.hpp"

#include <algorithm>

namespace edgesync::crdt {
namespace {

using VisitEntry = Function<void(ByteView key, const Entry& entry, const Hash128& hash)>;

/// An entry is hashed by what it is, not by what it holds: damaged content is no removal.
Hash128 identity(const Hash128& fingerprint_key, ByteView key, const Dot& dot) {
  return fingerprint(fingerprint_key, key, {dot, 0, {}});
}

void each_common(CellSource& cells, const Hash128& fingerprint_key, const KeyRange& range, const Context& common,
                 const VisitEntry& visit) {
  cells.scan(range, [&](ByteView key, const Cell& cell) {
    for (const Entry& entry : cell)
      if (common.covers(entry.dot)) visit(key, entry, identity(fingerprint_key, key, entry.dot));
    return true;
  });
}

Summary summary_of(CellSource& cells, const Hash128& fingerprint_key, const KeyRange& range, const Context& common) {
  Summary summary;
  each_common(cells, fingerprint_key, range, common, [&](ByteView, const Entry&, const Hash128& hash) {
    summary.sum += hash;
    ++summary.count;
  });
  return summary;
}

/// Parts of about `size` entries each; a part ends before the key of its last entry's successor.
std::vector<Finding> parts_of(CellSource& cells, const Hash128& fingerprint_key, const KeyRange& range,
                              const Context& common, std::uint64_t size) {
  std::vector<Finding> parts{{{range.low, range.high}, {}, {}, false}};
  each_common(cells, fingerprint_key, range, common, [&](ByteView key, const Entry&, const Hash128& hash) {
    const bool full = parts.back().summary.count >= size;
    if (full && !equal(parts.back().range.low, key)) {
      parts.back().range.high = to_bytes(key);
      parts.push_back({{to_bytes(key), range.high}, {}, {}, false});
    }
    parts.back().summary.sum += hash;
    ++parts.back().summary.count;
  });
  return parts;
}

}  // namespace

Context meet(const Context& a, const Context& b) {
  Context common;
  for (const Context::Item& item : a.items()) common.advance({item.replica, std::min(item.stamp, b[item.replica])});
  return common;
}

std::vector<Finding> inspect(CellSource& cells, const Hash128& fingerprint_key, const KeyRange& range,
                             const Context& common, const SearchShape& shape) {
  Finding all{range, {}, {}, true};
  each_common(cells, fingerprint_key, range, common, [&](ByteView, const Entry&, const Hash128& hash) {
    ++all.summary.count;
    if (all.summary.count <= shape.small_entries) all.hashes.push_back(hash.a);
  });
  if (all.summary.count > shape.small_entries)
    return parts_of(cells, fingerprint_key, range, common, (all.summary.count + shape.fan_out - 1) / shape.fan_out);
  std::sort(all.hashes.begin(), all.hashes.end());
  all.summary = {};
  return {std::move(all)};
}

std::vector<KeyRange> Search::take(CellSource& cells, std::span<const Finding> findings) {
  std::vector<KeyRange> different;
  for (const Finding& finding : findings) {
    if (finding.small) {
      list(cells, finding);
      continue;
    }
    const Summary mine = summary_of(cells, fingerprint_key_, finding.range, common_);
    if (mine.count > 0 && mine != finding.summary) different.push_back(finding.range);
  }
  return different;
}

void Search::list(CellSource& cells, const Finding& finding) {
  each_common(cells, fingerprint_key_, finding.range, common_,
              [&](ByteView key, const Entry& entry, const Hash128& hash) {
                if (std::binary_search(finding.hashes.begin(), finding.hashes.end(), hash.a)) return;
                removed_[to_bytes(key)].push_back(entry.dot);
                bytes_ += key.size() + sizeof(Dot) + 64;
              });
}

}  // namespace edgesync::crdt
