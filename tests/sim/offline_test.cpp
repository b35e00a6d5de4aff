// SPDX-License-Identifier: Apache-2.0
// A month without a network: an edge appends ten records a second, loses its power twenty times, comes back, and its
// hub loses power five times while it drains. To the record: all that was promised arrives, once, in order, from the
// first one after the cut on, and memory stays bounded.
#include "sim/pair.hpp"

namespace edgesync::sim {
namespace {

constexpr std::int64_t per_minute = 600;
constexpr std::int64_t days = 30;

class Offline : public Pair {
 protected:
  Offline() : Pair({31 * 24h, 0, Overflow::drop_oldest}) {}
};

TEST_F(Offline, AMonthIsThereToTheRecord) {
  connect();
  append(100);
  drain();
  disconnect();
  const std::uint64_t before = last_at(edge);
  const std::int64_t minutes = days * 24 * 60;
  for (std::int64_t minute = 1; minute <= minutes; ++minute) {
    append(per_minute);
    const bool power_goes = minute % (minutes / 20) == 0;
    if (power_goes)
      cut_power(edge);  // with a minute's records accepted, and promised to nobody
    else
      edge.commit();
    ASSERT_NO_FATAL_FAILURE(check());
    pass(60s);
  }
  const std::uint64_t last = last_at(edge);
  ASSERT_EQ(last, before + static_cast<std::uint64_t>((minutes - 20) * per_minute));
  ASSERT_EQ(counts().pending, last - before);
  for (std::uint64_t life = 1; life <= 5; ++life) {
    connect();
    while (last_at(hub) < before + (last - before) * life / 6) ASSERT_TRUE(exchange());
    cut_power(hub);
  }
  connect();
  drain();
  EXPECT_EQ(counts().produced, last);
  EXPECT_EQ(counts().delivered, last);
  expect_all(last);
}

}  // namespace
}  // namespace edgesync::sim
