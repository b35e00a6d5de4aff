// SPDX-License-Identifier: Apache-2.0
// What a stream's budget takes, and that every record is accounted for.
#include "harness.hpp"

namespace edgesync::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

const stream::Schema with_text{{{"temp", ColumnType::f64}, {"text", ColumnType::text}}};

std::vector<Record> text_rows(std::size_t count, std::size_t bytes = 100) {
  return {count, Record{0, at_ms(1), {21.5, std::string(bytes, 'x')}}};
}

class Retention : public testing::Test {
 protected:
  ScopeId open(const stream::Budget& budget, bool local = false) {
    id = opened->open_scope(Plane::stream, "telemetry").value();
    opened->define_stream(id, with_text, local).value();
    opened->set_budget(id, budget).value();
    return id;
  }
  /// One group commit, so one segment, each.
  void append(int segments, std::size_t records = 10) {
    for (int i = 0; i < segments; ++i) {
      last = opened->append(id, text_rows(records)).value();
      flush(*opened);
    }
  }
  void ack(std::uint64_t through, const Drops& missing = {}) {
    crdt::Context acked;
    acked.advance({opened->replica(), through});
    opened->note_acked(id, acked, {});
    opened->note_missing(id, opened->replica(), missing);
  }
  StreamCounts counts() const {
    const StreamCounts counts = opened->counts(id, opened->local_only(id));
    EXPECT_EQ(counts.produced, counts.delivered + counts.pending + counts.dropped);
    EXPECT_EQ(counts.dropped, counts.drops.total());
    return counts;
  }
  std::vector<Gap> gaps() { return opened->gaps(id, opened->replica(), 0, 100).value(); }
  std::uint64_t first_held() {
    const auto segments = opened->segments(id, opened->replica(), 0, 1).value();
    return segments.empty() ? 0 : segments.front().first;
  }
  void reopen() {
    opened.reopen();
    id = opened->find_scope(Plane::stream, "telemetry").value();
  }

  mutable Opened opened;
  ScopeId id{};
  Appended last{};
};

