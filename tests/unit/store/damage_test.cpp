// SPDX-License-Identifier: Apache-2.0
// Damage: what verify() must find, and files that must be refused with the right error.
#include "damage.hpp"

#include <fstream>

namespace edgesync::store {
namespace {

using testing::IsEmpty;
using testing::Not;

class Damage : public testing::TestWithParam<const char*> {};

TEST_P(Damage, IsFound) {
  Opened opened;
  fill(*opened);
  ASSERT_THAT(findings(*opened), IsEmpty());
  opened.close();
  run_sql(opened.path(), GetParam());
  opened.reopen();
  const auto found = findings(*opened);
  const auto faults = flush(*opened).faults;  // what open() itself put right is told here
  EXPECT_FALSE(found.empty() && faults.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Row, Damage,
    testing::Values(
        "UPDATE cell SET e = CAST(substr(e, 1, length(e) - 1) || x'7f' AS BLOB) WHERE hex(key) LIKE '6B37%'",
        "UPDATE cell SET e = x'ff' WHERE hex(key) LIKE '6B37%'", "DELETE FROM cell WHERE hex(key) LIKE '6B39%'",
        "UPDATE log SET body = CAST(substr(body, 1, 9) || x'55' || substr(body, 11) AS BLOB)", "DELETE FROM log",
        "UPDATE sblk SET body = CAST(substr(body, 1, 6) || x'55' || substr(body, 8) AS BLOB)",
        "UPDATE sblk SET first = 2",
        "UPDATE ctx SET sum = x'00000000000000000000000000000000' WHERE sid = 1 AND oid = 0",
        "UPDATE ctx SET stamp = 5 WHERE sid = 1 AND oid = 1", "UPDATE ver SET content = x'0102'",
        "UPDATE ver SET manifest = x'0102'", "UPDATE hist SET body = x'0102'"));

TEST(DamagedRanges, AreKeptUntilTheyAreMended) {
  Opened opened;
  fill(*opened);
  const crdt::KeyRange first{to_bytes("a"), to_bytes("c")}, rest{to_bytes("x"), {}};
  EXPECT_THAT(opened->damaged(state_scope(*opened)), IsEmpty());
  opened.close();
  run_sql(opened.path(), "INSERT INTO damage VALUES (1, x'61', x'63'), (1, x'78', x'')");

  opened.reopen();

  const ScopeId id = state_scope(*opened);
  EXPECT_EQ(opened->damaged(id), (std::vector{first, rest}));
  opened->apply(RemoteRepair{id, {{rest}, {}, {}}});
  EXPECT_EQ(opened->damaged(id).size(), 2U);  // until it is durable
  ASSERT_FALSE(flush(*opened).error);
  EXPECT_EQ(opened->damaged(id), std::vector{first});
  opened.reopen();
  EXPECT_EQ(opened->damaged(id), std::vector{first});
}

TEST(DamagedRanges, GoWithTheRepair) {
  Opened opened, hub(8);
  fill(*opened), fill(*hub);
  pull(*opened, state_scope(*opened), *hub, state_scope(*hub));
  pull(*hub, state_scope(*hub), *opened, state_scope(*opened));
  const auto digest = opened->summary(state_scope(*opened));
  opened.close();
  run_sql(opened.path(), "UPDATE cell SET e = x'ff' WHERE hex(key) LIKE '6B37%'");
  opened.reopen();
  const ScopeId id = state_scope(*opened);
  ASSERT_FALSE(opened->look(id, [](crdt::CellSource& cells) { cells.scan({}, [](auto&&...) { return true; }); }));
  flush(*opened);
  ASSERT_FALSE(opened->damaged(id).empty());
  auto repair = hub->repair(state_scope(*hub), opened->damaged(id), 1 << 20).value();
  RemoteRepair newer{id, repair};
  newer.repair.upto.advance({hub->replica(), INT64_MAX});
  opened->apply(newer);
  EXPECT_FALSE(flush(*opened).outcomes.at(0).applied);
  EXPECT_FALSE(opened->damaged(id).empty());

  opened->apply(RemoteRepair{id, repair});

  EXPECT_TRUE(flush(*opened).outcomes.at(0).applied);
  EXPECT_THAT(opened->damaged(id), IsEmpty());
  EXPECT_EQ(opened->summary(id), digest);
  EXPECT_THAT(findings(*opened), IsEmpty());
}

class Refused : public testing::TestWithParam<std::pair<const char*, Errc>> {};

TEST_P(Refused, AtOpen) {
  Opened opened;
  fill(*opened);
  opened.close();
  run_sql(opened.path(), GetParam().first);
  const auto again = opened.try_open();
  ASSERT_FALSE(again);
  EXPECT_TRUE(again.error().is(GetParam().second)) << again.error().detail;
}

INSTANTIATE_TEST_SUITE_P(File, Refused,
                         testing::Values(std::pair("PRAGMA user_version = 2", Errc::storage_too_new),
                                         std::pair("PRAGMA application_id = 7", Errc::storage_corrupt),
                                         std::pair("DROP TABLE ctx", Errc::storage_corrupt),
                                         std::pair("CREATE TRIGGER t AFTER INSERT ON cell BEGIN DELETE FROM log; END",
                                                   Errc::storage_corrupt),
                                         std::pair("CREATE VIEW v AS SELECT 1", Errc::storage_corrupt),
                                         std::pair("DELETE FROM meta", Errc::storage_corrupt),
                                         std::pair("UPDATE origin SET replica = x'01'", Errc::storage_corrupt),
                                         std::pair("UPDATE scope SET name = '../up'", Errc::storage_corrupt),
                                         std::pair("UPDATE scope SET plane = 9", Errc::storage_corrupt),
                                         std::pair("UPDATE scope SET policy = x'ffffff'", Errc::storage_corrupt),
                                         std::pair("DELETE FROM scope WHERE sid = 1", Errc::storage_corrupt)));

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {(std::istreambuf_iterator<char>(in)), {}};
}

TEST(HostileFile, ARefusedDatabaseStaysAsItIs) {
  for (const char* sql :
       {"CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)", "PRAGMA application_id = 7; CREATE TABLE theirs (x)",
        "PRAGMA application_id = 0x65645379; PRAGMA user_version = 9; CREATE TABLE cell (x)",
        "PRAGMA journal_mode = WAL; CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)"}) {
    Opened opened;
    opened.close();
    std::filesystem::remove(opened.path());
    run_sql(opened.path(), sql);
    const std::string before = bytes_of(opened.path());
    EXPECT_FALSE(opened.try_open()) << sql;
    EXPECT_EQ(bytes_of(opened.path()), before) << sql;
  }
}

TEST(HostileFile, RandomBytesAreRefused) {
  Xoshiro random(3);
  for (std::size_t size : {2U, 100U, 511U, 4096U, 20'000U}) {
    Opened opened;
    opened.close();
    std::filesystem::remove(opened.path());
    std::ofstream out(opened.path(), std::ios::binary);
    for (std::size_t i = 0; i < size; ++i) out.put(static_cast<char>(random.next()));
    out.close();
    const auto again = opened.try_open();
    ASSERT_FALSE(again) << size;
    EXPECT_TRUE(again.error().is(Errc::storage_corrupt)) << size << again.error().detail;
  }
}

TEST(HostileFile, FlippedAndTruncatedFilesNeverCrash) {
  Xoshiro random(4);
  Opened opened;
  fill(*opened);
  opened.close();
  const std::string sound = bytes_of(opened.path());
  for (int round = 0; round < 150; ++round) {
    std::string bytes = sound;
    for (int flips = 0; flips < 4; ++flips)
      bytes[random.below(bytes.size())] ^= static_cast<char>(1 << random.below(8));
    if (round % 3 == 0) bytes.resize(random.below(bytes.size()));
    std::ofstream(opened.path(), std::ios::binary | std::ios::trunc) << bytes;
    std::filesystem::remove(opened.path() + "-wal");
    auto again = opened.try_open();
    if (!again) continue;
    Store& store = **again;
    store.verify().ignore();
    const auto found = store.find_scope(Plane::state, "plant");
    if (!found) continue;
    store.read(*found, [](crdt::CellSource& cells) { crdt::show_all(cells, {}, [](const auto&) { return true; }); })
        .ignore();
    store.delta(*found, {}).ignore();
    store.commit(*found, Edit().set("a", 1).add("n", 1).ops(), at_ms(9)).ignore();
    flush(store);
  }
}

TEST(HostileFile, ADirectoryOrAMissingFolderIsAnError) {
  Xoshiro random(1);
  const TempDir dir;
  for (const std::string& path : {dir.file(""), dir.file("none/node.db")}) {
    Options options;
    options.path = path;
    const auto opened = Store::open(std::move(options), random, at_ms(0));
    ASSERT_FALSE(opened);
    EXPECT_TRUE(opened.error().is(Errc::storage_io)) << opened.error().detail;
  }
}

}  // namespace
}  // namespace edgesync::store
