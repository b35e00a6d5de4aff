// SPDX-License-Identifier: Apache-2.0
// Damaged rows: set aside and told, never shown or sent on, in nobody's way, and no removal to anybody.
#include "damage.hpp"

namespace edgesync::store {
namespace {

using testing::IsEmpty;
using testing::Not;

Bytes value_key(std::string_view path) { return crdt::cell_key(path, crdt::Kind::value); }

/// Changes one byte in the row of a key, or in the key itself.
void rot(Opened& opened, const Bytes& key, bool in_key = false) {
  opened.close();
  const std::string hex = to_hex(key);
  const std::string row = " WHERE lower(hex(key)) = '" + hex + "'";
  run_sql(opened.path(), in_key ? "UPDATE cell SET key = x'" + hex + "73'" + row
                                : "UPDATE cell SET e = CAST(substr(e, 1, 11) || x'7f' || substr(e, 13) AS BLOB)" + row);
  opened.reopen();
}

Result<void> read_key(Store& store, ScopeId id, std::string_view key) {
  return store.read(id, [key](crdt::CellSource& cells) { crdt::show(cells, key); });
}

TEST(DamagedRow, IsSetAsideAndNeverShown) {
  Opened opened;
  fill(*opened);
  auto sound = contents(*opened, state_scope(*opened));
  rot(opened, value_key("k7"));
  const ScopeId id = state_scope(*opened);

  EXPECT_FALSE(read_key(*opened, id, "k7"));  // before and after it was set aside
  EXPECT_EQ(opened->damaged(id).size(), 1U);
  sound.erase("k7");
  EXPECT_EQ(contents(*opened, id), sound);
  const Flushed flushed = flush(*opened);

  ASSERT_EQ(flushed.faults.size(), 1U);
  EXPECT_TRUE(flushed.faults[0].second.is(Errc::storage_corrupt));
  EXPECT_FALSE(read_key(*opened, id, "k7"));
  EXPECT_TRUE(read_key(*opened, id, "k8"));
  EXPECT_EQ(contents(*opened, id), sound);
  const auto aside = opened->quarantine(0, 10).value();
  ASSERT_EQ(aside.size(), 1U);
  EXPECT_EQ(aside[0].scope, "plant");
  EXPECT_FALSE(aside[0].body.empty());
  set(*opened, id, "k8", "new");
  EXPECT_FALSE(flush(*opened).error);
  opened.reopen();
  EXPECT_EQ(opened->damaged(state_scope(*opened)).size(), 1U);
  EXPECT_EQ(opened->quarantined().value().held, 1U);
}

TEST(DamagedRow, WithAChangedKeyHidesEverythingItMayHaveBeen) {
  Opened opened;
  fill(*opened);
  rot(opened, value_key("k7"), true);
  const ScopeId id = state_scope(*opened);
  contents(*opened, id);
  EXPECT_FALSE(read_key(*opened, id, "k7"));
  flush(*opened);
  EXPECT_FALSE(read_key(*opened, id, "k7"));
  EXPECT_FALSE(read_key(*opened, id, "k6"));  // it may have been one more cell of this path
  EXPECT_TRUE(read_key(*opened, id, "k5"));
  EXPECT_TRUE(read_key(*opened, id, "k8"));
}

TEST(DamagedRow, WithOneChangedByteCostsNoMoreThanItself) {
  Opened opened;
  fill(*opened);
  const Bytes key = value_key("k7");
  set(*opened, state_scope(*opened), "k7", 7);
  flush(*opened);
  const auto sound = contents(*opened, state_scope(*opened));
  auto without = sound;
  without.erase("k7");
  int lost = 0;
  for (int at = 1; at <= 64; ++at) {
    opened.close();
    const std::string i = std::to_string(at), next = std::to_string(at + 1),
                      row = " WHERE key = x'" + to_hex(key) + "'";
    run_sql(opened.path(), "UPDATE cell SET e = CAST(substr(e, 1, " + i + " - 1) || x'5b' || substr(e, " + next +
                               ") AS BLOB)" + row + " AND length(e) >= " + i);
    opened.reopen();
    const ScopeId id = state_scope(*opened);
    const auto shown = contents(*opened, id);
    EXPECT_TRUE(shown == sound || shown == without) << "byte " << at;
    lost += shown == without;
    for (const crdt::KeyRange& range : opened->damaged(id)) EXPECT_EQ(range.low, key) << "byte " << at;
    set(*opened, id, "k7", 7);  // which mends it
    ASSERT_FALSE(flush(*opened).error);
    EXPECT_THAT(opened->damaged(id), IsEmpty());
  }
  EXPECT_GT(lost, 10);
}

TEST(DamagedRow, ThatACompactionMeetsIsNoAnswerToTheNextRead) {
  Opened opened;
  fill(*opened);
  rot(opened, value_key("k7"));
  EXPECT_TRUE(opened->compact(100));
  EXPECT_TRUE(read_key(*opened, state_scope(*opened), "k8"));
}

TEST(DamagedRow, OfACounterIsNotCountedOn) {
  Opened opened;
  opened->commit(state_scope(*opened), Edit().add("n", 7).ops(), at_ms(1)).value();
  flush(*opened);
  rot(opened, crdt::cell_key("n", crdt::Kind::count, opened->replica().bytes));
  const ScopeId id = state_scope(*opened);
  for (int i = 0; i < 2; ++i) {
    const auto added = opened->commit(id, Edit().add("n", 1).ops(), at_ms(2));
    ASSERT_FALSE(added);
    EXPECT_TRUE(added.error().is(Errc::storage_corrupt));
    flush(*opened);
  }
}

TEST(DamagedRow, OfACounterIsNotResetByWhoTookAnotherId) {
  Opened opened;
  opened->commit(state_scope(*opened), Edit().add("n", 7).ops(), at_ms(1)).value();
  flush(*opened);
  rot(opened, crdt::cell_key("n", crdt::Kind::count, opened->replica().bytes));
  const ScopeId id = state_scope(*opened);
  EXPECT_FALSE(read_key(*opened, id, "n"));
  flush(*opened);
  opened->reidentify(ReplicaId{{std::byte{5}}}, opened->replica(), "a test", false).value();
  const auto reset = opened->commit(id, Edit().reset("n").ops(), at_ms(2));
  ASSERT_FALSE(reset);
  EXPECT_TRUE(reset.error().is(Errc::storage_corrupt));
}

TEST(DamagedRow, IsMendedByAWrite) {
  Opened opened;
  fill(*opened);
  rot(opened, value_key("k7"));
  const ScopeId id = state_scope(*opened);
  EXPECT_FALSE(read_key(*opened, id, "k7"));
  flush(*opened);
  set(*opened, id, "k7", "again");
  flush(*opened);
  EXPECT_THAT(opened->damaged(id), IsEmpty());
  EXPECT_EQ(get(*opened, id, "k7"), Value("again"));
  EXPECT_THAT(findings(*opened), IsEmpty());
}

TEST(DamagedRow, ThatIsWrittenBeforeAnybodyReadItIsFoundByTheWriter) {
  Opened opened;
  fill(*opened);
  rot(opened, value_key("k7"));
  const ScopeId id = state_scope(*opened);
  set(*opened, id, "k7", "new");
  const Flushed flushed = flush(*opened);
  EXPECT_FALSE(flushed.error);
  EXPECT_EQ(flushed.faults.size(), 1U);
  EXPECT_EQ(get(*opened, id, "k7"), Value("new"));
  EXPECT_THAT(findings(*opened), IsEmpty());
}

TEST(DamagedRow, IsNoRemovalToAPeer) {
  Opened opened, hub(8);
  fill(*opened);
  const ScopeId there = state_scope(*hub);
  pull(*hub, there, *opened, state_scope(*opened));
  set(*opened, state_scope(*opened), "k8", "unsent");
  set(*opened, state_scope(*opened), "k7", "unsent too");
  flush(*opened);
  const auto before = contents(*hub, there);
  rot(opened, value_key("k7"));
  const ScopeId id = state_scope(*opened);
  opened->note_acked(id, hub->context(there), hub->context(there));

  // Whoever it was linked to before may know what was lost.
  EXPECT_EQ(opened->delta(id, hub->context(there)).value().upto, hub->context(there));
  EXPECT_TRUE(opened->loss_in_doubt(id));
  flush(*opened);
  opened->end_doubt(id);
  EXPECT_FALSE(opened->loss_in_doubt(id));
  const Flushed flushed = pull(*hub, there, *opened, id);

  EXPECT_TRUE(flushed.outcomes.at(0).applied);
  auto expected = before;
  expected["k8"] = "\"unsent\"";
  EXPECT_EQ(contents(*hub, there), expected);  // k7 as the hub had it
  EXPECT_EQ(hub->context(there), opened->context(id));
}

/// Which row that was is not known. A key that was removed before had a row that could be read: it was not that one.
TEST(DamagedRow, UnderAnyKeyDoesNotBringBackWhatWasRemoved) {
  for (const bool set_aside : {false, true}) {
    Opened opened, hub(8);
    fill(*opened);
    const ScopeId there = state_scope(*hub);
    pull(*hub, there, *opened, state_scope(*opened));
    opened->commit(state_scope(*opened), Edit().erase("k6").ops(), at_ms(60)).value();
    flush(*opened);
    opened.close();
    run_sql(opened.path(),
            "UPDATE cell SET e = CAST(substr(e, 1, 11) || x'7f' || substr(e, 13, length(e) - 18) || x'0000' || "
            "substr(e, -4) AS BLOB) WHERE lower(hex(key)) = '" +
                to_hex(value_key("k7")) + "'");
    opened.reopen();
    const ScopeId id = state_scope(*opened);
    contents(*opened, id);
    if (set_aside) flush(*opened);
    auto expected = contents(*hub, there);
    expected.erase("k6");

    pull(*hub, there, *opened, id);
    EXPECT_EQ(contents(*hub, there), expected);
    flush(*opened);
    opened->apply(RemoteRepair{id, hub->repair(there, opened->damaged(id), SIZE_MAX).value()});
    flush(*opened);
    EXPECT_THAT(opened->damaged(id), IsEmpty());
    EXPECT_EQ(contents(*opened, id), expected);
    EXPECT_EQ(opened->delta(id, hub->context(there)).value().upto, hub->context(there));
  }
}

/// What the removal had not seen outlives it, whatever the stamps.
TEST(DamagedRow, UnderAnyKeyMayBeWhatARemovalHadNotSeen) {
  Opened opened, other(9);
  fill(*opened);
  const ScopeId there = state_scope(*other);
  pull(*other, there, *opened, state_scope(*opened));
  set(*other, there, "k7", std::int64_t{777}, 10);
  flush(*other);
  opened->commit(state_scope(*opened), Edit().erase("k7").ops(), at_ms(60)).value();
  flush(*opened);
  pull(*opened, state_scope(*opened), *other, there);
  pull(*other, there, *opened, state_scope(*opened));
  opened.close();
  run_sql(opened.path(),
          "UPDATE cell SET key = CAST(substr(key, 1, 2) || x'01' || substr(key, 4) AS BLOB) WHERE "
          "lower(hex(key)) = '" +
              to_hex(value_key("k7")) + "'");
  opened.reopen();
  const ScopeId id = state_scope(*opened);
  contents(*opened, id);
  flush(*opened);
  const auto lost = opened->damaged(id);
  const auto holds = [](const crdt::KeyRange& range) { return range.contains(value_key("k7")); };
  EXPECT_TRUE(std::any_of(lost.begin(), lost.end(), holds));
  opened->apply(RemoteRepair{id, other->repair(there, lost, SIZE_MAX).value()});
  flush(*opened);
  EXPECT_EQ(contents(*opened, id).at("k7"), "777");
}

TEST(DamagedRow, OfOthersIsToldToNobodyUntilItIsMended) {
  Opened relay, edge(8), other(9);
  fill(*edge);
  pull(*relay, state_scope(*relay), *edge, state_scope(*edge));
  pull(*other, state_scope(*other), *relay, state_scope(*relay));
  set(*edge, state_scope(*edge), "k7", "news"), set(*edge, state_scope(*edge), "k8", "news");
  flush(*edge);
  pull(*relay, state_scope(*relay), *edge, state_scope(*edge));
  rot(relay, value_key("k7"));
  const ScopeId id = state_scope(*relay), there = state_scope(*other);
  const auto before = contents(*other, there);

  const auto delta = relay->delta(id, other->context(there)).value();
  EXPECT_EQ(delta.upto, other->context(there));
  EXPECT_THAT(delta.keys, IsEmpty());
  flush(*relay);
  EXPECT_EQ(relay->delta(id, other->context(there)).value().upto, other->context(there));
  set(*edge, state_scope(*edge), "k7", "again");
  flush(*edge);
  RemoteCut cut;  // the edge tells it all of the key
  cut.deltas.push_back({id, edge->delta(state_scope(*edge), relay->context(id)).value(), {}});
  relay->apply(cut);
  flush(*relay);
  EXPECT_THAT(relay->damaged(id), IsEmpty());
  pull(*other, there, *relay, id);
  EXPECT_EQ(contents(*other, there), contents(*edge, state_scope(*edge)));
}

TEST(DamagedRow, UnderAPrefixThatIsErasedHoldsNothingMore) {
  Opened opened, peer(8);
  fill(*peer);
  pull(*opened, state_scope(*opened), *peer, state_scope(*peer));
  rot(opened, value_key("k7"));
  const ScopeId id = state_scope(*opened), there = state_scope(*peer);
  EXPECT_FALSE(read_key(*opened, id, "k7"));
  flush(*opened);
  const auto lost = opened->damaged(id);
  ASSERT_EQ(lost.size(), 1U);
  const crdt::Repair told = peer->repair(there, lost, SIZE_MAX).value();

  opened->commit(id, Edit().erase_prefix("k7").ops(), at_ms(50)).value();
  flush(*opened);
  opened->compact(0).value();  // the record of it may go
  opened->apply(RemoteRepair{id, told});
  flush(*opened);

  EXPECT_THAT(opened->damaged(id), IsEmpty());
  EXPECT_EQ(get(*opened, id, "k7"), Value());
  EXPECT_THAT(findings(*opened), IsEmpty());
}

TEST(DamagedRow, IsMendedByTwoPeersOfWhomEachLacksWhatTheOtherHas) {
  Opened relay, one(8), other(9);
  fill(*one);
  pull(*relay, state_scope(*relay), *one, state_scope(*one));
  pull(*other, state_scope(*other), *relay, state_scope(*relay));
  for (Opened* peer : {&one, &other}) {
    set(**peer, state_scope(**peer), "k7", "by " + to_string((*peer)->replica()), 60);
    set(**peer, state_scope(**peer), "k8", "by " + to_string((*peer)->replica()), 70);
    flush(**peer);
    pull(*relay, state_scope(*relay), **peer, state_scope(**peer));
  }
  const auto sound = contents(*relay, state_scope(*relay));
  rot(relay, value_key("k7"));
  const ScopeId id = state_scope(*relay);
  EXPECT_FALSE(read_key(*relay, id, "k7"));
  flush(*relay);
  const auto lost = relay->damaged(id);
  const auto tell = [&](Opened& peer) {
    relay->apply(RemoteRepair{id, peer->repair(state_scope(*peer), lost, SIZE_MAX).value()});
    flush(*relay);
  };

  tell(one);
  EXPECT_EQ(relay->damaged(id).size(), 1U);
  tell(other);

  EXPECT_THAT(relay->damaged(id), IsEmpty());
  EXPECT_EQ(contents(*relay, id), sound);
  EXPECT_THAT(findings(*relay), IsEmpty());
}

TEST(DamagedRow, IsNotBroughtBackByARepairThatComesWithItsRemoval) {
  Opened relay, one(8), other(9);
  fill(*one);
  pull(*relay, state_scope(*relay), *one, state_scope(*one));
  pull(*other, state_scope(*other), *relay, state_scope(*relay));
  rot(relay, value_key("k7"));
  const ScopeId id = state_scope(*relay);
  EXPECT_FALSE(read_key(*relay, id, "k7"));
  flush(*relay);
  other->commit(state_scope(*other), Edit().erase("k7").ops(), at_ms(60)).value();
  flush(*other);

  RemoteCut cut;
  cut.deltas.push_back({id, other->delta(state_scope(*other), relay->context(id)).value(), {}});
  relay->apply(std::move(cut));
  relay->apply(RemoteRepair{id, one->repair(state_scope(*one), relay->damaged(id), SIZE_MAX).value()});
  flush(*relay);
  const auto lost = relay->damaged(id);
  ASSERT_EQ(lost.size(), 1U);
  relay->apply(RemoteRepair{id, other->repair(state_scope(*other), lost, SIZE_MAX).value()});
  flush(*relay);

  EXPECT_THAT(relay->damaged(id), IsEmpty());
  EXPECT_EQ(contents(*relay, id), contents(*other, state_scope(*other)));
  EXPECT_THAT(findings(*relay), IsEmpty());
}

TEST(DamagedRow, ThatVanishedShowsInTheFingerprint) {
  Opened opened;
  fill(*opened);
  opened.close();
  run_sql(opened.path(), "DELETE FROM cell WHERE hex(key) LIKE '6B39%'");
  opened.reopen();
  const ScopeId id = state_scope(*opened);
  EXPECT_THAT(findings(*opened), Not(IsEmpty()));
  flush(*opened);
  EXPECT_EQ(opened->damaged(id), std::vector<crdt::KeyRange>(1));  // anything may be missing
  EXPECT_TRUE(read_key(*opened, id, "k8"));
  EXPECT_FALSE(read_key(*opened, id, "k9"));
}

TEST(DamagedLog, IsMadeAnewAndLosesRemovalsOnlyToTheFloor) {
  Opened opened, peer(8);
  fill(*opened);
  const auto sound = contents(*opened, state_scope(*opened));
  opened.close();
  run_sql(opened.path(), "UPDATE log SET body = CAST(substr(body, 1, 9) || x'55' || substr(body, 11) AS BLOB)");
  opened.reopen();
  const ScopeId id = state_scope(*opened);
  EXPECT_FALSE(opened->pending(id));
  const Flushed flushed = flush(*opened);
  EXPECT_FALSE(flushed.error);
  EXPECT_EQ(flushed.faults.size(), 1U);
  EXPECT_THAT(findings(*opened), IsEmpty());
  EXPECT_EQ(opened->floors(id), opened->context(id));
  pull(*peer, state_scope(*peer), *opened, id);
  EXPECT_EQ(contents(*peer, state_scope(*peer)), sound);
}

TEST(DamagedLog, ThatALocalWriteMeetsDoesNotStopIt) {
  Opened opened;
  fill(*opened);
  opened.close();
  run_sql(opened.path(), "UPDATE log SET body = CAST(substr(body, 1, 9) || x'55' || substr(body, 11) AS BLOB)");
  opened.reopen();
  const ScopeId id = state_scope(*opened);
  set(*opened, id, "a", 1);
  const Flushed flushed = flush(*opened);
  EXPECT_FALSE(flushed.error);
  EXPECT_EQ(flushed.faults.size(), 1U);
  EXPECT_EQ(get(*opened, id, "a"), Value(std::int64_t{1}));
  EXPECT_THAT(findings(*opened), IsEmpty());
}

TEST(DamagedContext, IsWhatTheCellsProve) {
  Opened opened, peer(8);
  fill(*opened);
  pull(*peer, state_scope(*peer), *opened, state_scope(*opened));
  set(*peer, state_scope(*peer), "theirs", 1), flush(*peer);
  pull(*opened, state_scope(*opened), *peer, state_scope(*peer));
  const auto sound = contents(*opened, state_scope(*opened));
  opened.close();
  run_sql(opened.path(), "UPDATE ctx SET stamp = stamp + 4096, acked = 9 WHERE sid = 1 AND oid = 2");

  opened.reopen();

  const ScopeId id = state_scope(*opened);
  EXPECT_EQ(flush(*opened).faults.size(), 1U);
  EXPECT_EQ(opened->context(id), peer->context(state_scope(*peer)));
  EXPECT_EQ(opened->acked(id)[peer->replica()], 0U);
  EXPECT_EQ(contents(*opened, id), sound);
  EXPECT_THAT(findings(*opened), IsEmpty());
}

TEST(DamagedVersion, IsSetAsideAndOthersStay) {
  Opened opened;
  fill(*opened);
  opened.close();
  run_sql(opened.path(), "UPDATE ver SET content = x'0102'");
  opened.reopen();
  const ScopeId id = opened->open_scope(Plane::config, "c").value();
  const auto rows = opened->versions(id).value();
  ASSERT_EQ(rows.size(), 1U);
  const VersionKey key{1, to_hex(rows[0].manifest.id)};
  EXPECT_TRUE(opened->release(id, key).error().is(Errc::storage_corrupt));
  EXPECT_EQ(flush(*opened).faults.size(), 1U);
  EXPECT_TRUE(opened->release(id, key).error().is(Errc::not_found));
  EXPECT_EQ(opened->quarantine(0, 9).value().at(0).kind, Quarantined::Kind::version);
}

TEST(DamagedRecords, AreAGapAndCounted) {
  Opened opened;
  fill(*opened);
  const ScopeId id = opened->open_scope(Plane::stream, "t").value();
  const std::vector<Record> rows{{0, at_ms(3), {std::int64_t{7}}}};
  opened->append(id, rows).value();
  flush(*opened);
  opened.close();
  run_sql(opened.path(),
          "UPDATE sblk SET body = CAST(substr(body, 1, 6) || x'55' || substr(body, 8) AS BLOB)"
          " WHERE first = 1");
  opened.reopen();
  const auto segments = opened->segments(id, opened->replica(), 0, SIZE_MAX).value();
  ASSERT_EQ(segments.size(), 1U);
  EXPECT_EQ(segments[0].first, 3U);
  EXPECT_EQ(flush(*opened).faults.size(), 1U);
  const auto aside = opened->quarantine(0, 9).value();
  ASSERT_EQ(aside.size(), 1U);
  EXPECT_EQ(aside[0].origin, to_string(opened->replica()));
}

TEST(DamagedJournal, EndsWhereItIsDamaged) {
  Opened opened;
  fill(*opened);
  const ScopeId id = state_scope(*opened);
  const std::size_t before = opened->journal(id, 100).value().size();
  opened.close();
  run_sql(opened.path(), "UPDATE hist SET at = at + 1 WHERE version = 1");
  opened.reopen();
  EXPECT_EQ(opened->journal(id, 100).value().size(), before - 1);
  EXPECT_EQ(flush(*opened).faults.size(), 1U);
  EXPECT_EQ(opened->journal(id, 100).value().size(), before - 1);
  EXPECT_THAT(findings(*opened), IsEmpty());
}

}  // namespace
}  // namespace edgesync::store
