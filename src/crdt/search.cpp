// SPDX-License-Identifier: Apache-2.0
#include "crdt/search.hpp"

#include <algorithm>

namespace edgesync::crdt {
namespace {

using VisitEntry = Function<void(ByteView key, const Entry& entry, std::uint64_t hash)>;

/// An entry is hashed by what it is, not by what it holds: damaged content is no removal.
std::uint64_t identity(const Hash128& fingerprint_key, ByteView key, const Dot& dot) {
  return fingerprint(fingerprint_key, key, {dot, 0, {}}).a;
}

void each_common(CellSource& cells, const Hash128& fingerprint_key, const KeyRange& range, const Context& common,
                 const VisitEntry& visit) {
  cells.scan(range, [&](ByteView key, const Cell& cell) {
    for (const Entry& entry : cell)
      if (common.covers(entry.dot)) visit(key, entry, identity(fingerprint_key, key, entry.dot));
    return true;
  });
}

void add(Finding& finding, std::uint64_t hash) {
  finding.sum += hash;
  ++finding.count;
}

/// Parts of about `size` entries each.
std::vector<Finding> parts_of(CellSource& cells, const Hash128& fingerprint_key, const KeyRange& range,
                              const Context& common, std::uint64_t size) {
  std::vector<Finding> parts(1);
  parts.back().range = range;
  Bytes last;  // the entries of one key stay together
  each_common(cells, fingerprint_key, range, common, [&](ByteView key, const Entry&, std::uint64_t hash) {
    if (parts.back().count >= size && !equal(last, key)) {
      parts.back().range.high = to_bytes(key);
      parts.emplace_back().range = {to_bytes(key), range.high};
    }
    last.assign(key.begin(), key.end());
    add(parts.back(), hash);
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
  std::uint64_t count = 0;
  each_common(cells, fingerprint_key, range, common, [&](ByteView, const Entry&, std::uint64_t) { ++count; });
  if (count > shape.small_entries) {
    const std::uint64_t size = (count + shape.fan_out - 1) / shape.fan_out;
    std::vector<Finding> parts = parts_of(cells, fingerprint_key, range, common, size);
    if (parts.size() > 1) return parts;
  }
  // Few entries, or all of one key, which cannot be divided.
  Finding all{range, true, 0, 0, {}};
  each_common(cells, fingerprint_key, range, common,
              [&](ByteView, const Entry&, std::uint64_t hash) { all.hashes.push_back(hash); });
  std::sort(all.hashes.begin(), all.hashes.end());
  return {std::move(all)};
}

std::vector<KeyRange> Search::take(CellSource& cells, std::span<const Finding> findings) {
  std::vector<KeyRange> different;
  for (const Finding& finding : findings) {
    if (finding.small) {
      list(cells, finding);
      continue;
    }
    Finding mine;
    each_common(cells, fingerprint_key_, finding.range, common_,
                [&](ByteView, const Entry&, std::uint64_t hash) { add(mine, hash); });
    const bool same = mine.sum == finding.sum && mine.count == finding.count;
    if (mine.count > 0 && !same) different.push_back(finding.range);
  }
  return different;
}

void Search::list(CellSource& cells, const Finding& finding) {
  each_common(cells, fingerprint_key_, finding.range, common_,
              [&](ByteView key, const Entry& entry, std::uint64_t hash) {
                if (std::binary_search(finding.hashes.begin(), finding.hashes.end(), hash)) return;
                removed_[to_bytes(key)].push_back(entry.dot);
                bytes_ += key.size() + sizeof(Dot) + 64;
              });
}

}  // namespace edgesync::crdt
