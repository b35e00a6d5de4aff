// SPDX-License-Identifier: Apache-2.0
// Failing disks: whatever call fails, a batch is in the file whole or not at all, and the store says which.
#include "failing_vfs.hpp"
#include "harness.hpp"

namespace edgesync::store {
namespace {

using testing::IsEmpty;
using Contents = std::map<std::string, std::string>;

config::Release release_of(std::int64_t round) {
  config::Release release;
  release.content = config::canonical({{"limit", Value(round)}});
  release.manifest.scope = "c";
  release.manifest.number = static_cast<std::uint64_t>(round + 1);
  release.manifest.id = sha256(release.content);
  return release;
}

/// A peer's write, which the journal and the log record.
RemoteCut cut_of(ScopeId id, std::int64_t round) {
  const crdt::Dot dot{{{std::byte{9}}}, static_cast<crdt::Stamp>(round + 1)};
  crdt::Delta delta;
  delta.upto.advance(dot);
  delta.keys = {{crdt::cell_key("theirs", crdt::Kind::value), {{{dot, 0, Bytes(50, std::byte{1})}, false}}}};
  RemoteCut cut;
  cut.deltas.push_back({id, std::move(delta), {}});
  return cut;
}

/// Overwrites, additions and a removal, records, a version and a peer's cut: every table is written.
void write_round(Store& store, ScopeId id, std::int64_t round) {
  for (int i = 0; i < 40; ++i)
    set(store, id, "key/" + std::to_string(i), std::string(100, 'v') + std::to_string(round));
  store.commit(id, Edit().erase("key/" + std::to_string(round % 40)).add("n", 1).ops(), at_ms(round)).value();
  store.apply(cut_of(id, round));
  store.save_version(store.open_scope(Plane::config, "c").value(), release_of(round), VersionRole::offered);
  const ScopeId records = store.open_scope(Plane::stream, "t").value();
  store.define_stream(records, {{{"v", ColumnType::i64}}}, false).value();
  store.append(records, std::vector<Record>(30, Record{0, at_ms(round), {std::int64_t{round}}})).value();
}

/// What else than cells must be whole or not there at all.
struct Beside {
  std::uint64_t records = 0;
  std::size_t versions = 0, journal = 0;
  crdt::Context context{};
  bool operator==(const Beside&) const = default;
};

Beside beside(Store& store, ScopeId id) {
  const auto streams = store.stream(store.open_scope(Plane::stream, "t").value());
  return {streams.empty() ? 0 : streams.at(0).last,
          store.versions(store.open_scope(Plane::config, "c").value()).value().size(),
          store.journal(id, 1000).value().size(), store.context(id)};
}

struct Fault {
  FailingVfs::Call call;
  int code;
  Errc expected;
};

class StoreFailure : public testing::TestWithParam<Fault> {};

TEST_P(StoreFailure, LeavesTheStateBeforeAndTheNextFlushWorks) {
  FailingVfs vfs("failing");
  Opened opened(7, vfs.name());
  const ScopeId id = state_scope(*opened);
  opened->keep_history(id, 1'000);
  write_round(*opened, id, 0);
  ASSERT_FALSE(flush(*opened).error);
  bool failed = true;
  int failures = 0;
  for (int nth = 1; failed && nth < 200; ++nth) {
    const Contents before = contents(*opened, id);
    const Beside others = beside(*opened, id);
    write_round(*opened, id, nth);
    vfs.fail(GetParam().call, nth, GetParam().code);

    const Flushed flushed = flush(*opened);

    failed = flushed.error.has_value();
    vfs.heal();
    EXPECT_EQ(opened->durable(), opened->accepted());
    if (!failed) break;
    ++failures;
    EXPECT_TRUE(flushed.error->is(GetParam().expected)) << flushed.error->detail;
    EXPECT_EQ(contents(*opened, id), before) << "call " << nth;
    EXPECT_TRUE(beside(*opened, id) == others) << "call " << nth;
    set(*opened, id, "after", std::int64_t{nth});
    ASSERT_FALSE(flush(*opened).error) << "call " << nth;
    const Contents after = contents(*opened, id);
    opened.reopen();
    ASSERT_EQ(contents(*opened, state_scope(*opened)), after);
    ASSERT_THAT(findings(*opened), IsEmpty());
  }
  EXPECT_FALSE(failed);
  EXPECT_GT(failures, 0);
}

INSTANTIATE_TEST_SUITE_P(Disk, StoreFailure,
                         testing::Values(Fault{FailingVfs::Call::write, SQLITE_FULL, Errc::storage_full},
                                         Fault{FailingVfs::Call::write, SQLITE_IOERR_WRITE, Errc::storage_io},
                                         Fault{FailingVfs::Call::sync, SQLITE_IOERR_FSYNC, Errc::storage_io}));

TEST(StoreFailure, AFullDiskRefusesWritesAndServesReads) {
  FailingVfs vfs("failing");
  Opened opened(7, vfs.name());
  const ScopeId id = state_scope(*opened);
  set(*opened, id, "a", 1);
  flush(*opened);
  vfs.fail(FailingVfs::Call::write, 1, SQLITE_FULL, true);
  for (int i = 0; i < 3; ++i) {
    set(*opened, id, "a", 2);
    const Flushed flushed = flush(*opened);
    ASSERT_TRUE(flushed.error);
    EXPECT_TRUE(flushed.error->is(Errc::storage_full)) << flushed.error->detail;
    EXPECT_EQ(get(*opened, id, "a"), Value(std::int64_t{1}));
  }
  vfs.heal();
  set(*opened, id, "a", 3);
  EXPECT_FALSE(flush(*opened).error);
  EXPECT_EQ(get(*opened, id, "a"), Value(std::int64_t{3}));
}

TEST(StoreFailure, ACommitThatPersistedInSpiteOfItsErrorIsASuccess) {
  FailingVfs vfs("failing");
  Opened opened(7, vfs.name());
  const ScopeId id = state_scope(*opened);
  set(*opened, id, "a", 1);
  flush(*opened);
  set(*opened, id, "a", 2);
  vfs.fail(FailingVfs::Call::sync, 1, SQLITE_IOERR_FSYNC, false, true);

  const Flushed flushed = flush(*opened);

  EXPECT_FALSE(vfs.armed());
  EXPECT_FALSE(flushed.error);
  EXPECT_GE(vfs.rewritten(), 1U);  // what could be read was written again: the sync that failed proved nothing
  EXPECT_EQ(get(*opened, id, "a"), Value(std::int64_t{2}));
  EXPECT_EQ(flushed.advanced.size(), 1U);
  set(*opened, id, "a", 3);
  EXPECT_FALSE(flush(*opened).error);
  EXPECT_THAT(findings(*opened), IsEmpty());
}

TEST(StoreFailure, AFileThatCannotBeMadeSureOfStaysClosedUntilItCan) {
  FailingVfs vfs("failing");
  Opened opened(7, vfs.name());
  const ScopeId id = state_scope(*opened);
  set(*opened, id, "a", 1);
  flush(*opened);
  vfs.fail(FailingVfs::Call::sync, 1, SQLITE_IOERR_FSYNC, true, true);
  set(*opened, id, "a", 2);
  ASSERT_TRUE(flush(*opened).error);

  const auto read = opened->read(id, [](crdt::CellSource& cells) { crdt::show(cells, "a"); });
  ASSERT_FALSE(read);
  EXPECT_TRUE(read.error().is(Errc::storage_io)) << read.error().detail;
  EXPECT_FALSE(opened->commit(id, Edit().add("n", 1).ops(), at_ms(2)));
  EXPECT_FALSE(opened->commit(id, Edit().set("b", 1).ops(), at_ms(3)));

  vfs.heal();
  set(*opened, id, "c", 1);
  EXPECT_FALSE(flush(*opened).error);
  EXPECT_EQ(contents(*opened, id), (Contents{{"a", "2"}, {"c", "1"}}));  // the doubtful batch turned out to be there
  EXPECT_THAT(findings(*opened), IsEmpty());
}

TEST(StoreFailure, WhatWasAcceptedWhileTheBatchFailedStays) {
  FailingVfs vfs("failing");
  Opened opened(7, vfs.name());
  const ScopeId id = state_scope(*opened);
  flush(*opened);
  set(*opened, id, "a", "lost");
  auto batch = opened->begin_flush();
  set(*opened, id, "b", "kept");
  vfs.fail(FailingVfs::Call::sync, 1, SQLITE_IOERR_FSYNC);
  opened->write(*batch);
  EXPECT_TRUE(opened->finish(std::move(batch)).error);

  EXPECT_FALSE(flush(*opened).error);
  opened.reopen();
  EXPECT_EQ(contents(*opened, state_scope(*opened)), (Contents{{"b", "\"kept\""}}));
}

TEST(StoreFailure, AScopeCreatedInAFailedBatchIsCreatedByTheNext) {
  FailingVfs vfs("failing");
  Opened opened(7, vfs.name());
  flush(*opened);
  const ScopeId id = state_scope(*opened, "late");
  vfs.fail(FailingVfs::Call::write, 1, SQLITE_FULL);
  EXPECT_TRUE(flush(*opened).error);
  set(*opened, id, "a", 1);
  EXPECT_FALSE(flush(*opened).error);
  opened.reopen();
  EXPECT_TRUE(opened->find_scope(Plane::state, "late"));
}

TEST(StoreFailure, RecordsAcceptedWhileABatchFailsKeepTheirNumbers) {
  FailingVfs vfs("failing");
  Opened opened(7, vfs.name()), hub(8);
  const ScopeId id = opened->open_scope(Plane::stream, "t").value();
  opened->define_stream(id, {{{"v", ColumnType::i64}}}, false).value();
  flush(*opened);
  const std::vector<Record> rows{{0, at_ms(1), {std::int64_t{1}}}, {0, at_ms(2), {std::int64_t{2}}}};
  opened->append(id, rows).value();
  auto batch = opened->begin_flush();
  EXPECT_EQ(opened->append(id, rows).value().first, 3U);
  vfs.fail(FailingVfs::Call::write, 1, SQLITE_FULL);
  opened->write(*batch);
  EXPECT_TRUE(opened->finish(std::move(batch)).error);

  EXPECT_FALSE(flush(*opened).error);

  const auto segments = opened->segments(id, opened->replica(), 0, SIZE_MAX).value();
  ASSERT_EQ(segments.size(), 1U);
  EXPECT_EQ(segments[0].first, 3U);
  EXPECT_EQ(opened->append(id, rows).value().first, 5U);
  EXPECT_THAT(findings(*opened), IsEmpty());
  const ScopeId to = hub->open_scope(Plane::stream, "t").value();
  const auto gaps = opened->gaps(id, opened->replica(), 0, 10).value();
  EXPECT_EQ(gaps, (std::vector<Gap>{{1, 2, DropReason::refused}}));
  hub->apply(RemoteGap{to, opened->replica(), gaps[0], {}});
  hub->apply(RemoteSegment{to, opened->replica(), 3, 2, segments[0].body});
  EXPECT_TRUE(flush(*hub).outcomes.at(1).applied);
}

TEST(StoreFailure, SequencesStayDenseAfterAFailedBatch) {
  FailingVfs vfs("failing");
  Opened opened(7, vfs.name());
  const ScopeId id = opened->open_scope(Plane::stream, "t").value();
  opened->define_stream(id, {{{"v", ColumnType::i64}}}, false).value();
  const std::vector<Record> rows{{0, at_ms(1), {std::int64_t{1}}}, {0, at_ms(2), {std::int64_t{2}}}};
  opened->append(id, rows).value();
  vfs.fail(FailingVfs::Call::write, 1, SQLITE_FULL);
  EXPECT_TRUE(flush(*opened).error);
  EXPECT_EQ(opened->append(id, rows).value().first, 1U);
  EXPECT_FALSE(flush(*opened).error);
  EXPECT_EQ(opened->stream(id).at(0).last, 2U);
}

}  // namespace
}  // namespace edgesync::store
