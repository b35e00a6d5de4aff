// SPDX-License-Identifier: Apache-2.0
// The write-ahead log: how long it gets, what is written again at open, and what is said when it cannot be emptied.
#include "crdt/transaction.hpp"
#include "failing_vfs.hpp"
#include "harness.hpp"

namespace edgesync::store {
namespace {

void write_mebibytes(Store& store, ScopeId id, int count) {
  for (int i = 0; i < 2 * count; ++i)
    set(store, id, "k" + std::to_string(i), std::string(crdt::value_bytes_max - 16, static_cast<char>('a' + i % 20)));
}

TEST(Log, IsCutBackAfterALargeTransaction) {
  Opened opened;
  const ScopeId id = state_scope(*opened);
  write_mebibytes(*opened, id, 12);
  ASSERT_FALSE(flush(*opened).error);
  for (int i = 0; i < 3; ++i) {
    set(*opened, id, "small", i);
    ASSERT_FALSE(flush(*opened).error);
  }
  EXPECT_LE(std::filesystem::file_size(opened.path() + "-wal"), std::size_t{5} << 20);
}

TEST(Log, OnlyItsValidFramesAreWrittenAgain) {
  FailingVfs vfs("failing");
  Opened opened(7, vfs.name());
  const ScopeId id = state_scope(*opened);
  write_mebibytes(*opened, id, 4);  // checkpointed at once, and the log begun again
  flush(*opened);
  set(*opened, id, "a", 1);
  flush(*opened);
  vfs.fail(FailingVfs::Call::sync, 1, SQLITE_IOERR_FSYNC, false, true);
  set(*opened, id, "a", 2);

  EXPECT_FALSE(flush(*opened).error);

  EXPECT_GE(vfs.rewritten(), 2U);
  EXPECT_LT(vfs.rewritten(), 50U) << "not the thousand pages that were there before";
  EXPECT_EQ(get(*opened, id, "a"), Value(std::int64_t{2}));
  EXPECT_THAT(findings(*opened), testing::IsEmpty());
}

TEST(Log, ACheckpointThatFailsIsReportedAndTheBatchStays) {
  FailingVfs vfs("failing");
  Opened opened(7, vfs.name());
  const ScopeId id = state_scope(*opened);
  flush(*opened);
  write_mebibytes(*opened, id, 5);
  vfs.fail(FailingVfs::Call::sync, 2, SQLITE_IOERR_FSYNC, true);  // the commit's sync is the first

  const Flushed flushed = flush(*opened);

  vfs.heal();
  EXPECT_FALSE(flushed.error);
  ASSERT_TRUE(flushed.log_error);
  EXPECT_TRUE(flushed.log_error->is(Errc::storage_io)) << flushed.log_error->detail;
  set(*opened, id, "after", 1);
  EXPECT_FALSE(flush(*opened).log_error);
  EXPECT_EQ(contents(*opened, id).size(), 11U);
  EXPECT_THAT(findings(*opened), testing::IsEmpty());
}

}  // namespace
}  // namespace edgesync::store
