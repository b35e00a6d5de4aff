// SPDX-License-Identifier: Apache-2.0
#include "harness.hpp"
#include "store/ledger.hpp"
#include "store/statements.hpp"
#include "wire/frame.hpp"

#include <sqlite3.h>

namespace edgesync::store {
namespace {

using testing::IsEmpty;

const stream::Schema schema{{{"temp", ColumnType::f64}, {"rpm", ColumnType::i64}}};

std::vector<Record> rows(std::int64_t from, std::size_t count) {
  std::vector<Record> made;
  for (std::size_t i = 0; i < count; ++i)
    made.push_back({0, at_ms(from + static_cast<std::int64_t>(i)), {21.5, from + static_cast<std::int64_t>(i)}});
  return made;
}

ScopeId stream_scope(Store& store) {
  const ScopeId id = store.open_scope(Plane::stream, "telemetry").value();
  store.define_stream(id, schema, false).value();
  return id;
}

std::vector<std::uint64_t> sequences(const std::vector<StoredSegment>& segments) {
  std::vector<std::uint64_t> found;
  for (const StoredSegment& segment : segments) {
    const auto records = stream::decode(segment.body).value();
    for (const Record& record : records) found.push_back(record.sequence);
  }
  return found;
}

RemoteSegment remote(ScopeId id, const ReplicaId& origin, const StoredSegment& segment) {
  return {id, origin, segment.first, segment.count, segment.body};
}

TEST(StreamStore, NumbersRecordsDenselyOverReopen) {
  Opened opened;
  ScopeId id = stream_scope(*opened);
  const Appended first = opened->append(id, rows(1, 3)).value();
  EXPECT_EQ(first.first, 1U);
  EXPECT_EQ(first.last, 3U);
  flush(*opened);
  opened.reopen();
  id = opened->find_scope(Plane::stream, "telemetry").value();
  EXPECT_EQ(opened->schema(id), schema);
  EXPECT_EQ(opened->append(id, rows(4, 2)).value().first, 4U);
  flush(*opened);

  const auto segments = opened->segments(id, opened->replica(), 0, SIZE_MAX).value();

  EXPECT_EQ(sequences(segments), (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(segments.size(), 2U);
  EXPECT_EQ(opened->summary(id).count, 5U);
  EXPECT_THAT(findings(*opened), IsEmpty());
}

TEST(StreamStore, EncodesABatchOnce) {
  Opened opened;
  const ScopeId id = stream_scope(*opened);
  for (int i = 0; i < 100; ++i) opened->append(id, rows(i, 1)).value();
  flush(*opened);
  EXPECT_EQ(opened->segments(id, opened->replica(), 0, SIZE_MAX).value().size(), 1U);
}

TEST(StreamStore, GivesSegmentsFromTheOneThatHoldsTheNext) {
  Opened opened;
  const ScopeId id = stream_scope(*opened);
  for (int i = 0; i < 5; ++i) {
    opened->append(id, rows(i * 10, 10)).value();
    flush(*opened);
  }
  const auto after = [&](std::uint64_t sequence, std::size_t bytes) {
    std::vector<std::uint64_t> firsts;
    const auto segments = opened->segments(id, opened->replica(), sequence, bytes).value();
    for (const auto& segment : segments) firsts.push_back(segment.first);
    return firsts;
  };
  EXPECT_EQ(after(15, SIZE_MAX), (std::vector<std::uint64_t>{11, 21, 31, 41}));
  EXPECT_EQ(after(20, SIZE_MAX), (std::vector<std::uint64_t>{21, 31, 41}));
  EXPECT_EQ(after(0, 1), (std::vector<std::uint64_t>{1}));
  EXPECT_TRUE(after(50, SIZE_MAX).empty());
}

TEST(StreamStore, RefusesRowsThatDoNotFitAllOrNone) {
  Opened opened;
  const ScopeId id = opened->open_scope(Plane::stream, "telemetry").value();
  EXPECT_TRUE(opened->append(id, rows(1, 1)).error().is(Errc::not_found));
  opened->define_stream(id, schema, false).value();
  auto mixed = rows(1, 2);
  mixed[1].fields[1] = "fast";
  EXPECT_TRUE(opened->append(id, mixed).error().is(Errc::type_mismatch));
  EXPECT_TRUE(opened->define_stream(id, {{{"other", ColumnType::f64}}}, false).error().is(Errc::type_mismatch));
  EXPECT_EQ(opened->append(id, rows(1, 1)).value().first, 1U);
}

TEST(StreamStore, TakesSegmentsInOrderVerbatim) {
  Opened edge(1), hub(2);
  const ScopeId from = stream_scope(*edge);
  const ScopeId to = hub->open_scope(Plane::stream, "telemetry").value();
  for (int i = 0; i < 3; ++i) {
    edge->append(from, rows(i * 4, 4)).value();
    flush(*edge);
  }
  const auto sent = edge->segments(from, edge->replica(), 0, SIZE_MAX).value();
  hub->apply(remote(to, edge->replica(), sent[1]));  // records 1 to 4 are missing
  hub->apply(remote(to, edge->replica(), sent[0]));  // next
  hub->apply(remote(to, edge->replica(), sent[0]));  // a duplicate
  hub->apply(RemoteGap{to, edge->replica(), {5, 8, DropReason::quota}, {}});
  hub->apply(remote(to, edge->replica(), sent[2]));  // after a declared gap
  auto damaged = remote(to, edge->replica(), sent[1]);
  damaged.body.back() ^= std::byte{1};
  hub->apply(damaged);

  const Flushed flushed = flush(*hub);

  std::vector<bool> applied;
  for (const Outcome& outcome : flushed.outcomes) applied.push_back(outcome.applied);
  EXPECT_EQ(applied, (std::vector<bool>{false, true, true, true, true, false}));
  const auto stored = hub->segments(to, edge->replica(), 0, SIZE_MAX).value();
  ASSERT_EQ(stored.size(), 2U);
  EXPECT_EQ(stored[0].body, sent[0].body);
  EXPECT_EQ(hub->stream(to).at(0).last, 12U);
  EXPECT_EQ(hub->summary(to).count, 8U);
  EXPECT_THAT(findings(*hub), IsEmpty());
}

/// A quota counts what is held; what is said to be gone takes rows as well, and there is no end to what can be said.
TEST(StreamStore, ReasonsOfGapsThatTouchAreLostBeforeThereAreTooMany) {
  Opened hub(2);
  const ScopeId to = stream_scope(*hub);
  const ReplicaId other = Opened(1)->replica();
  constexpr std::uint64_t told = 3 * touching_gaps_max;
  for (std::uint64_t n = 1; n <= told; ++n)
    hub->apply(RemoteGap{to, other, {n, n, n % 2 == 0 ? DropReason::quota : DropReason::age}, {}});
  Outcome last = flush(*hub).outcomes.back();
  EXPECT_TRUE(last.applied);
  EXPECT_EQ(last.missing[DropReason::age], told / 2) << "they are counted all the same";

  const auto gaps = hub->gaps(to, other, 0, SIZE_MAX).value();

  EXPECT_EQ(gaps.size(), touching_gaps_max);
  EXPECT_EQ(gaps[5], (Gap{6, 6, DropReason::quota}));
  EXPECT_EQ(gaps.back(), (Gap{touching_gaps_max, told, DropReason::quota}));
  EXPECT_EQ(hub->context(to)[other], told);
  EXPECT_THAT(findings(*hub), IsEmpty());
}

TEST(StreamStore, CutsSegmentsSoThatEachFitsAFrameWithRoom) {
  Opened opened;
  const ScopeId id = opened->open_scope(Plane::stream, "images").value();
  opened->define_stream(id, {{{"jpeg", ColumnType::bytes}}}, false).value();
  Xoshiro random(1);
  const auto noise = [&random](std::size_t size) {
    Bytes bytes(size);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.next());
    return bytes;
  };
  std::vector<Record> images{{0, at_ms(1), {noise(stream::max_record_bytes - 16)}}};
  for (int i = 0; i < 4; ++i) images.push_back({0, at_ms(2), {noise(300'000)}});
  for (int i = 0; i < 100; ++i) images.push_back({0, at_ms(3), {noise(20'000)}});
  opened->append(id, images).value();
  flush(*opened);

  const auto segments = opened->segments(id, opened->replica(), 0, SIZE_MAX).value();

  EXPECT_EQ(sequences(segments).size(), images.size());
  EXPECT_EQ(segments.front().count, 1U);
  wire::Codec codec;
  for (const StoredSegment& segment : segments) {
    EXPECT_LE(segment.body.size(), stream::encoded_segment_bytes_max);
    const wire::Message message = wire::Segment{1, opened->replica(), segment.first, segment.count, segment.body};
    EXPECT_TRUE(codec.decode(codec.encode({&message, 1})));
  }
  EXPECT_THAT(findings(*opened), IsEmpty());
}

TEST(StreamStore, TakesNoSegmentThatItCouldNotSendOn) {
  Opened edge(1), hub(2);
  const ScopeId to = hub->open_scope(Plane::stream, "telemetry").value();
  stream::SegmentBuilder builder({{{"x", ColumnType::bytes}}});
  for (int i = 0; i < 3; ++i) builder.add(at_ms(i), std::vector<Value>{Bytes(300'000, std::byte(i))});
  hub->apply(remote(to, edge->replica(), {1, 3, builder.finish(1)}));
  EXPECT_FALSE(flush(*hub).outcomes.at(0).applied);
  EXPECT_THAT(findings(*hub), IsEmpty());
}

TEST(StreamStore, TakesNoSegmentThatIsHeldInPartAndNoneOfItsOwn) {
  Opened edge(1), copy(1), hub(2);  // the copy numbers its records as the original does
  const ScopeId from = stream_scope(*edge), other = stream_scope(*copy);
  const ScopeId to = hub->open_scope(Plane::stream, "telemetry").value();
  edge->append(from, rows(0, 4)).value();
  flush(*edge);
  edge->append(from, rows(4, 2)).value();
  flush(*edge);
  copy->append(other, rows(100, 8)).value();
  flush(*copy);
  const auto sent = edge->segments(from, edge->replica(), 0, SIZE_MAX).value();
  const auto forked = copy->segments(other, copy->replica(), 0, SIZE_MAX).value();
  ASSERT_EQ(edge->replica(), copy->replica());
  hub->apply(remote(to, edge->replica(), sent[0]));
  hub->apply(remote(to, edge->replica(), forked[0]));  // 1 to 8, where 1 to 4 are
  hub->apply(remote(to, edge->replica(), sent[1]));
  hub->apply(remote(to, hub->replica(), sent[0]));

  const Flushed flushed = flush(*hub);

  std::vector<bool> applied;
  for (const Outcome& outcome : flushed.outcomes) applied.push_back(outcome.applied);
  EXPECT_EQ(applied, (std::vector<bool>{true, false, true, false}));
  EXPECT_EQ(hub->summary(to).count, 6U);
  EXPECT_THAT(findings(*hub), IsEmpty());
}

TEST(StreamStore, LooksAtNothingBeyondTheTrim) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(":memory:", &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, schema_text(), nullptr, nullptr, nullptr), SQLITE_OK);
  const char* fill =
      "WITH RECURSIVE n(i) AS (SELECT 11 UNION ALL SELECT i + 10 FROM n WHERE i < 20000)"
      " INSERT INTO sblk SELECT 1, 1, i, 10, 0, x'00' FROM n";
  ASSERT_EQ(sqlite3_exec(db, fill, nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_stmt* look = nullptr;
  ASSERT_EQ(sqlite3_prepare_v2(db, text(Sql::segments_through), -1, &look, nullptr), SQLITE_OK);
  for (const int at : {1, 2}) sqlite3_bind_int64(look, at, 1);
  sqlite3_bind_int64(look, 3, 15);  // the backlog's first segment ends after it

  EXPECT_EQ(sqlite3_step(look), SQLITE_DONE);

  EXPECT_LT(sqlite3_stmt_status(look, SQLITE_STMTSTATUS_VM_STEP, 0), 100);
  sqlite3_finalize(look);
  sqlite3_close(db);
}

TEST(StreamStore, TrimsWholeSegmentsOnly) {
  Opened opened;
  const ScopeId id = stream_scope(*opened);
  for (int i = 0; i < 3; ++i) {
    opened->append(id, rows(i * 4, 4)).value();
    flush(*opened);
  }
  opened->trim(id, opened->replica(), 10);
  flush(*opened);
  EXPECT_EQ(opened->stream(id).at(0).trimmed, 8U);
  EXPECT_EQ(opened->stream(id).at(0).last, 12U);
  EXPECT_EQ(opened->segments(id, opened->replica(), 0, SIZE_MAX).value().size(), 1U);
  opened.reopen();
  EXPECT_EQ(opened->stream(id).at(0).trimmed, 8U);
  EXPECT_EQ(opened->append(id, rows(1, 1)).value().first, 13U);
  EXPECT_THAT(findings(*opened), IsEmpty());
}

TEST(StreamStore, CountsPendingRecords) {
  Opened opened;
  const ScopeId id = stream_scope(*opened);
  opened->append(id, rows(100, 4)).value();
  flush(*opened);
  opened->append(id, rows(200, 2)).value();
  auto pending = opened->pending(id).value();
  EXPECT_EQ(pending.count, 6U);
  EXPECT_EQ(pending.oldest, at_ms(100));
  opened->note_acked(id, opened->context(id), {});
  pending = opened->pending(id).value();
  EXPECT_EQ(pending.count, 2U);
  EXPECT_EQ(pending.oldest, at_ms(200));
}

}  // namespace
}  // namespace edgesync::store
