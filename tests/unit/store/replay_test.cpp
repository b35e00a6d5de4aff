// SPDX-License-Identifier: Apache-2.0
// Dead letters: what was set aside and proves itself can be put back, whatever else stays with its reason, and what is
// dropped is counted.
#include "damage.hpp"
#include "store/letters.hpp"
#include "store/row_check.hpp"

namespace edgesync::store {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

/// A letter about a cell of `id` that held `value` at `path`, as if its row had been read wrongly once.
void put_cell(Opened& opened, ScopeId id, const Bytes& key, const Bytes& row) {
  opened.close();
  run_sql(opened.path(), "INSERT INTO quarantine (kind, sid, place, reason, origin, at, body) VALUES (1, " +
                             std::to_string(static_cast<std::uint32_t>(id)) + ", x'" + to_hex(key) +
                             "', 'test', '', 0, x'" + to_hex(row) + "')");
  opened.reopen();
}

/// The row of the cell at `key`, then the row goes.
Bytes take_row(Opened& opened, const Bytes& key) {
  opened.close();
  Bytes row;
  sqlite3* db = nullptr;
  EXPECT_EQ(sqlite3_open(opened.path().c_str(), &db), SQLITE_OK);
  sqlite3_stmt* found = nullptr;
  const std::string sql = "SELECT e FROM cell WHERE lower(hex(key)) = '" + to_hex(key) + "'";
  EXPECT_EQ(sqlite3_prepare_v2(db, sql.c_str(), -1, &found, nullptr), SQLITE_OK);
  EXPECT_EQ(sqlite3_step(found), SQLITE_ROW);
  const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(found, 0));
  row.assign(data, data + sqlite3_column_bytes(found, 0));
  sqlite3_finalize(found);
  sqlite3_close(db);
  opened.reopen();
  return row;
}

void rot_segment(Opened& opened) {
  opened.close();
  run_sql(opened.path(), "UPDATE sblk SET body = CAST(substr(body, 1, 8) || x'ff' || substr(body, 10) AS BLOB)");
  opened.reopen();
}

Replayed replay(Opened& opened, std::uint64_t id) {
  const Replayed replayed = opened->replay(id, at_ms(100)).value();
  EXPECT_FALSE(flush(*opened).error);
  return replayed;
}

std::vector<Quarantined> letters(Opened& opened) { return opened->quarantine(0, 100).value(); }

TEST(DeadLetter, OfACellSaysWhatItHeldAndIsWrittenAgain) {
  Opened opened;
  const ScopeId id = state_scope(*opened);
  set(*opened, id, "limit", std::int64_t{7});
  flush(*opened);
  const Bytes key = crdt::cell_key("limit", crdt::Kind::value);
  const Bytes row = take_row(opened, key);
  opened->commit(id, Edit().erase("limit").ops(), at_ms(2)).value();
  flush(*opened);
  put_cell(opened, id, key, row);

  const auto held = letters(opened);
  ASSERT_EQ(held.size(), 1U);
  EXPECT_TRUE(held[0].sound);
  EXPECT_EQ(held[0].key, "limit");
  EXPECT_EQ(held[0].values, std::vector<Value>{std::int64_t{7}});
  const Replayed replayed = replay(opened, held[0].id);

  EXPECT_TRUE(replayed.done) << replayed.detail;
  EXPECT_EQ(get(*opened, id, "limit"), Value(std::int64_t{7}));
  EXPECT_THAT(letters(opened), IsEmpty());
  EXPECT_EQ(opened->quarantined().value().replayed, 1U);
  EXPECT_THAT(findings(*opened), IsEmpty());
}

TEST(DeadLetter, OfACellNeverOverwritesWhatWasWrittenSince) {
  Opened opened;
  const ScopeId id = state_scope(*opened);
  set(*opened, id, "limit", std::int64_t{7});
  flush(*opened);
  const Bytes key = crdt::cell_key("limit", crdt::Kind::value);
  const Bytes row = take_row(opened, key);
  set(*opened, id, "limit", std::int64_t{8});
  flush(*opened);
  put_cell(opened, id, key, row);

  EXPECT_FALSE(replay(opened, letters(opened).at(0).id).done);
  EXPECT_EQ(get(*opened, id, "limit"), Value(std::int64_t{8}));
  EXPECT_EQ(letters(opened).size(), 1U);
  set(*opened, id, "limit", std::int64_t{7});  // the same value is there by other ways
  flush(*opened);
  EXPECT_TRUE(replay(opened, letters(opened).at(0).id).done);
  EXPECT_THAT(letters(opened), IsEmpty());
}

