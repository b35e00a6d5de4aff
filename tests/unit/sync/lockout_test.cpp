// SPDX-License-Identifier: Apache-2.0
// Whom a hub refuses again and again it refuses unasked for a while.
#include "sync/lockout.hpp"

#include "unit/sync/pair.hpp"

namespace edgesync::sync {
namespace {

using namespace std::chrono_literals;

constexpr Instant start{1h};

TEST(Lockout, DoublesFromTenSecondsToAnHour) {
  Lockout lockout(5);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(lockout.refused("edge", start), 0ms);
  Instant now = start;
  for (std::chrono::milliseconds expected = 10s;; expected = std::min<std::chrono::milliseconds>(2 * expected, 1h)) {
    for (int i = 0; i < 5 && lockout.left("edge", now) == 0ms; ++i) lockout.refused("edge", now);
    ASSERT_EQ(lockout.left("edge", now), expected);
    EXPECT_EQ(lockout.left("other", now), 0ms);
    now += lockout.left("edge", now);
    EXPECT_EQ(lockout.left("edge", now), 0ms);
    for (int i = 0; i < 5 && expected > 1min; ++i) lockout.refused("edge", now);  // long enough to be forgiven some
    if (expected == 1h) break;
  }
}

TEST(Lockout, ForgetsWhoBehavesForAnHour) {
  Lockout lockout(1);
  lockout.refused("edge", start);
  EXPECT_EQ(lockout.refused("edge", start), 10s);
  EXPECT_EQ(lockout.refused("edge", start + 10s), 20s);
  const Instant later = start + 2h;
  EXPECT_EQ(lockout.refused("edge", later), 0ms);
  EXPECT_EQ(lockout.refused("edge", later), 10s);
}

TEST(Lockout, NamesThatStrangersChooseAreBounded) {
  Lockout lockout(5);
  for (int i = 0; i < 50'000; ++i) lockout.refused(std::to_string(i), start);
  EXPECT_LE(lockout.size(), 10'000U);
}

/// Somebody from `network` calls itself `name` and shows `token`. How the hub takes it.
struct Answer {
  std::optional<Error> error{};
  std::chrono::milliseconds retry_after{};
};

class Guessing : public Pair {
 protected:
  Answer knock(const std::string& token, const std::string& network) {
    Introduction introduction{{}, "test", {}, {}, {}, {}, network};
    hub->link = hub->engine->open_link(Role::hub, std::move(introduction), now);
    node->link = node->engine->open_link(Role::node, {token, "test"}, now);
    while (carry(*node, *hub) || carry(*hub, *node)) continue;
    Answer answer{node->engine->ending(*node->link), {}};
    answer.retry_after = node->engine->closed(*std::exchange(node->link, {}), {Errc::closed, "over"}, now).retry_after;
    refused = hub->engine->closed(*std::exchange(hub->link, {}), {Errc::closed, "over"}, now).refused;
    return answer;
  }
  bool refused = false;
};

TEST_F(Guessing, EndsInALockoutWhereItHappens) {
  for (int i = 0; i < 5; ++i) {
    const Answer answer = knock("guess", "here");
    ASSERT_TRUE(answer.error && answer.error->is(Errc::unauthorized));
    EXPECT_TRUE(refused);
    EXPECT_EQ(answer.retry_after, 0ms);
  }
  const Answer sixth = knock("guess", "here"), right = knock("good", "here");
  EXPECT_EQ(sixth.retry_after, 10s);
  ASSERT_TRUE(right.error && right.error->is(Errc::unauthorized));
  EXPECT_EQ(right.error->detail, sixth.error->detail);  // nobody learns that it was the right one
  EXPECT_EQ(right.retry_after, 10s);

  EXPECT_FALSE(knock("good", "elsewhere").error);  // it cannot be locked out from here
  EXPECT_FALSE(refused);
  now.monotonic += 10s;
  EXPECT_FALSE(knock("good", "here").error);
}

}  // namespace
}  // namespace edgesync::sync
