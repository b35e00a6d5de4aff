// SPDX-License-Identifier: Apache-2.0
// The bodies of Findings and Inspect: ranges in ascending order that do not overlap, each with what is told of it.
#include "wire/fields.hpp"

#include <algorithm>

namespace edgesync::wire {
namespace {

std::size_t common_front(ByteView a, ByteView b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

/// Bounds, each as what it has in front in common with the one before it, and the rest.
class BoundWriter {
 public:
  explicit BoundWriter(Writer& out) noexcept : out_(out) {}
  void put(const crdt::KeyRange& range) { put(range.low), put(range.high); }

 private:
  void put(ByteView bound) {
    const std::size_t front = common_front(before_, bound);
    out_.varint(front);
    out_.blob(bound.subspan(front));
    before_ = bound;
  }

  Writer& out_;
  ByteView before_{};
};

/// One body's ranges, as they are read.
class Ranges {
 public:
  Ranges(ByteView body, Budget& budget) noexcept : in_(body), budget_(budget) {}

  Reader& in() noexcept { return in_; }
  std::size_t count(std::size_t bytes_each, std::size_t memory_each) {
    const std::size_t count = in_.count(bytes_each);
    return budget_.container(count, memory_each) ? count : 0;
  }
  crdt::KeyRange next() {
    crdt::KeyRange range{bound(), bound()};
    const bool follows = !ended_ && compare(high_, range.low) <= 0;
    if (!follows || (!range.high.empty() && compare(range.low, range.high) >= 0))
      budget_.malformed("ranges do not ascend");
    ended_ = range.high.empty();
    high_ = range.high;
    return range;
  }
  /// Requires: everything was read.
  void finish() {
    if (!budget_.failed() && !in_.done()) budget_.malformed("not a list of ranges");
  }
  bool failed() const noexcept { return in_.failed() || budget_.failed(); }
  Budget& budget() noexcept { return budget_; }

 private:
  Bytes bound() {
    const std::uint64_t front = in_.varint();
    const ByteView rest = in_.blob();
    const ByteView before = before_;
    if (front > before.size() || (front < before.size() && !rest.empty() && rest[0] == before[front]))
      budget_.malformed("a bound that is not shortened");
    else if (front + rest.size() > budget_.limits().key_bytes)
      budget_.exceeded("range bound");
    if (budget_.failed() || !budget_.memory(front + rest.size())) return {};
    before_.resize(front);
    before_.insert(before_.end(), rest.begin(), rest.end());
    return before_;
  }

  Reader in_;
  Budget& budget_;
  Bytes before_{}, high_{};
  bool ended_ = false;
};

void read_hashes(Ranges& ranges, std::vector<std::uint64_t>& hashes) {
  hashes.resize(ranges.count(sizeof(std::uint64_t), sizeof(std::uint64_t)));
  for (std::uint64_t& hash : hashes) hash = ranges.in().u64();
}

}  // namespace

void FieldWriter::put(const std::vector<crdt::KeyRange>& value) {
  Bytes body;
  Writer out(body);
  BoundWriter bounds(out);
  out.varint(value.size());
  for (const crdt::KeyRange& range : value) bounds.put(range);
  put(ByteView(body));
}

void FieldWriter::put(const std::vector<crdt::Finding>& value) {
  Bytes body;
  Writer out(body);
  BoundWriter bounds(out);
  out.varint(value.size());
  for (const crdt::Finding& finding : value) {
    bounds.put(finding.range);
    out.u8(finding.small ? 1 : 0);
    out.varint(finding.small ? finding.hashes.size() : finding.count);
    if (!finding.small) out.u64(finding.sum);
    for (const std::uint64_t hash : finding.hashes) out.u64(hash);
  }
  put(ByteView(body));
}

void FieldReader::get(std::vector<crdt::KeyRange>& value) {
  Ranges ranges(binary(), budget_);
  if (budget_.failed()) return;
  value.resize(ranges.count(4, sizeof(crdt::KeyRange)));
  for (crdt::KeyRange& range : value)
    if (!ranges.failed()) range = ranges.next();
  ranges.finish();
}

void FieldReader::get(std::vector<crdt::Finding>& value) {
  Ranges ranges(binary(), budget_);
  if (budget_.failed()) return;
  value.resize(ranges.count(6, sizeof(crdt::Finding)));
  for (crdt::Finding& finding : value) {
    if (ranges.failed()) break;
    finding.range = ranges.next();
    const std::uint8_t small = ranges.in().u8();
    if (small > 1) budget_.malformed("a finding of an unknown kind");
    finding.small = small == 1;
    if (finding.small) {
      read_hashes(ranges, finding.hashes);
    } else {
      finding.count = ranges.in().varint();
      finding.sum = ranges.in().u64();
    }
  }
  ranges.finish();
}

}  // namespace edgesync::wire