TEST(DeadLetter, OfAMemberJoinsItsSetAndOfACounterCountsOnce) {
  Opened opened;
  const ScopeId id = state_scope(*opened);
  opened->commit(id, Edit().insert("tags", "a").insert("tags", "b").add("n", 5).ops(), at_ms(1)).value();
  flush(*opened);
  const Bytes count = crdt::cell_key("n", crdt::Kind::count, opened->replica().bytes);
  const Bytes count_row = take_row(opened, count);
  Bytes member;
  opened
      ->read(id,
             [&](crdt::CellSource& cells) {
               cells.scan(crdt::cells_at("tags"), [&](ByteView key, const crdt::Cell&) {
                 member = to_bytes(key);
                 return false;
               });
             })
      .value();
  const Bytes member_row = take_row(opened, member);
  put_cell(opened, id, count, count_row);
  EXPECT_FALSE(replay(opened, letters(opened).at(0).id).done);  // it is there
  opened->commit(id, Edit().remove("tags", "a").remove("tags", "b").insert("tags", "c").erase("n").ops(), at_ms(2))
      .value();
  flush(*opened);
  put_cell(opened, id, member, member_row);

  for (const Quarantined& letter : letters(opened)) EXPECT_TRUE(replay(opened, letter.id).done);
  EXPECT_EQ(get(*opened, id, "n"), Value(std::int64_t{5}));
  EXPECT_EQ(contents(*opened, id)["tags"], "null \"a\" \"c\"");
}

TEST(DeadLetter, ThatDoesNotProveItselfStaysWithTheReason) {
  Opened opened;
  fill(*opened);
  const ScopeId id = state_scope(*opened);
  const Bytes key = crdt::cell_key("k7", crdt::Kind::value);
  Bytes row = take_row(opened, key);
  row[10] ^= std::byte{1};
  put_cell(opened, id, key, row);
  ASSERT_EQ(letters(opened).size(), 1U);
  EXPECT_FALSE(letters(opened)[0].sound);
  EXPECT_THAT(letters(opened)[0].values, IsEmpty());
  const Replayed replayed = replay(opened, letters(opened)[0].id);
  EXPECT_FALSE(replayed.done);
  EXPECT_THAT(replayed.detail, HasSubstr("check"));
  EXPECT_EQ(letters(opened).size(), 1U);
  EXPECT_FALSE(opened->replay(4711, at_ms(1)));

  opened->drop({letters(opened)[0].id}).value();
  EXPECT_FALSE(flush(*opened).error);
  EXPECT_THAT(letters(opened), IsEmpty());
  EXPECT_EQ(opened->quarantined().value().dropped, 1U);
  opened.reopen();
  EXPECT_EQ(opened->quarantined().value().dropped, 1U);
}

/// Two own segments; the first is set aside.
class RefusedRecords : public testing::Test {
 protected:
  void SetUp() override {
    id_ = opened_->open_scope(Plane::stream, "t").value();
    opened_->define_stream(id_, {{{"v", ColumnType::i64}}}, false).value();
    for (std::int64_t i = 1; i <= 2; ++i) {
      opened_->append(id_, std::vector<Record>{{0, at_ms(i), {i}}}).value();
      flush(*opened_);
    }
    opened_->set_aside({id_, opened_->replica(), 1, "too large"});
    EXPECT_TRUE(flush(*opened_).outcomes.at(0).applied);
  }
  std::vector<std::uint64_t> firsts() {
    std::vector<std::uint64_t> firsts;
    for (const StoredSegment& segment : opened_->segments(id_, opened_->replica(), 0, 1 << 20).value())
      firsts.push_back(segment.first);
    return firsts;
  }
  Opened opened_;
  ScopeId id_{};
};

