// SPDX-License-Identifier: Apache-2.0
#include "crdt/survey.hpp"

#include <algorithm>

namespace edgesync::crdt {

Bytes bound_between(ByteView before, ByteView key) {
  const auto [mine, theirs] = std::mismatch(key.begin(), key.end(), before.begin(), before.end());
  return to_bytes(key.first(static_cast<std::size_t>(mine - key.begin()) + 1));
}

std::uint64_t Measure::hash(ByteView key, const Entry& entry) const noexcept {
  if (!common) return fingerprint(fingerprint_key, key, entry).a;
  return fingerprint(fingerprint_key, key, {entry.dot, 0, {}}).a;
}

void Measure::each(CellSource& cells, const KeyRange& range, const Visit& visit) const {
  cells.scan(range, [&](ByteView key, const Cell& cell) {
    for (const Entry& entry : cell)
      if (takes(entry)) visit(key, entry, hash(key, entry));
    return true;
  });
}

void Survey::each(CellSource& cells, const KeyRange& range, const Measure::Visit& visit) {
  measure_.each(cells, range, [&](ByteView key, const Entry& entry, std::uint64_t hash) {
    ++read_;
    visit(key, entry, hash);
  });
}

Tally Survey::look(CellSource& cells, const KeyRange& range) {
  Tally tally;
  each(cells, range, [&](ByteView, const Entry&, std::uint64_t hash) { tally.add(hash); });
  return tally;
}

bool Survey::walk(CellSource& cells, std::size_t entries_max) {
  if (done_) return true;
  std::size_t left = entries_max;
  done_ = true;
  cells.scan({next_, {}}, [&](ByteView key, const Cell& cell) {
    if (left == 0) {
      next_ = to_bytes(key);
      return done_ = false;
    }
    left -= std::min(left, cell.size());
    read_ += cell.size();
    // The entries of one key stay together.
    if (blocks_.empty() || in_block_ >= block_entries_) begin_block(key);
    in_block_ += cell.size();
    for (const Entry& entry : cell)
      if (measure_.takes(entry)) blocks_.back().tally.add(measure_.hash(key, entry));
    last_.assign(key.begin(), key.end());
    return true;
  });
  return done_;
}

void Survey::begin_block(ByteView key) {
  blocks_.push_back({blocks_.empty() ? Bytes{} : bound_between(last_, key), {}});
  in_block_ = 0;
}

std::size_t Survey::first_at(ByteView low) const {
  const auto at = std::lower_bound(blocks_.begin(), blocks_.end(), low,
                                   [](const Block& block, ByteView wanted) { return compare(block.low, wanted) < 0; });
  return static_cast<std::size_t>(at - blocks_.begin());
}

std::vector<Survey::Piece> Survey::pieces(CellSource& cells, const KeyRange& range) {
  std::vector<Piece> pieces;
  const auto add = [&pieces](const Bytes& low, const Bytes& high, const Tally& tally) {
    pieces.push_back({{low, high}, tally});
  };
  // Of the block that `range` ends within nothing is known but by looking, nor of the one that it begins within.
  const std::size_t first = first_at(range.low);
  const std::size_t end = range.high.empty() ? blocks_.size() : first_at(range.high);
  const bool ends_with_block = range.high.empty() || (end < blocks_.size() && equal(blocks_[end].low, range.high));
  const std::size_t whole = ends_with_block ? end : std::max(end, first + 1) - 1;  // blocks [first, whole)
  if (first >= whole) {
    add(range.low, range.high, look(cells, range));
    return pieces;
  }
  if (!equal(range.low, blocks_[first].low)) {
    const KeyRange head{range.low, blocks_[first].low};
    add(head.low, head.high, look(cells, head));
  }
  for (std::size_t i = first; i < whole; ++i)
    add(blocks_[i].low, i + 1 < blocks_.size() ? blocks_[i + 1].low : Bytes{}, blocks_[i].tally);
  if (!ends_with_block) {
    const KeyRange tail{blocks_[whole].low, range.high};
    add(tail.low, tail.high, look(cells, tail));
  }
  pieces.back().range.high = range.high;
  return pieces;
}

Tally Survey::tally(CellSource& cells, const KeyRange& range) {
  Tally tally;
  for (const Piece& piece : pieces(cells, range)) tally.add(piece.tally);
  return tally;
}

}  // namespace edgesync::crdt
