// SPDX-License-Identifier: Apache-2.0
// Contexts against a std::map, and many range removals at once against one after the other: what a version vector and a
// set of ranges mean, said in the plainest way.
#include "crdt/memory_table.hpp"
#include "crdt/range_drop.hpp"
#include "crdt/search.hpp"
#include "fuzz/input.hpp"

#include <map>

using namespace edgesync;
using fuzz::holds;

namespace {

using Plain = std::map<ReplicaId, crdt::Stamp>;

crdt::Dot dot(fuzz::Input& in) { return {{{static_cast<std::byte>(in.below(5))}}, 1 + in.below(6)}; }

void advance(Plain& plain, const crdt::Dot& dot) { plain[dot.replica] = std::max(plain[dot.replica], dot.stamp); }

bool covers(const Plain& plain, const Plain& other) {
  for (const auto& [replica, stamp] : other)
    if (!plain.contains(replica) || plain.at(replica) < stamp) return false;
  return true;
}

struct Pair {
  crdt::Context context{};
  Plain plain{};
};

void check(const Pair& pair) {
  holds(pair.context.items().size() == pair.plain.size(), "as many replicas");
  auto at = pair.plain.begin();
  for (const auto& item : pair.context.items()) {
    holds(item.replica == at->first && item.stamp == at->second, "the same stamps in the same order");
    holds(pair.context.covers(crdt::Dot{item.replica, item.stamp}), "a context covers its own");
    holds(!pair.context.covers(crdt::Dot{item.replica, item.stamp + 1}), "and no more");
    ++at;
  }
  Bytes bytes;
  Writer out(bytes);
  pair.context.encode(out);
  Reader reader(bytes);
  holds(crdt::Context::decode(reader) == pair.context && reader.done(), "it survives its encoding");
}

void meet(Pair& a, const Pair& b) {
  Plain both;
  for (const auto& [replica, stamp] : a.plain)
    if (const auto at = b.plain.find(replica); at != b.plain.end()) both[replica] = std::min(stamp, at->second);
  a = {crdt::meet(a.context, b.context), std::move(both)};
}

void contexts(fuzz::Input& in) {
  std::array<Pair, 3> pairs;
  while (in.more()) {
    Pair& a = pairs[in.below(pairs.size())];
    Pair& b = pairs[in.below(pairs.size())];
    switch (in.below(4)) {
      case 0: {
        const crdt::Dot next = dot(in);
        a.context.advance(next);
        advance(a.plain, next);
        break;
      }
      case 1:
        a.context.join(crdt::Context(b.context));
        for (const auto& [replica, stamp] : Plain(b.plain)) advance(a.plain, {replica, stamp});
        break;
      case 2:
        meet(a, Pair(b));
        break;
      default:
        holds(a.context.covers(b.context) == covers(a.plain, b.plain), "covering is pointwise");
    }
    check(a);
  }
}

void decoding(ByteView bytes) {
  Reader reader(bytes);
  const crdt::Context context = crdt::Context::decode(reader);
  if (!reader.done()) return;
  Bytes again;
  Writer out(again);
  context.encode(out);
  holds(equal(again, bytes), "one context has one encoding");
}

crdt::MemoryTable table(fuzz::Input& in) {
  crdt::MemoryTable table({1, 2});
  for (std::size_t left = in.below(24); left > 0; --left) {
    const Bytes key = to_bytes(in.take(in.below(3)));
    std::map<crdt::Dot, crdt::Entry> cell;
    for (std::size_t entries = in.below(5); entries > 0; --entries) {
      const crdt::Dot next = dot(in);
      cell[next] = {next, 0, {}};
    }
    crdt::Cell entries;
    for (const auto& each : cell) entries.push_back(each.second);
    table.replace(key, table.find(key), entries);
  }
  return table;
}

struct Removal {
  crdt::KeyRange range{};
  crdt::Context observed{};
};

std::vector<std::pair<Bytes, crdt::Cell>> all(crdt::MemoryTable& table) {
  std::vector<std::pair<Bytes, crdt::Cell>> cells;
  table.scan({}, [&](ByteView key, const crdt::Cell& cell) { return cells.emplace_back(to_bytes(key), cell), true; });
  return cells;
}

void ranges(fuzz::Input& in) {
  crdt::MemoryTable at_once = table(in), in_turn = at_once;
  std::vector<Removal> removals(in.below(8));
  for (Removal& removal : removals) {
    removal.range.low = to_bytes(in.take(in.below(3)));
    removal.range.high = to_bytes(in.take(in.below(3)));
    for (std::size_t dots = in.below(4); dots > 0; --dots) removal.observed.advance(dot(in));
  }
  std::vector<crdt::RangeDrop> drops;
  for (const Removal& removal : removals) drops.push_back({&removal.range, &removal.observed});
  crdt::drop_observed(at_once, drops);
  for (const auto& cell : all(in_turn))
    for (const Removal& removal : removals)
      if (const crdt::Cell now = in_turn.find(cell.first); removal.range.contains(cell.first))
        in_turn.replace(cell.first, now, crdt::without(now, removal.observed));
  holds(all(at_once) == all(in_turn) && at_once.summary() == in_turn.summary(),
        "many removals are one after the other");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  switch (in.below(3)) {
    case 0:
      contexts(in);
      break;
    case 1:
      decoding(in.rest());
      break;
    default:
      ranges(in);
  }
  return 0;
}