TEST_F(RefusedRecords, AreReadableAndReplayedUnderNewNumbers) {
  EXPECT_EQ(firsts(), (std::vector<std::uint64_t>{2}));
  const auto held = letters(opened_);
  ASSERT_EQ(held.size(), 1U);
  EXPECT_EQ(held[0].kind, Quarantined::Kind::refused);
  EXPECT_EQ(held[0].reason, "too large");
  ASSERT_EQ(held[0].records.size(), 1U);
  EXPECT_EQ(held[0].records[0].fields.at(0), Value(std::int64_t{1}));

  EXPECT_TRUE(replay(opened_, held[0].id).done);
  EXPECT_EQ(firsts(), (std::vector<std::uint64_t>{2, 3}));
  EXPECT_THAT(letters(opened_), IsEmpty());
  EXPECT_THAT(findings(*opened_), IsEmpty());
}

TEST_F(RefusedRecords, AreNeverGivenUpForDamagedRows) {
  opened_.close();
  run_sql(opened_.path(),
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100)"
          " INSERT INTO quarantine (kind, sid, place, reason, origin, at, body)"
          " SELECT 1, 1, x'00', 'test', '', 0, zeroblob(10) FROM n");
  opened_.reopen();
  rot_segment(opened_);
  opened_->segments(id_, opened_->replica(), 0, 1 << 20).value();
  EXPECT_FALSE(flush(*opened_).error);
  EXPECT_EQ(opened_->quarantine(0, 1).value().at(0).kind, Quarantined::Kind::refused);
  EXPECT_EQ(opened_->quarantined().value().held, quarantine_rows_max);
}

TEST(DeadLetter, OfRecordsThatTheHubHoldsGoesBackToItsPlace) {
  Opened opened;
  fill(*opened);
  const ScopeId id = opened->open_scope(Plane::stream, "t").value();
  const ReplicaId self = opened->replica();
  const auto before = opened->segments(id, self, 0, 1 << 20).value();
  crdt::Context acked;
  acked.advance({self, 2});
  opened->note_acked(id, acked, {});
  flush(*opened);
  rot_segment(opened);
  EXPECT_THAT(opened->segments(id, self, 0, 1 << 20).value(), IsEmpty());
  flush(*opened);
  EXPECT_FALSE(replay(opened, letters(opened).at(0).id).done);  // rotten
  opened.close();
  run_sql(opened.path(),
          "UPDATE quarantine SET body = x'" + to_hex(before.at(0).body) + "'");  // as a better disk reads
  opened.reopen();
  EXPECT_TRUE(replay(opened, letters(opened).at(0).id).done);
  EXPECT_EQ(opened->segments(id, self, 0, 1 << 20).value().at(0).body, before.at(0).body);
  EXPECT_THAT(findings(*opened), IsEmpty());
}

TEST(DeadLetter, OfAVersionComesBackToTheHistory) {
  Opened opened;
  fill(*opened);
  const ScopeId id = opened->open_scope(Plane::config, "c").value();
  const auto version = opened->versions(id).value().at(0);
  const VersionKey key{version.manifest.number, to_hex(version.manifest.id)};
  opened.close();
  run_sql(opened.path(), "UPDATE ver SET role = role + 1");
  opened.reopen();
  EXPECT_THAT(opened->versions(id).value(), IsEmpty());
  flush(*opened);
  ASSERT_EQ(letters(opened).size(), 1U);
  EXPECT_FALSE(replay(opened, letters(opened)[0].id).done);  // nobody knows its role
  const auto back = [&](VersionRole role) {
    const std::uint64_t number = letters(opened)[0].id;
    VersionLetter letter{static_cast<std::uint64_t>(role) * 0x101, {}, {}, {}};
    const Bytes body = letters(opened)[0].body;
    Reader in(body);
    in.varint();
    letter.manifest = to_bytes(in.blob()), letter.base = to_bytes(in.blob()), letter.content = to_bytes(in.blob());
    opened.close();
    run_sql(opened.path(), "UPDATE quarantine SET body = x'" + to_hex(encode(letter)) + "'");
    opened.reopen();
    EXPECT_TRUE(letters(opened)[0].sound);
    opened->forget_version(id, key);
    flush(*opened);
    EXPECT_TRUE(opened->replay(number, {}).value().done);
    return opened->versions(id).value().at(0).role;
  };
  EXPECT_EQ(back(VersionRole::trial), VersionRole::superseded) << "another one is in use, and nothing proved this one";
  EXPECT_EQ(back(VersionRole::active), VersionRole::confirmed);
  EXPECT_FALSE(opened->release(id, key).value().content.empty());
}

}  // namespace
}  // namespace edgesync::store
