// SPDX-License-Identifier: Apache-2.0
#include "config/rollout.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

namespace edgesync::config {
namespace {

using namespace std::chrono_literals;
using Order = Rollout::Order;
using Phase = RolloutPhase;

Rollout sample(std::vector<RolloutWave> waves) {
  Rollout rollout;
  rollout.number = 7;
  rollout.id = sha256(as_view("content"));
  rollout.plan.waves = std::move(waves);
  return rollout;
}

RolloutWave everybody(RolloutGate gate = {}) { return {.gate = gate}; }

/// Any plan that check() lets through.
RolloutPlan random_plan(Xoshiro& noise) {
  RolloutPlan plan;
  for (std::uint64_t left = noise.below(4); left > 0; --left) {
    RolloutWave wave;
    for (std::uint64_t labels = noise.below(3); labels > 0; --labels)
      wave.labels.insert_or_assign("k" + std::to_string(noise.below(3)), "v" + std::to_string(noise.below(3)));
    wave.percent = 1 + static_cast<unsigned>(noise.below(100));
    plan.waves.push_back(wave);
  }
  plan.waves.push_back({});
  for (RolloutWave& wave : plan.waves)
    wave.gate = {static_cast<std::uint32_t>(noise.below(4)), static_cast<unsigned>(noise.below(101)),
                 1 + static_cast<unsigned>(noise.below(100)), std::chrono::seconds(noise.below(50)),
                 noise.below(4) == 0};
  return plan;
}

WaveCounts random_counts(Xoshiro& noise) {
  return {noise.below(5), noise.below(5), noise.below(10), noise.below(8) == 0 ? noise.below(3) : 0};
}

TEST(Rollout, ComesBackFromItsBytes) {
  Xoshiro noise(1);
  for (int i = 0; i < 500; ++i) {
    Rollout rollout = sample(random_plan(noise).waves);
    rollout.order = static_cast<Order>(1 + noise.below(3));
    rollout.approved = static_cast<std::uint32_t>(noise.below(20));
    EXPECT_EQ(Rollout::decode(rollout.encode()).value(), rollout);
    const Progress progress{7,
                            rollout.id,
                            static_cast<Phase>(1 + noise.below(7)),
                            static_cast<std::uint32_t>(noise.below(17)),
                            Timestamp(noise.below(9) * 1s),
                            "why"};
    EXPECT_EQ(Progress::decode(progress.encode()).value(), progress);
  }
}

TEST(Rollout, DamagedBytesAreRefusedOrSomethingThatMayBe) {
  Xoshiro noise(2);
  for (int i = 0; i < 20'000; ++i) {
    Bytes bytes = sample(random_plan(noise).waves).encode();
    bytes.resize(bytes.size() - noise.below(bytes.size() / 2));
    bytes[noise.below(bytes.size())] ^= static_cast<std::byte>(1 + noise.below(255));
    if (const auto rollout = Rollout::decode(bytes)) {
      EXPECT_TRUE(check(rollout->plan));
    }
    Progress::decode(bytes).ignore();
  }
}

TEST(Rollout, APlanThatCannotBeIsRefusedByName) {
  const auto why = [](std::vector<RolloutWave> waves) { return check(RolloutPlan{std::move(waves)}).error().detail; };
  EXPECT_EQ(why({}), "rollout: there are not 1 to 16 waves");
  EXPECT_EQ(why({{.percent = 0}, {}}), "rollout: percent is not 1 to 100 (wave 1)");
  EXPECT_EQ(why({{.percent = 50}}), "rollout: the last wave does not take in everybody");
  EXPECT_EQ(why({{.labels = {{"pool", "a"}}}}), "rollout: the last wave does not take in everybody");
  EXPECT_EQ(why({everybody({.error_percent = 0})}), "rollout: error_percent is not 1 to 100 (wave 1)");
  EXPECT_EQ(why({{}, everybody({.soak = 31 * 24h})}), "rollout: soak is not 0 to 30 days (wave 2)");
  EXPECT_EQ(why({{.labels = {{"a,b", "c"}}}, {}}),
            "rollout: label \"a,b\"=\"c\": each is 1 to 64 bytes of UTF-8 without '=', ',' and control characters "
            "(wave 1)");
}

TEST(Rollout, AWaveDrawsItsShareAndAnotherVersionDrawsOthers) {
  Rollout rollout = sample({{.percent = 10}, {}});
  Rollout other = rollout;
  other.id = sha256(as_view("other"));
  int first = 0, both = 0;
  for (int i = 0; i < 10'000; ++i) {
    const Member member{"gateway-" + std::to_string(i), {}};
    const bool drawn = wave_of(rollout, member) == 0;
    first += drawn ? 1 : 0;
    both += drawn && wave_of(other, member) == 0 ? 1 : 0;
    EXPECT_EQ(wave_of(rollout, member), drawn ? 0U : 1U);  // each time
  }
  EXPECT_NEAR(first, 1'000, 120);
  EXPECT_NEAR(both, 100, 50);
}

/// Nodes and hubs of all versions of the library have to agree.
TEST(Rollout, WhichOfAHundredANodeIsIsWritten) {
  for (const auto& [name, place] : {std::pair("gateway-1", 58U), {"gateway-2", 86U}, {"line/7", 48U}}) {
    EXPECT_EQ(wave_of(sample({{.percent = place}, {}}), {name, {}}), 1U) << name;
    EXPECT_EQ(wave_of(sample({{.percent = place + 1}, {}}), {name, {}}), 0U) << name;
  }
}

TEST(Rollout, AWaveAsksForAllOfItsLabels) {
  const Rollout rollout = sample({{.labels = {{"pool", "canary"}, {"zone", "a"}}}, {.labels = {{"zone", "a"}}}, {}});
  EXPECT_EQ(wave_of(rollout, {"x", {{"pool", "canary"}, {"zone", "a"}, {"more", "1"}}}), 0U);
  EXPECT_EQ(wave_of(rollout, {"x", {{"pool", "other"}, {"zone", "a"}}}), 1U);
  EXPECT_EQ(wave_of(rollout, {"x", {{"pool", "canary"}}}), 2U);
}

TEST(Rollout, NobodyIsLetInWithoutTheHubsWord) {
  Rollout rollout = sample({{.labels = {{"pool", "canary"}}}, {}});
  const Member canary{"c", {{"pool", "canary"}}}, other{"o", {}};
  Progress progress;
  EXPECT_FALSE(lets_in(rollout, progress, canary));
  progress = advance(rollout, {}, {{}, {}}, Timestamp(1h));
  EXPECT_TRUE(lets_in(rollout, progress, canary));
  EXPECT_FALSE(lets_in(rollout, progress, other));
  Rollout later = rollout;
  later.number = 8;
  EXPECT_FALSE(lets_in(later, progress, canary)) << "a word about another version";
  rollout.order = Order::pause;
  EXPECT_FALSE(lets_in(rollout, progress, canary)) << "an order counts before the hub has heard of it";
}

TEST(Rollout, OneFailureIsEnoughWhereFewHaveReported) {
  const Rollout rollout = sample({everybody({.reported_min = 3, .error_percent = 30}), {}});
  Progress progress = advance(rollout, {}, {{}, {}}, Timestamp(1h));
  progress = advance(rollout, progress, {{.active = 1, .failed = 1}, {}}, Timestamp(2h));
  EXPECT_EQ(progress.phase, Phase::running) << "fewer than reported_min";
  progress = advance(rollout, progress, {{.active = 2, .failed = 1}, {}}, Timestamp(2h));
  EXPECT_EQ(progress.phase, Phase::stopped);
  EXPECT_EQ(progress.reason, "wave 1: 1 of 3 nodes that reported have failed");
}

TEST(Rollout, AFailureAmongThoseOfAnEarlierWaveStopsItToo) {
  const Rollout rollout = sample({{.labels = {{"pool", "canary"}}}, {}});
  Progress progress = advance(rollout, {}, {{.active = 1}, {.untouched = 5}}, Timestamp(1h));
  EXPECT_EQ(progress.open, 2U);
  progress = advance(rollout, progress, {{.active = 1, .failed = 1}, {.active = 5}}, Timestamp(1h));
  EXPECT_EQ(progress.phase, Phase::stopped);
}

TEST(Rollout, ASoakBeginsAgainWhenItsGateNoLongerHoldsOrTheClockIsSetBack) {
  const Rollout rollout = sample({everybody({.success_percent = 90, .error_percent = 50, .soak = 100s}), {}});
  const std::vector<WaveCounts> good{{.active = 9}, {}}, worse{{.active = 8, .failed = 1}, {}};
  Progress progress = advance(rollout, {}, good, Timestamp(1000s));
  EXPECT_EQ(due(rollout, progress), Timestamp(1100s));
  progress = advance(rollout, progress, worse, Timestamp(1050s));
  EXPECT_EQ(due(rollout, progress), std::nullopt);
  progress = advance(rollout, progress, good, Timestamp(1060s));
  progress = advance(rollout, progress, good, Timestamp(1101s));
  EXPECT_EQ(progress.open, 1U);
  progress = advance(rollout, progress, good, Timestamp(500s));
  EXPECT_EQ(due(rollout, progress), Timestamp(600s));
  progress = advance(rollout, progress, good, Timestamp(600s));
  EXPECT_EQ(progress.open, 2U);
}

TEST(Rollout, APauseEndsASoak) {
  Rollout rollout = sample({everybody({.soak = 100s}), {}});
  const std::vector<WaveCounts> good{{.active = 9}, {}};
  Progress progress = advance(rollout, {}, good, Timestamp(1000s));
  rollout.order = Order::pause;
  progress = advance(rollout, progress, good, Timestamp(1050s));
  rollout.order = Order::run;
  progress = advance(rollout, progress, good, Timestamp(5000s));
  EXPECT_EQ(progress.open, 1U);
  EXPECT_EQ(due(rollout, progress), Timestamp(5100s));
}

TEST(Rollout, ASoakLastsAsLongAsSomebodyWatches) {
  Progress progress{7, {}, Phase::running, 1, Timestamp(1000s), {}};
  SoakClock clock;
  EXPECT_EQ(clock.at(progress, {Instant(5s), Timestamp(9000s)}), Timestamp(1000s)) << "a hub that was down";
  EXPECT_EQ(clock.at(progress, {Instant(65s), Timestamp(9060s)}), Timestamp(1060s));
  EXPECT_EQ(clock.at(progress, {Instant(66s), Timestamp(900'000s)}), Timestamp(1061s)) << "a clock that is set forward";
  EXPECT_EQ(clock.at(progress, {Instant(70s), Timestamp(1010s)}), Timestamp(1010s)) << "and back";
  progress.passed_since = Timestamp(2000s);
  EXPECT_EQ(clock.at(progress, {Instant(80s), Timestamp(2500s)}), Timestamp(2000s)) << "another soak";
  progress.passed_since = {};
  EXPECT_EQ(clock.at(progress, {Instant(90s), Timestamp(2500s)}), Timestamp(2500s));
}

TEST(Rollout, ATimeThatCannotBeIsRefused) {
  for (const Timestamp at : {Timestamp::min(), Timestamp(-1s), Timestamp::max()})
    EXPECT_FALSE(Progress::decode(Progress{7, {}, Phase::running, 1, at, {}}.encode()));
}

/// Random fleets and orders against what the gates say, worked out by the test itself.
TEST(Rollout, NeverGoesFurtherThanItsGatesAndNeverBack) {
  int done = 0, stopped = 0;
  for (std::uint64_t seed = 0; seed < 3'000; ++seed) {
    Xoshiro noise(seed);
    Rollout rollout = sample(random_plan(noise).waves);
    const auto& waves = rollout.plan.waves;
    std::vector<WaveCounts> counts(waves.size());
    Progress progress;
    Timestamp now(1h);
    for (int step = 0; step < 60; ++step, now += std::chrono::seconds(noise.below(40))) {
      for (WaveCounts& wave : counts)
        if (noise.below(3) == 0) wave = random_counts(noise);
      if (noise.below(10) == 0) rollout.order = noise.below(2) == 0 ? Order::pause : Order::run;
      if (noise.below(60) == 0) rollout.order = Order::abort;
      if (noise.below(30) == 0) ++rollout.approved;
      const Progress before = progress;
      progress = advance(rollout, before, counts, now);
      ASSERT_EQ(advance(rollout, progress, counts, now), progress) << "seed " << seed;  // all at once
      if (is_over(before.phase)) {
        ASSERT_EQ(progress, before) << "seed " << seed;
        break;
      }
      ASSERT_GE(progress.open, before.open) << "seed " << seed;
      bool fails = false;
      for (std::uint32_t i = 0; i < progress.open; ++i) {
        const std::uint64_t all = counts[i].active + counts[i].failed;
        fails |= counts[i].failed > 0 && all >= waves[i].gate.reported_min &&
                 100.0 * static_cast<double>(counts[i].failed) >=
                     static_cast<double>(waves[i].gate.error_percent) * static_cast<double>(all);
      }
      const bool stops = fails && rollout.order != Order::abort;
      ASSERT_EQ(progress.phase == Phase::stopped, stops) << "seed " << seed;
      if (rollout.order != Order::run) {
        ASSERT_EQ(progress.open, before.open) << "seed " << seed;
        continue;
      }
      const std::uint32_t gates =
          progress.phase == Phase::done || progress.open == 0 ? progress.open : progress.open - 1;
      for (std::uint32_t i = before.open == 0 ? 0 : before.open - 1; i < gates; ++i) {
        const RolloutGate& gate = waves[i].gate;
        const std::uint64_t all = counts[i].active + counts[i].failed;
        const std::uint64_t known = all + counts[i].untouched + counts[i].staged;
        const std::uint64_t least =
            i + 1 == waves.size() ? std::min<std::uint64_t>(gate.reported_min, known) : gate.reported_min;
        const bool passes = all >= least && counts[i].active * 100 >= gate.success_percent * all;
        ASSERT_TRUE(rollout.approved > i || (passes && !gate.approval)) << "seed " << seed;
        if (rollout.approved <= i && gate.soak > 0s && progress.open > before.open && i + 1 == before.open) {
          ASSERT_NE(before.passed_since, Timestamp{}) << "seed " << seed;
          ASSERT_GE(now - before.passed_since, gate.soak) << "seed " << seed;
        }
      }
      done += progress.phase == Phase::done ? 1 : 0;
    }
    stopped += progress.phase == Phase::stopped ? 1 : 0;
  }
  EXPECT_GT(done, 300);
  EXPECT_GT(stopped, 300);
}

TEST(Rollout, OfTwoThatKnewNothingOfEachOtherTheLaterVersionCountsThenTheMoreCarefulOrder) {
  Rollout run = sample({{}}), pause = run, abort = run, later = run;
  pause.order = Order::pause, abort.order = Order::abort, later.number = 8;
  EXPECT_TRUE(precedes(run, pause) && precedes(pause, abort) && precedes(abort, later));
  EXPECT_FALSE(precedes(run, run));
  const Progress running{7, run.id, Phase::running, 3, {}, {}}, stopped{7, run.id, Phase::stopped, 1, {}, {}};
  EXPECT_TRUE(precedes(running, stopped) && !precedes(stopped, running));
}

}  // namespace
}  // namespace edgesync::config
