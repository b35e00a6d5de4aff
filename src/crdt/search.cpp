// SPDX-License-Identifier: Apache-2.0
#include "crdt/search.hpp"

#include <algorithm>

namespace edgesync::crdt {
namespace {

/// Parts of about `size` entries, of what comes in key order; several, unless it is in one piece.
class Parts {
 public:
  Parts(const KeyRange& range, std::uint64_t size) : high_(range.high), size_(size) {
    parts_.emplace_back().range = range;
  }
  /// `count` entries that begin with `low` are next.
  void begin(Bytes low, std::uint64_t count) {
    if (!wants_begin(count) || equal(parts_.back().range.low, low)) return;
    parts_.back().range.high = low;
    parts_.emplace_back().range = {std::move(low), high_};
  }
  bool wants_begin(std::uint64_t count) const { return parts_.back().count >= size_ || count >= size_; }
  void add(const Tally& tally) {
    parts_.back().sum += tally.sum;
    parts_.back().count += tally.count;
  }
  std::vector<Finding> take() { return std::move(parts_); }

 private:
  const Bytes& high_;
  std::uint64_t size_;
  std::vector<Finding> parts_;
};

/// The entries of a range that is small enough to be held.
struct Held {
  struct Key {
    Bytes key{};
    std::size_t first = 0;  ///< Of its entries, in `hashes`.
  };
  std::vector<Key> keys{};
  std::vector<std::uint64_t> hashes{};
};

Held hold(Survey& survey, CellSource& cells, const KeyRange& range) {
  Held held;
  survey.each(cells, range, [&](ByteView key, const Entry&, std::uint64_t hash) {
    if (held.keys.empty() || !equal(held.keys.back().key, key))
      held.keys.push_back({to_bytes(key), held.hashes.size()});
    held.hashes.push_back(hash);
  });
  return held;
}

std::vector<Finding> parts_of(const Held& held, const KeyRange& range, std::uint64_t size) {
  Parts parts(range, size);
  for (std::size_t i = 0; i < held.keys.size(); ++i) {
    const std::size_t end = i + 1 < held.keys.size() ? held.keys[i + 1].first : held.hashes.size();
    const std::size_t count = end - held.keys[i].first;
    if (i > 0 && parts.wants_begin(count)) parts.begin(bound_between(held.keys[i - 1].key, held.keys[i].key), count);
    for (std::size_t at = held.keys[i].first; at < end; ++at) parts.add({1, held.hashes[at]});
  }
  return parts.take();
}

std::uint64_t share(std::uint64_t count, const SearchShape& shape) {
  return std::max<std::uint64_t>(1, (count + shape.fan_out - 1) / shape.fan_out);
}

}  // namespace

Context meet(const Context& a, const Context& b) {
  Context common;
  for (const Context::Item& item : a.items()) common.advance({item.replica, std::min(item.stamp, b[item.replica])});
  return common;
}

std::vector<Finding> inspect(Survey& survey, CellSource& cells, const KeyRange& range, const SearchShape& shape) {
  std::vector<Survey::Piece> pieces = survey.pieces(cells, range);
  Tally all;
  for (const Survey::Piece& piece : pieces) all.add(piece.tally);
  if (pieces.size() > shape.fan_out && all.count > shape.small_entries) {
    Parts parts(range, share(all.count, shape));
    for (Survey::Piece& piece : pieces) {
      parts.begin(std::move(piece.range.low), piece.tally.count);
      parts.add(piece.tally);
    }
    return parts.take();
  }
  Held held = hold(survey, cells, range);
  if (held.hashes.size() > shape.small_entries) {
    std::vector<Finding> parts = parts_of(held, range, share(held.hashes.size(), shape));
    if (parts.size() > 1) return parts;
  }
  // Few entries, or all of one key, which cannot be divided.
  return {Finding{range, true, 0, 0, std::move(held.hashes)}};
}

bool Search::take(CellSource& cells, const Finding& finding) {
  if (finding.small) return list(cells, finding), false;
  const Tally mine = survey_.tally(cells, finding.range);
  return mine.count > 0 && mine != Tally{finding.count, finding.sum};
}

void Search::list(CellSource& cells, const Finding& finding) {
  std::vector<std::uint64_t> theirs = finding.hashes;
  std::sort(theirs.begin(), theirs.end());
  survey_.each(cells, finding.range, [&](ByteView key, const Entry& entry, std::uint64_t hash) {
    if (std::binary_search(theirs.begin(), theirs.end(), hash)) return;
    removed_[to_bytes(key)].push_back(entry.dot);
    bytes_ += key.size() + sizeof(Dot) + 64;
  });
}

}  // namespace edgesync::crdt
