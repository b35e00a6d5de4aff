// SPDX-License-Identifier: Apache-2.0
// A full disk: reads go on, new data is refused by name, upkeep goes on out of the ballast, and nobody has to help when
// there is room again. And files that somebody took away.
#include "failing_vfs.hpp"
#include "harness.hpp"

#include <sys/wait.h>

namespace edgesync::store {
namespace {

using testing::IsEmpty;

constexpr std::size_t ballast = std::size_t{256} * 1024;

/// Writes until the disk has no more room for it.
Error fill(Store& store, ScopeId id) {
  for (int i = 0; i < 10'000; ++i) {
    const auto committed =
        store.commit(id, Edit().set("fill/" + std::to_string(i), std::string(8'000, 'f')).ops(), at_ms(i));
    if (!committed) return committed.error();
    if (const Flushed flushed = flush(store); flushed.error) return *flushed.error;
  }
  return {};
}

struct Full {
  Full() {
    id = state_scope(*opened);
    records = opened->open_scope(Plane::stream, "t").value();
    opened->define_stream(records, {{{"v", ColumnType::i64}}}, false).value();
    opened->append(records, rows).value();
    set(*opened, id, "before", 1);
    EXPECT_FALSE(flush(*opened).error);
    EXPECT_TRUE(std::filesystem::exists(opened.path() + "-ballast"));
    vfs.room(static_cast<std::int64_t>(ballast) * 2);
  }
  const std::vector<Record> rows{{0, at_ms(1), {std::int64_t{1}}}, {0, at_ms(2), {std::int64_t{2}}}};
  FailingVfs vfs{"full"};
  Opened opened{7, "full", ballast};
  ScopeId id{}, records{};
};

TEST(FullDisk, RefusesNewDataAndServesReads) {
  Full disk;
  const Error why = fill(*disk.opened, disk.id);
  EXPECT_TRUE(why.is(Errc::storage_full)) << why.detail;
  const auto before = contents(*disk.opened, disk.id);
  EXPECT_TRUE(before.contains("before"));
  EXPECT_FALSE(std::filesystem::exists(disk.opened.path() + "-ballast"));
  EXPECT_TRUE(disk.opened->append(disk.records, disk.rows).error().is(Errc::storage_full));
  disk.opened.reopen();
  EXPECT_EQ(contents(*disk.opened, state_scope(*disk.opened)), before);
  EXPECT_THAT(findings(*disk.opened), IsEmpty());
}

TEST(FullDisk, LeavesRoomForUpkeep) {
  Full disk;
  fill(*disk.opened, disk.id);
  Store& store = *disk.opened;
  store.note_acked(disk.id, store.context(disk.id), {});
  store.trim(disk.records, store.replica(), 2);
  const Flushed flushed = flush(store);
  EXPECT_FALSE(flushed.error) << flushed.error->detail;
  EXPECT_EQ(store.stream(disk.records).at(0).trimmed, 2U);
  EXPECT_TRUE(store.compact(0));
  EXPECT_THAT(findings(store), IsEmpty());
}

TEST(FullDisk, RefusesWhatPeersSendAndLosesNothingOfIt) {
  Full disk;
  Opened peer(8);
  set(*peer, state_scope(*peer), "theirs", 1);
  flush(*peer);
  fill(*disk.opened, disk.id);
  const crdt::Context before = disk.opened->context(disk.id);

  const Flushed flushed = pull(*disk.opened, disk.id, *peer, state_scope(*peer));

  EXPECT_FALSE(flushed.error);
  ASSERT_EQ(flushed.outcomes.size(), 1U);
  EXPECT_FALSE(flushed.outcomes[0].applied);
  EXPECT_TRUE(flushed.outcomes[0].error->is(Errc::storage_full));
  EXPECT_EQ(disk.opened->context(disk.id), before);
  disk.vfs.room(-1);
  EXPECT_TRUE(pull(*disk.opened, disk.id, *peer, state_scope(*peer)).outcomes.at(0).applied);
}

TEST(FullDisk, IsTakenUpAgainWhenThereIsRoom) {
  Full disk;
  fill(*disk.opened, disk.id);
  EXPECT_FALSE(disk.opened->commit(disk.id, Edit().set("a", 1).ops(), at_ms(1)));
  disk.vfs.room(-1);
  set(*disk.opened, disk.id, "a", 2);
  EXPECT_FALSE(flush(*disk.opened).error);
  EXPECT_TRUE(std::filesystem::exists(disk.opened.path() + "-ballast"));
  EXPECT_EQ(get(*disk.opened, disk.id, "a"), Value(std::int64_t{2}));
}

TEST(FullDisk, WhereverItBeginsNothingIsLost) {
  for (std::int64_t room = 0; room < 200'000; room += 7'919) {
    FailingVfs vfs("full");
    Opened opened(7, "full", room % 2 == 0 ? ballast : 0);
    const ScopeId id = state_scope(*opened);
    std::map<std::string, std::string> promised;
    flush(*opened);
    vfs.room(room);
    for (int i = 0; i < 30; ++i) {
      const std::string key = "k" + std::to_string(i % 12), text(5'000, static_cast<char>('a' + i % 26));
      if (!opened->commit(id, Edit().set(key, text).ops(), at_ms(i))) continue;
      if (!flush(*opened).error) promised[key] = to_json(Value(text));
    }
    EXPECT_EQ(contents(*opened, id), promised) << room;
    opened.reopen();
    EXPECT_EQ(contents(*opened, state_scope(*opened)), promised) << room;
    ASSERT_THAT(findings(*opened), IsEmpty()) << room;
  }
}

TEST(OpenFile, ThatIsReplacedIsNotWrittenAnyMore) {
  Opened opened;
  const ScopeId id = state_scope(*opened);
  set(*opened, id, "a", 1);
  flush(*opened);
  std::filesystem::rename(opened.path(), opened.path() + ".away");
  set(*opened, id, "a", 2);
  const Flushed flushed = flush(*opened);
  ASSERT_TRUE(flushed.error);
  EXPECT_TRUE(flushed.error->is(Errc::storage_io));
  EXPECT_FALSE(std::filesystem::exists(opened.path()));  // and no empty one stands in for it
  EXPECT_EQ(get(*opened, id, "a"), Value(std::int64_t{1}));
  std::filesystem::rename(opened.path() + ".away", opened.path());
  set(*opened, id, "a", 3);
  EXPECT_FALSE(flush(*opened).error);
  opened.reopen();
  EXPECT_EQ(get(*opened, state_scope(*opened), "a"), Value(std::int64_t{3}));
}

TEST(OpenFile, WhoseLogWasDeletedSavesIt) {
  Opened opened;
  const ScopeId id = state_scope(*opened);
  set(*opened, id, "a", 1);
  flush(*opened);
  set(*opened, id, "b", 1);
  flush(*opened);
  ASSERT_TRUE(std::filesystem::remove(opened.path() + "-wal"));
  set(*opened, id, "c", 1);
  const Flushed flushed = flush(*opened);
  EXPECT_FALSE(flushed.error);
  EXPECT_EQ(flushed.faults.size(), 1U);
  const TempDir copy;  // what a power cut would leave
  std::filesystem::copy(opened.path(), copy.file());
  std::filesystem::copy(opened.path() + "-wal", copy.file() + "-wal");
  Options options;
  options.path = copy.file();
  Xoshiro random(3);
  auto again = Store::open(std::move(options), random, at_ms(1)).value();
  EXPECT_EQ(contents(*again, state_scope(*again)).size(), 3U);
}

TEST(OpenFile, BelongsToTheProcessThatOpenedIt) {
  Opened opened;
  const ScopeId id = state_scope(*opened);
  set(*opened, id, "a", 1);
  flush(*opened);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto committed = opened->commit(id, Edit().set("a", 2).ops(), at_ms(2));
    const bool refused = !committed && committed.error().is(Errc::already_open);
    const auto read = opened->read(id, [](crdt::CellSource&) {});
    opened.close();
    ::_exit(refused && !read && read.error().is(Errc::already_open) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  set(*opened, id, "b", 1);
  EXPECT_FALSE(flush(*opened).error);
  opened.reopen();
  EXPECT_EQ(contents(*opened, state_scope(*opened)).size(), 2U);
  EXPECT_THAT(findings(*opened), IsEmpty());
}

}  // namespace
}  // namespace edgesync::store
