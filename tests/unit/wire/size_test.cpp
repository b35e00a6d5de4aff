// SPDX-License-Identifier: Apache-2.0
// How many bytes typical traffic takes. The bounds are promises; RecordProperty says where we stand.
#include "crdt/hlc.hpp"
#include "crdt/key.hpp"
#include "crdt/value_codec.hpp"
#include "unit/wire/generate.hpp"
#include "unit/wire/support.hpp"
#include "wire/packed_delta.hpp"

#include <gtest/gtest.h>

namespace edgesync::wire {
namespace {

using namespace testing;
using std::chrono::milliseconds;

constexpr Timestamp start = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);

// A thousand cells of one author, written in any order within `span` of each other, one transaction each.
crdt::Delta thousand_cells(milliseconds span, const ReplicaId& author, std::size_t& value_bytes) {
  Xoshiro random(3);
  crdt::Delta delta;
  crdt::Stamp last = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string number = std::to_string(10'000 + i).substr(1);
    const auto at = start + milliseconds(random.below(static_cast<std::uint64_t>(span.count()) + 1));
    const crdt::Stamp stamp = crdt::Hlc::at(at) + (span.count() == 0 ? 5 : random.below(4096));
    const Bytes value = crdt::encode_value(Value(static_cast<std::int64_t>(random.below(100'000))));
    value_bytes += value.size();
    last = std::max(last, stamp);
    delta.keys.push_back({crdt::cell_key("reported/sensor-" + number + "/temp", crdt::Kind::value),
                          {{{{author, stamp}, 0, value}, false}}});
  }
  delta.upto = context({{author, last}, {replica(9), noon}});
  delta.base = context({{replica(9), noon}});
  return delta;
}

double metadata_per_cell(milliseconds span) {
  Xoshiro random(4);
  std::size_t value_bytes = 0;
  const DeltaPart part{1, 1, true, thousand_cells(span, random.id(), value_bytes)};
  return static_cast<double>(pack(part).size() - value_bytes) / 1000;
}

double compressed_per_cell(milliseconds span) {
  Xoshiro random(4);
  std::size_t value_bytes = 0;
  const Message message = DeltaPart{1, 1, true, thousand_cells(span, random.id(), value_bytes)};
  Codec codec;
  return static_cast<double>(codec.encode({&message, 1}).size()) / 1000;
}

void record(const char* name, double value) { ::testing::Test::RecordProperty(name, std::to_string(value)); }

TEST(Size, OfAChangedCellBeforeCompression) {
  const double one_commit = metadata_per_cell(milliseconds(0));
  const double ten_seconds = metadata_per_cell(std::chrono::seconds(10));
  const double thirty_days = metadata_per_cell(std::chrono::days(30));
  record("one_commit", one_commit);
  record("ten_seconds", ten_seconds);
  record("thirty_days", thirty_days);
  record("compressed_with_value_one_commit", compressed_per_cell(milliseconds(0)));
  record("compressed_with_value_ten_seconds", compressed_per_cell(std::chrono::seconds(10)));
  record("compressed_with_value_thirty_days", compressed_per_cell(std::chrono::days(30)));
  EXPECT_LE(one_commit, 15);
  EXPECT_LE(ten_seconds, 20);
  EXPECT_LE(thirty_days, 23);
}

TEST(Size, OfALiveChangeAndItsAck) {
  Xoshiro random(5);
  const ReplicaId node = random.id(), hub = random.id();
  crdt::Delta delta;
  const crdt::Stamp before = crdt::Hlc::at(start), now = crdt::Hlc::at(start + std::chrono::seconds(1)) + 77;
  delta.base = context({{node, before}, {hub, before + 9}});
  delta.upto = context({{node, now}, {hub, before + 9}});
  delta.summary = {{random.next(), random.next()}, 100};
  delta.keys = {{crdt::cell_key("reported/sensor-0001/temp", crdt::Kind::value),
                 {{{{node, now}, 0, crdt::encode_value(Value(std::int64_t{1480}))}, false}}}};
  Codec codec;
  const std::vector<Message> change{DeltaPart{17, 1, true, delta}, Cut{17, 1}}, ack{Ack{17}};
  const std::size_t change_bytes = codec.encode(change).size(), ack_bytes = codec.encode(ack).size();
  record("change", static_cast<double>(change_bytes));
  record("ack", static_cast<double>(ack_bytes));
  EXPECT_LE(change_bytes, 140U);
  EXPECT_LE(ack_bytes, 12U);
}

TEST(Size, OfAnIdleReconnect) {
  Xoshiro random(6);
  const ReplicaId node = random.id(), hub = random.id();
  const crdt::Context known = context({{node, noon + 1'000'000}, {hub, noon}});
  const crdt::Summary summary{{random.next(), random.next()}, 1000};
  const auto hello = [&](const ReplicaId& replica, const char* name, const char* token) {
    return Hello{.replica = replica, .name = name, .token = token, .now = start, .software = "0.1.0"};
  };
  Codec codec;
  const std::vector<Message> up{hello(node, "gw-17", "0123456789abcdef0123456789abcdef"),
                                Subscribe{1, Plane::state, "twin/gw-17", known, summary}};
  const std::vector<Message> down{hello(hub, "hub", ""), Subscribed{1, known, summary, true}};
  const std::size_t up_bytes = codec.encode(up).size(), down_bytes = codec.encode(down).size();
  record("node_to_hub", static_cast<double>(up_bytes));
  record("hub_to_node", static_cast<double>(down_bytes));
  EXPECT_LE(up_bytes, 200U);
  EXPECT_LE(down_bytes, 140U);
}

}  // namespace
}  // namespace edgesync::wire