TEST_F(Retention, TheOldestGoWhenTheQuotaIsUsedUpAndAreCounted) {
  open({0s, 2'000, Overflow::drop_oldest});
  append(40);
  const StreamCounts after = counts();
  EXPECT_EQ(after.produced, 400U);
  EXPECT_GT(after.drops.quota, 100U);
  EXPECT_EQ(after.pending, 400U - after.drops.quota);
  EXPECT_LE(opened->bytes(id), 2'000U);
  EXPECT_THAT(gaps(), ElementsAre(Gap{1, after.drops.quota, DropReason::quota}));
  EXPECT_EQ(first_held(), after.drops.quota + 1);
  EXPECT_EQ(opened->pending(id).value().count, after.pending);
  EXPECT_THAT(findings(*opened), IsEmpty());
  reopen();
  EXPECT_EQ(counts().drops, after.drops);
  EXPECT_EQ(opened->append(id, text_rows(1)).value().first, 401U) << "the budget is kept in the file";
  EXPECT_THAT(findings(*opened), IsEmpty());
}

TEST_F(Retention, AQuotaBelowOneSegmentHoldsOne) {
  open({0s, 1, Overflow::drop_oldest});
  append(3);
  EXPECT_EQ(counts().pending, 10U);
  EXPECT_EQ(counts().drops.quota, 20U);
}

TEST_F(Retention, NewestRecordsThatFindNoRoomAreNumberedAndNotKept) {
  open({0s, 2'000, Overflow::drop_newest});
  append(40);
  EXPECT_EQ(last.last, 400U);
  EXPECT_EQ(last.kept, 0U);
  EXPECT_EQ(first_held(), 1U);
  const StreamCounts after = counts();
  EXPECT_EQ(after.produced, 400U);
  EXPECT_GT(after.drops.quota, 100U);
  EXPECT_EQ(gaps().back().last, 400U);
  EXPECT_THAT(findings(*opened), IsEmpty());
  reopen();
  EXPECT_EQ(counts().drops, after.drops);
}

TEST_F(Retention, ARefusedRecordIsAnErrorAndCounted) {
  open({0s, 2'000, Overflow::reject});
  std::uint64_t accepted = 0, refused = 0;
  for (int i = 0; i < 40; ++i) {
    const auto appended = opened->append(id, text_rows(10));
    accepted += appended ? 10 : 0;
    refused += appended ? 0 : 10;
    if (!appended) {
      EXPECT_TRUE(appended.error().is(Errc::storage_full));
      EXPECT_NE(appended.error().detail.find("telemetry"), std::string::npos);
    }
    flush(*opened);
  }
  EXPECT_GT(refused, 0U);
  EXPECT_EQ(counts().produced, 400U);
  EXPECT_EQ(counts().pending, accepted);
  EXPECT_EQ(counts().drops.refused, refused);
  reopen();
  EXPECT_EQ(counts().drops.refused, refused);
}

TEST_F(Retention, AThinnedStreamGetsCoarserAndNeverFull) {
  open({0s, 4'000, Overflow::thin(4)});
  append(200, 1);
  for (int i = 0; i < 200; ++i) opened->append(id, text_rows(1)).value();
  flush(*opened);
  const StreamCounts after = counts();
  EXPECT_EQ(after.produced, 400U);
  EXPECT_GT(after.drops.policy, 100U);
  EXPECT_LE(opened->bytes(id), 4'000U);
  EXPECT_EQ(first_held(), 1U);
  EXPECT_THAT(gaps(), IsEmpty()) << "what is left out has no number";
}

TEST_F(Retention, WhatIsOlderThanTheRetentionGoesWhateverTheWallClockSays) {
  open({1h, 0, Overflow::drop_oldest});
  opened->look_at_age(Instant(1min));
  append(1);
  opened->look_at_age(Instant(50min));
  append(1);
  const Edit edit = Edit().set("a", 1);
  const ScopeId state = state_scope(*opened);
  for (const std::int64_t year : {1970, 2106, 2026}) {
    opened->commit(state, edit.ops(), Timestamp(std::chrono::hours(24 * 365) * (year - 1970))).value();
    append(1);
    EXPECT_EQ(counts().dropped, 0U) << year;
  }
  opened->look_at_age(Instant(70min));
  flush(*opened);
  EXPECT_EQ(counts().drops.age, 10U);
  EXPECT_THAT(gaps(), ElementsAre(Gap{1, 10, DropReason::age}));
  opened->look_at_age(Instant(3h));
  flush(*opened);
  EXPECT_EQ(counts().drops.age, 50U);
  EXPECT_EQ(counts().pending, 0U);
}

TEST_F(Retention, AgeGoesOnOverAReopening) {
  open({1h, 0, Overflow::drop_oldest});
  opened->look_at_age(Instant(1min));
  append(1);
  opened->look_at_age(Instant(40min));
  append(1);
  reopen();  // nobody knows for how long
  opened->look_at_age(Instant(15min));
  flush(*opened);
  EXPECT_EQ(counts().dropped, 0U);
  opened->look_at_age(Instant(25min));
  flush(*opened);
  EXPECT_EQ(counts().drops.age, 10U);
}

TEST_F(Retention, WhatWasDeliveredIsNotDropped) {
  open({0s, 2'000, Overflow::drop_oldest});
  append(20);
  const std::uint64_t before = counts().drops.quota;
  ASSERT_GT(before, 0U);
  ack(200, {before, 0, 0, 0, 0});  // the hub never got what was dropped before
  EXPECT_EQ(counts().delivered, 200U - before);
  append(30);
  const StreamCounts after = counts();
  EXPECT_EQ(after.delivered, 200U - before) << "what went after the ack is at the hub";
  EXPECT_EQ(after.drops.quota + after.pending, 300U + before);
  reopen();
  EXPECT_EQ(counts().delivered, after.delivered);
}

TEST_F(Retention, WhatWasOnItsWayWhenItWasDroppedIsDeliveredIfItArrived) {
  open({0s, 2'000, Overflow::drop_oldest});
  append(20);
  ASSERT_GT(counts().drops.quota, 0U);
  ack(200);  // all of it had arrived
  EXPECT_EQ(counts().delivered, 200U);
  EXPECT_EQ(counts().dropped, 0U);
}

TEST_F(Retention, ALocalStreamKeepsItsAccountsToo) {
  open({0s, 2'000, Overflow::drop_oldest}, true);
  append(40);
  EXPECT_EQ(counts().pending, 0U);
  EXPECT_GT(counts().drops.quota, 0U);
  EXPECT_EQ(counts().delivered, 400U - counts().drops.quota);
}

TEST_F(Retention, TrimmedRecordsTakeTheirGapsAlong) {
  open({0s, 2'000, Overflow::drop_oldest});
  append(40);
  const Drops drops = counts().drops;
  ack(400, drops);
  opened->trim(id, opened->replica(), 400);
  flush(*opened);
  EXPECT_THAT(gaps(), IsEmpty());
  EXPECT_EQ(opened->bytes(id), 0U);
  EXPECT_EQ(counts().drops, drops);
  EXPECT_THAT(findings(*opened), IsEmpty());
  reopen();
  EXPECT_EQ(counts().drops, drops);
  EXPECT_EQ(counts().delivered, 400U - drops.quota);
}

TEST_F(Retention, AStreamThatIsGivenUpSaysSo) {
  open({0s, 0, Overflow::drop_oldest});
  append(4);
  ack(20);
  opened->give_up(id);
  flush(*opened);
  id = opened->open_scope(Plane::stream, "telemetry").value();
  flush(*opened);
  EXPECT_EQ(counts().delivered, 20U);
  EXPECT_EQ(counts().drops.policy, 20U);
  EXPECT_THAT(findings(*opened), IsEmpty());
}

TEST_F(Retention, AllStreamsTogetherHaveABound) {
  Opened bounded(3, {}, 0, 4'000);
  std::vector<ScopeId> ids;
  for (const char* name : {"a", "b", "c"}) {
    ids.push_back(bounded->open_scope(Plane::stream, name).value());
    bounded->define_stream(ids.back(), with_text, false).value();
    bounded->set_budget(ids.back(), {0s, 0, ids.size() == 3 ? Overflow::reject : Overflow::drop_oldest}).value();
  }
  bool refused = false;
  for (int i = 0; i < 60; ++i) {
    for (const ScopeId stream : ids) refused |= !bounded->append(stream, text_rows(stream == ids[0] ? 20 : 5));
    do flush(*bounded);
    while (bounded->accepted() > bounded->durable());
  }
  EXPECT_TRUE(refused);
  EXPECT_LE(bounded->bytes(ids[0]) + bounded->bytes(ids[1]) + bounded->bytes(ids[2]), 4'500U);
  EXPECT_GT(bounded->counts(ids[0], false).drops.quota, 0U);
  EXPECT_GT(bounded->counts(ids[2], false).drops.refused, 0U);
  EXPECT_THAT(findings(*bounded), IsEmpty());
}

TEST_F(Retention, NumbersOfAFailedBatchAreRefusedOnes) {
  open({0s, 0, Overflow::drop_oldest});
  append(1);
  opened->append(id, text_rows(5)).value();
  auto batch = opened->begin_flush();
  const Appended behind = opened->append(id, text_rows(5)).value();
  std::filesystem::rename(opened.path(), opened.path() + ".away");
  opened->write(*batch);
  std::filesystem::rename(opened.path() + ".away", opened.path());
  EXPECT_TRUE(opened->finish(std::move(batch)).error);
  flush(*opened);
  EXPECT_EQ(behind.last, 20U);
  EXPECT_THAT(gaps(), ElementsAre(Gap{11, 15, DropReason::refused}));
  EXPECT_EQ(counts().produced, 20U);
  EXPECT_EQ(counts().pending, 15U);
  EXPECT_EQ(counts().drops.refused, 5U);
  EXPECT_THAT(findings(*opened), IsEmpty());
}

}  // namespace
}  // namespace edgesync::store
