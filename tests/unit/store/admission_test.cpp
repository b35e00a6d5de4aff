// SPDX-License-Identifier: Apache-2.0
// What peers send that must not come in, and must not keep anything else from coming in.
#include "store/admission.hpp"

#include "base/hash.hpp"
#include "config/content.hpp"
#include "crdt/transaction.hpp"
#include "harness.hpp"
#include "wire/packed_delta.hpp"
#include "wire/patch.hpp"

#include <sqlite3.h>

namespace edgesync::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ReplicaId replica(std::uint64_t number) {
  ReplicaId id;
  for (std::size_t i = 0; i < 8; ++i) id.bytes[15 - i] = static_cast<std::byte>(number >> (8 * i));
  id.bytes[0] = std::byte{0xee};
  return id;
}

crdt::Context context_of(const ReplicaId& id, crdt::Stamp stamp) {
  crdt::Context context;
  context.advance({id, stamp});
  return context;
}

/// One write of `path` by one peer nobody has heard of before.
crdt::Delta write_of(std::uint64_t peer, std::string_view path, std::size_t bytes) {
  const crdt::Dot dot{replica(peer), 7};
  crdt::Delta delta;
  delta.upto = context_of(dot.replica, dot.stamp);
  delta.keys = {{crdt::cell_key(path, crdt::Kind::value), {{{dot, 0, Bytes(bytes, std::byte{1})}, false}}}};
  return delta;
}

Ticket apply(Store& store, ScopeId id, crdt::Delta delta) {
  RemoteCut cut;
  cut.deltas.push_back({id, std::move(delta), {}});
  return store.apply(std::move(cut));
}

std::vector<bool> applied(const Flushed& flushed) {
  std::vector<bool> found;
  for (const Outcome& outcome : flushed.outcomes) found.push_back(outcome.applied);
  return found;
}

crdt::LogItem removal(crdt::Stamp stamp, std::string_view path, crdt::LogItem::Type type) {
  return {{replica(1), stamp}, type, crdt::cell_key(path, crdt::Kind::value), {}, {}};
}

struct Case {
  const char* name;
  Errc expected;
  void (*spoil)(crdt::Delta&);
};

class Admission : public testing::TestWithParam<Case> {};

TEST_P(Admission, Refuses) {
  crdt::Delta delta = write_of(1, "b", 3);
  ASSERT_TRUE(admit(delta, {}, replica(9)));
  GetParam().spoil(delta);
  const auto refused = admit(delta, {}, replica(9));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(GetParam().expected)) << refused.error().detail;

  Opened opened;
  const ScopeId id = state_scope(*opened);
  apply(*opened, id, std::move(delta));
  const Flushed flushed = flush(*opened);
  EXPECT_FALSE(flushed.error);
  ASSERT_THAT(applied(flushed), ElementsAre(false));
  EXPECT_TRUE(flushed.outcomes[0].error->is(GetParam().expected));
  EXPECT_TRUE(opened->context(id).empty());
}

