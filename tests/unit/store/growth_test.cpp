// SPDX-License-Identifier: Apache-2.0
// Growth: what is foretold of a delta is what joining it does.
#include "store/growth.hpp"

#include "base/random.hpp"
#include "crdt/changes.hpp"
#include "crdt/memory_table.hpp"
#include "wire/packed_delta.hpp"

#include <gtest/gtest.h>

namespace edgesync::store {
namespace {

constexpr std::uint64_t fixed_bytes = 64;  // of a part, however little it tells

std::uint64_t held(crdt::MemoryTable& table) {
  std::uint64_t bytes = 0;
  table.scan({}, [&](ByteView key, const crdt::Cell& cell) { return bytes += cell_bytes(key, cell), true; });
  return bytes;
}

/// Three who write, remove and remove ranges of a few keys, and tell each other.
class Growing {
 public:
  explicit Growing(std::uint64_t seed) : random_(seed) {}

  void step() {
    const std::size_t at = random_.below(3);
    crdt::MemoryTable& table = tables_[at];
    crdt::Changes changes;
    changes.observed = table.context();
    const crdt::Stamp stamp = ++stamp_;
    const Bytes key = some_key();
    switch (random_.below(4)) {
      case 0:
        changes.write(key, stamp, {});
        break;
      case 1:
        changes.remove_range(stamp, {key, random_.below(2) == 0 ? Bytes() : some_key()}, table.context());
        break;
      default:
        changes.write(key, stamp, crdt::Entry{{id(at), stamp}, 0, Bytes(random_.below(100))});
    }
    crdt::apply_changes(table, id(at), changes);
    if (random_.below(8) == 0) table.evict_removals(id(at), stamp_);
  }

  /// One tells another.
  void tell() {
    const std::size_t from = random_.below(3), to = (from + 1 + random_.below(2)) % 3;
    crdt::MemoryTable& table = tables_[to];
    const crdt::Delta delta = crdt::make_delta(tables_[from], table.context());
    EXPECT_LE(wire::pack({0, 0, true, delta}).size(), told_bytes(delta) + fixed_bytes) << "kept aside without room";
    const std::uint64_t before = held(table);
    std::vector<std::pair<std::uint64_t, bool>> foretold;
    for (std::uint64_t room = 0; room < 400; room += 1 + random_.below(40))
      foretold.emplace_back(room, fits(delta, table, room));
    crdt::apply_delta(table, delta);
    for (const auto& [room, fitted] : foretold) EXPECT_EQ(fitted, held(table) <= before + room) << room;
  }

 private:
  static ReplicaId id(std::size_t at) {
    ReplicaId id;
    id.bytes[0] = static_cast<std::byte>(at + 1);
    return id;
  }
  Bytes some_key() { return Bytes{static_cast<std::byte>('a' + random_.below(6))}; }

  Xoshiro random_;
  crdt::Stamp stamp_ = 0;
  std::array<crdt::MemoryTable, 3> tables_{crdt::MemoryTable({1, 2}), crdt::MemoryTable({1, 2}),
                                           crdt::MemoryTable({1, 2})};
};

TEST(Growth, IsForetold) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Growing growing(seed);
    for (int round = 0; round < 30; ++round) {
      for (int i = 0; i < 4; ++i) growing.step();
      growing.tell();
    }
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
  }
}

/// A record of a removal takes nothing by itself: what goes is what the lists leave out.
TEST(Growth, ARemovalWithoutAListTakesNothing) {
  crdt::MemoryTable table({1, 2});
  ReplicaId author, peer;
  author.bytes[0] = std::byte{1}, peer.bytes[0] = std::byte{2};
  crdt::Changes changes;
  const Bytes old{std::byte{'a'}}, fresh{std::byte{'b'}};
  changes.write(old, 1, crdt::Entry{{author, 1}, 0, Bytes(1'000)});
  crdt::apply_changes(table, author, changes);
  crdt::Delta delta;
  delta.upto.advance({author, 1}), delta.upto.advance({peer, 2});
  delta.removals = {{{peer, 2}, crdt::LogItem::Type::remove, old, {}, {}}};
  delta.keys = {{fresh, {{{{peer, 2}, 0, Bytes(500)}, false}}}};
  EXPECT_FALSE(fits(delta, table, 100));
  delta.keys.insert(delta.keys.begin(), crdt::KeyState{old, {}});
  EXPECT_TRUE(fits(delta, table, 100));
}

}  // namespace
}  // namespace edgesync::store
