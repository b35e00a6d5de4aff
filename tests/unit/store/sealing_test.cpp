// SPDX-License-Identifier: Apache-2.0
// Sealing: small segments of records become full ones, and nobody can tell but by their size.
#include "damage.hpp"
#include "stream/segment.hpp"

#include <bit>
#include <cmath>

namespace edgesync::store {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr int enough = 256;  // small segments, to be folded

class Sealing : public testing::Test {
 protected:
  Sealing() { id = open(*opened); }
  static ScopeId open(Store& store) {
    const ScopeId id = store.open_scope(Plane::stream, "t").value();
    store.define_stream(id, {{{"x", ColumnType::f64}, {"text", ColumnType::text}}}, false).value();
    return id;
  }
  Record row() {
    const double values[] = {0.1 * static_cast<double>(random.below(1'000)), std::nan("7"), -0.0};
    Record row{0, at_ms(++now_), {Value(values[random.below(3)]), Value("state " + std::to_string(random.below(3)))}};
    if (random.one_in(5)) row.fields[1] = Value();
    return row;
  }
  void append(int commits, int rows = 1) {
    for (int i = 0; i < commits; ++i) {
      std::vector<Record> all;
      while (all.size() < static_cast<std::size_t>(rows)) all.push_back(row());
      opened->append(id, all).value();
      ASSERT_FALSE(flush(*opened).error);
    }
  }
  std::vector<StoredSegment> segments() { return opened->segments(id, opened->replica(), 0, SIZE_MAX).value(); }
  std::vector<std::uint64_t> sizes() {
    std::vector<std::uint64_t> sizes;
    for (const StoredSegment& segment : segments()) sizes.push_back(segment.count);
    return sizes;
  }
  std::vector<Record> records() {
    std::vector<Record> all;
    for (const StoredSegment& segment : segments())
      for (Record& record : stream::decode(segment.body).value()) all.push_back(std::move(record));
    return all;
  }
  /// As text, for a NaN is no NaN's equal.
  static std::string text(const std::vector<Record>& records) {
    std::string text;
    for (const Record& record : records) {
      text += std::to_string(record.sequence) + '@' + std::to_string(record.at.time_since_epoch().count());
      for (const Field& field : record.fields) {
        const auto* number = std::get_if<double>(&field);
        text += ' ' + (number ? std::to_string(std::bit_cast<std::uint64_t>(*number)) : to_json(field));
      }
      text += '\n';
    }
    return text;
  }
  /// What a hub has that was sent everything.
  void expect_same_at_a_hub() {
    Opened hub(9);
    const ScopeId there = hub->open_scope(Plane::stream, "t").value();
    const auto gaps = opened->gaps(id, opened->replica(), 0, 10).value();
    auto gap = gaps.begin();
    for (StoredSegment& segment : segments()) {
      for (; gap != gaps.end() && gap->last < segment.first; ++gap)
        hub->apply(RemoteGap{there, opened->replica(), *gap, {}});
      hub->apply(RemoteSegment{there, opened->replica(), segment.first, segment.count, std::move(segment.body)});
    }
    EXPECT_FALSE(flush(*hub).error);
    EXPECT_EQ(hub->summary(there), opened->summary(id));
    EXPECT_EQ(hub->bytes(there), opened->bytes(id));
    EXPECT_THAT(findings(*hub), IsEmpty());
    EXPECT_THAT(findings(*opened), IsEmpty());
  }

  Opened opened{1};
  ScopeId id{};
  Xoshiro random{5};
  std::int64_t now_ = 0;
};

TEST_F(Sealing, FoldsWhatHasGatheredWithoutLoss) {
  append(enough - 1);
  const std::string before = text(records());
  const std::uint64_t bytes = opened->bytes(id);
  EXPECT_EQ(segments().size(), enough - 1U);
  append(1);
  EXPECT_THAT(sizes(), ElementsAre(enough));
  EXPECT_EQ(text(records()).substr(0, before.size()), before);
  EXPECT_LT(opened->bytes(id), bytes / 5);
  append(2 * enough + 3);
  EXPECT_THAT(sizes(), ElementsAre(enough, enough, enough, 1, 1, 1));
  EXPECT_EQ(opened->counts(id, true).produced, 3U * enough + 3);
  expect_same_at_a_hub();
}

TEST_F(Sealing, LeavesWhatAPeerMayHold) {
  append(10);
  opened->freeze(id, 7);
  append(enough - 3);
  EXPECT_THAT(sizes(), ElementsAre(1, 1, 1, 1, 1, 1, 1, enough));
  opened->freeze(id, 7 + enough);
  append(enough);
  EXPECT_THAT(sizes(), ElementsAre(1, 1, 1, 1, 1, 1, 1, enough, enough));
  expect_same_at_a_hub();
}

TEST_F(Sealing, LeavesWhatAnEarlierProcessMayHaveSent) {
  append(enough - 1);
  opened.reopen();
  append(enough - 1);
  EXPECT_EQ(segments().size(), 2U * enough - 2);
  append(1);
  EXPECT_EQ(segments().size(), enough - 1U + 1);
  expect_same_at_a_hub();
}

TEST_F(Sealing, BeginsAgainUnderAnotherId) {
  append(2 * enough);
  opened->freeze(id, 2 * enough);
  opened->reidentify(ReplicaId{{std::byte{5}}}, {}, "a test", false).value();
  append(enough);
  EXPECT_THAT(sizes(), ElementsAre(enough));
  EXPECT_THAT(findings(*opened), IsEmpty());
}

TEST_F(Sealing, LeavesFullSegmentsAndDoesNotReachOverThem) {
  append(3);
  std::vector<Record> large;
  for (int i = 0; i < 50; ++i) {
    std::string noise;
    while (noise.size() < 1'000) noise += static_cast<char>(random.below(256));
    large.push_back({0, at_ms(++now_), {Value(1.0), Value(noise)}});
  }
  opened->append(id, large).value();
  flush(*opened);
  append(enough - 4);
  EXPECT_THAT(sizes(), ElementsAre(3, 50, enough - 4));
  expect_same_at_a_hub();
}

TEST_F(Sealing, LeavesHolesWhereTheyAre) {
  opened->set_budget(id, {0s, 1'200, Overflow::drop_newest}).value();
  append(40);
  const std::uint64_t kept = segments().size();
  ASSERT_LT(kept, 40U);
  opened->set_budget(id, {0s, 0, Overflow::drop_oldest}).value();
  append(enough - static_cast<int>(kept));
  EXPECT_THAT(sizes(), ElementsAre(kept, enough - kept));
  EXPECT_EQ(opened->counts(id, true).drops.quota, 40 - kept);
  expect_same_at_a_hub();
}

TEST_F(Sealing, MakesNoRecordOutliveItsRetentionByMuch) {
  opened->set_budget(id, {1h, 0, Overflow::drop_oldest}).value();
  append(enough / 2);
  opened->look_at_age(Instant(10min));
  append(enough / 2);
  EXPECT_EQ(segments().size(), enough / 2 + 1U);  // those of ten minutes ago stay by themselves
}

TEST_F(Sealing, CutsFullOnes) {
  for (int i = 0; i < enough; ++i) {
    std::string noise;
    while (noise.size() < 2'000) noise += static_cast<char>(random.below(256));
    opened->append(id, std::vector<Record>{{0, at_ms(++now_), {Value(1.0), Value(noise)}}}).value();
    flush(*opened);
  }
  for (const StoredSegment& segment : segments()) EXPECT_LE(segment.body.size(), 70'000U);
  EXPECT_EQ(records().size(), static_cast<std::size_t>(enough));
  EXPECT_GE(segments().size(), 8U);
  EXPECT_LE(segments().size(), 10U);
  expect_same_at_a_hub();
}

}  // namespace
}  // namespace edgesync::store