using Type = crdt::LogItem::Type;
const Case cases[] = {
    {"StampsAboveTheColumn", Errc::protocol_violation,
     [](crdt::Delta& d) {
       d.upto.advance({replica(2), (crdt::Stamp{1} << 63)});
     }},
    {"AnEmptyKey", Errc::protocol_violation, [](crdt::Delta& d) { d.keys[0].key.clear(); }},
    {"AKeyTwice", Errc::protocol_violation, [](crdt::Delta& d) { d.keys.push_back(d.keys[0]); }},
    {"KeysDescending", Errc::protocol_violation,
     [](crdt::Delta& d) {
       d.keys.push_back({crdt::cell_key("a", crdt::Kind::value), {}});
     }},
    {"AnEntryBeyondTheContext", Errc::protocol_violation,
     [](crdt::Delta& d) { d.keys[0].listed[0].entry.dot.stamp = 8; }},
    {"AnEntryTwice", Errc::protocol_violation, [](crdt::Delta& d) { d.keys[0].listed.push_back(d.keys[0].listed[0]); }},
    {"ARemovalBeyondTheContext", Errc::protocol_violation,
     [](crdt::Delta& d) { d.removals = {removal(8, "b", Type::remove)}; }},
    {"RemovalsDescending", Errc::protocol_violation,
     [](crdt::Delta& d) {
       d.removals = {removal(5, "b", Type::remove), removal(4, "b", Type::remove)};
     }},
    {"ARemovalThatIsAWrite", Errc::protocol_violation,
     [](crdt::Delta& d) { d.removals = {removal(5, "b", Type::write)}; }},
    {"ARemovalOfNoKey", Errc::protocol_violation,
     [](crdt::Delta& d) {
       d.removals = {{{replica(1), 5}, Type::remove, {}, {}, {}}};
     }},
    {"AValueAboveTheLimit", Errc::limit_exceeded,
     [](crdt::Delta& d) { d.keys[0].listed[0].entry.value.resize(crdt::value_bytes_max + 1); }},
    {"MoreEntriesThanACellHolds", Errc::limit_exceeded,
     [](crdt::Delta& d) {
       for (crdt::Stamp i = 1; i <= crdt::cell_entries_max; ++i)
         d.keys[0].listed.push_back({{{replica(1), i}, 0, {}}, true});
     }},
    {"MoreBytesThanACellHolds", Errc::limit_exceeded,
     [](crdt::Delta& d) {
       d.upto = context_of(replica(1), 1'000);
       for (crdt::Stamp i = 8; i <= 40; ++i)
         d.keys[0].listed.push_back({{{replica(1), i}, 0, Bytes(crdt::value_bytes_max)}, false});
     }},
    {"MoreReplicasThanAContextHolds", Errc::limit_exceeded,
     [](crdt::Delta& d) {
       for (std::uint64_t i = 1; i <= crdt::context_items_max; ++i) d.upto.advance({replica(100 + i), 1});
     }},
};

INSTANTIATE_TEST_SUITE_P(Delta, Admission, testing::ValuesIn(cases),
                         [](const auto& made) { return std::string(made.param.name); });

TEST(Scope, NeverKnowsMoreReplicasThanAMessageHoldsAndKeepsAPlaceForItself) {
  Opened opened;
  const ScopeId id = state_scope(*opened), other = state_scope(*opened, "other");
  crdt::Delta crowd;
  for (std::uint64_t i = 1; i < crdt::context_items_max; ++i) crowd.upto.advance({replica(i), 1});
  apply(*opened, id, crowd);
  apply(*opened, id, write_of(5'000, "a", 1));
  apply(*opened, other, write_of(5'000, "a", 1));
  set(*opened, id, "mine", 1);

  EXPECT_THAT(applied(flush(*opened)), ElementsAre(true, false, true));

  set(*opened, id, "mine", 2);
  EXPECT_FALSE(flush(*opened).error);
  EXPECT_EQ(opened->context(id).items().size(), crdt::context_items_max);
  EXPECT_EQ(get(*opened, id, "mine"), Value(std::int64_t{2}));
}

TEST(Scope, ACellThatWouldGrowBeyondItsLimitIsRefusedAndNothingElse) {
  Opened opened;
  const ScopeId id = state_scope(*opened);
  for (std::uint64_t peer = 1; peer <= 31; ++peer) apply(*opened, id, write_of(peer, "hot", crdt::value_bytes_max));
  ASSERT_FALSE(flush(*opened).error);
  const crdt::Context before = opened->context(id);
  const ScopeId records = opened->open_scope(Plane::stream, "t").value();
  opened->define_stream(records, {{{"v", ColumnType::i64}}}, false).value();
  opened->append(records, std::vector<Record>{{0, at_ms(1), {std::int64_t{1}}}}).value();
  set(*opened, id, "mine", 1);
  apply(*opened, id, write_of(41, "cool", 10));
  apply(*opened, id, write_of(42, "hot", crdt::value_bytes_max));
  apply(*opened, id, write_of(43, "cool", 10));
  apply(*opened, id, write_of(44, "hot", crdt::value_bytes_max));

  const Flushed flushed = flush(*opened);

  EXPECT_FALSE(flushed.error);
  ASSERT_THAT(applied(flushed), ElementsAre(true, false, true, false));
  EXPECT_TRUE(flushed.outcomes[1].error->is(Errc::limit_exceeded)) << flushed.outcomes[1].error->detail;
  EXPECT_EQ(opened->context(id).items().size(), before.items().size() + 3);
  EXPECT_EQ(opened->stream(records).at(0).last, 1U);
  EXPECT_THAT(findings(*opened), IsEmpty());
  opened.reopen();
  EXPECT_EQ(get(*opened, state_scope(*opened), "mine"), Value(std::int64_t{1}));
  EXPECT_THAT(findings(*opened), IsEmpty());
}

/// What its author had not seen a removal did not take: else it would take what others have yet to tell.
TEST(Scope, ARangeRemovalTakesNothingBeyondTheContextOfItsDelta) {
  for (const bool large : {false, true}) {
    Opened opened;
    const ScopeId id = state_scope(*opened);
    apply(*opened, id, write_of(1, "a", 10));
    apply(*opened, id, write_of(2, "b", 10));
    flush(*opened);
    crdt::Delta delta = write_of(3, "c", 10);
    delta.upto.join(context_of(replica(1), 7));
    crdt::Context observed = delta.upto;
    observed.advance({replica(2), 1'000}), observed.advance({replica(4), 1'000});
    delta.removals = {{{replica(3), 7}, Type::remove_range, {}, {}, observed}};
    if (large) {
      const crdt::Context base, reached = delta.upto;
      opened->keep({id, replica(3), true, base, {}, {std::move(delta), reached}, {}});
      ASSERT_THAT(applied(flush(*opened)), ElementsAre(true));
      RemoteCut cut;
      cut.stages.push_back({id, replica(3), {}, {}});
      opened->apply(std::move(cut));
    } else {
      apply(*opened, id, std::move(delta));
    }
    ASSERT_THAT(applied(flush(*opened)), ElementsAre(true));
    std::vector<std::string> left;
    const std::vector<crdt::KeyState> all = opened->small_delta(id, {}, false, 1 << 20).value().value().keys;
    for (const crdt::KeyState& state : all) left.push_back(crdt::split(state.key)->path);
    EXPECT_THAT(left, ElementsAre("b", "c"));
    const auto told = opened->small_delta(id, context_of(replica(9), 1), false, 1 << 20).value().value();
    for (const crdt::LogItem& item : told.removals) EXPECT_EQ(item.observed[replica(4)], 0U);
  }
}

/// Each reads the file in the batch, after something in it has failed: the failure must not be forgotten over it.
TEST(Scope, WhatReadsBehindAFailureDoesNotHideIt) {
  Opened opened;
  const ScopeId id = state_scope(*opened), c = opened->open_scope(Plane::config, "c").value();
  for (std::uint64_t peer = 1; peer <= 31; ++peer) apply(*opened, id, write_of(peer, "hot", crdt::value_bytes_max));
  config::Release release;
  release.content = config::canonical({{"limit", Value(1)}});
  release.manifest.scope = "c";
  release.manifest.number = 1;
  release.manifest.id = sha256(release.content);
  opened->save_version(c, release, VersionRole::offered);
  const ScopeId records = opened->open_scope(Plane::stream, "t").value();
  opened->define_stream(records, {{{"v", ColumnType::i64}}}, false).value();
  opened->append(records, std::vector<Record>{{0, at_ms(1), {std::int64_t{1}}}}).value();
  ASSERT_FALSE(flush(*opened).error);

  apply(*opened, id, write_of(42, "hot", crdt::value_bytes_max));
  crdt::Delta rest = write_of(43, "x", 1);
  const Bytes body = wire::pack({0, 0, false, {{}, {}, false, std::exchange(rest.keys, {}), {}, {}}, {}});
  RemoteCut patched;
  const Bytes base = to_bytes(ByteView(release.manifest.id));
  patched.deltas.push_back({c, rest, {}, {{base, body.size(), wire::make_patch(release.content, body)}}, {}});
  opened->apply(std::move(patched));
  apply(*opened, id, write_of(44, "hot", crdt::value_bytes_max));
  opened->set_aside({records, opened->replica(), 1, "too large"});
  const Flushed flushed = flush(*opened);

  EXPECT_FALSE(flushed.error);
  EXPECT_THAT(applied(flushed), ElementsAre(false, true, false, true));
  EXPECT_EQ(opened->context(id)[replica(42)], 0U);
  EXPECT_EQ(opened->context(c)[replica(43)], 7U);
  EXPECT_THAT(findings(*opened), IsEmpty());
}

TEST(Scope, ADamagedRowThatACutTouchesIsSetAsideAndStopsNothing) {
  Opened opened;
  apply(*opened, state_scope(*opened), write_of(1, "broken", 10));
  flush(*opened);
  opened.close();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(opened.path().c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "UPDATE cell SET e = x'ff'", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(db);
  opened.reopen();
  const ScopeId id = state_scope(*opened);
  set(*opened, id, "mine", 1);
  apply(*opened, id, write_of(2, "broken", 10));
  apply(*opened, id, write_of(3, "sound", 10));

  const Flushed flushed = flush(*opened);

  EXPECT_FALSE(flushed.error);
  ASSERT_THAT(applied(flushed), ElementsAre(true, true));
  ASSERT_EQ(flushed.faults.size(), 1U);
  EXPECT_TRUE(flushed.faults[0].second.is(Errc::storage_corrupt));
  EXPECT_EQ(opened->quarantined().value().held, 1U);
  EXPECT_EQ(get(*opened, id, "mine"), Value(std::int64_t{1}));
}

}  // namespace
}  // namespace edgesync::store
