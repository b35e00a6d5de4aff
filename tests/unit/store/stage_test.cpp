// SPDX-License-Identifier: Apache-2.0
// Stages: what is kept aside of a cut in chunks joins as the same delta in one piece does, also where rows were lost;
// a stage that is not what was written is dropped, and told again.
#include "staging.hpp"

namespace edgesync::store {
namespace {

using testing::IsEmpty;
using testing::Not;

class LossyStaging : public Staging {
 protected:
  /// Takes it, loses the row of k7 of it, and hears that the peer has written that key again.
  void lose_a_row(Opened& opened) {
    pull(*opened, state_scope(*opened), *peer, there());
    opened.close();
    run_sql(opened.path(),
            "UPDATE cell SET e = CAST(substr(e, 1, 11) || x'7f' || substr(e, 13) AS BLOB) WHERE hex(key) GLOB "
            "'6B3[78]*'");
    opened.reopen();
    EXPECT_THAT(findings(*opened), Not(IsEmpty()));
    flush(*opened);
    EXPECT_EQ(opened->damaged(state_scope(*opened)).size(), 2U);
  }
  void go_on() {
    set(*peer, there(), "k7", "again");
    for (int i = 0; i < 100; ++i) set(*peer, there(), "more/" + std::to_string(i), i);
    peer->commit(there(), Edit().erase("k9").ops(), at_ms(9)).value();
    flush(*peer);
  }
};

TEST_F(LossyStaging, JoinAsOnePieceDoesWhereRowsWereLost) {
  Opened chunks(1), one(1);
  lose_a_row(chunks), lose_a_row(one);
  go_on();

  tell(chunks);
  EXPECT_TRUE(join(chunks).outcomes.at(0).applied);
  EXPECT_TRUE(pull(*one, state_scope(*one), *peer, there()).outcomes.at(0).applied);

  const ScopeId id = state_scope(*chunks);
  EXPECT_EQ(contents(*chunks, id), contents(*one, state_scope(*one)));
  EXPECT_EQ(get(*chunks, id, "k7"), Value("again"));
  EXPECT_EQ(chunks->damaged(id), one->damaged(state_scope(*one)));
  EXPECT_EQ(chunks->damaged(id).size(), 1U);  // of k8 nothing was told
  EXPECT_EQ(chunks->context(id), peer->context(there()));
}

TEST_F(LossyStaging, OfADamagedScopeAreToldAsFarAsIsCertain) {
  Opened relay(1);
  lose_a_row(relay);
  const ScopeId id = state_scope(*relay);
  crdt::Context reached;
  for (;;) {
    const auto chunk = relay->chunk(id, reached, 500).value();
    for (const crdt::KeyState& state : chunk.delta.keys)
      EXPECT_TRUE(state.key != crdt::cell_key("k7", crdt::Kind::value) &&
                  state.key != crdt::cell_key("k8", crdt::Kind::value));
    if (chunk.reached == reached) break;
    reached = chunk.reached;
  }
  EXPECT_FALSE(reached.covers(relay->context(id)));
  EXPECT_THAT(relay->small_delta(id, {}, false, SIZE_MAX).value()->keys, IsEmpty());
}

/// A large cut has a batch to itself, behind what else there is.
std::map<Ticket, Outcome> settle(Opened& opened) {
  std::map<Ticket, Outcome> outcomes;
  for (int batch = 0; batch < 2; ++batch) {
    const Flushed flushed = flush(*opened);
    EXPECT_FALSE(flushed.error);
    for (const Outcome& outcome : flushed.outcomes) outcomes.emplace(outcome.ticket, outcome);
  }
  return outcomes;
}

/// A delta of the same scope may end the stage before it is joined.
TEST_F(Staging, ACutIsOfAScopeInOneWayOnly) {
  Opened opened(1);
  const ScopeId id = state_scope(*opened);
  tell(opened);
  RemoteCut cut;
  cut.deltas.push_back({id, peer->delta(there(), opened->context(id)).value(), {}, {}, {}});
  cut.stages.push_back({id, peer->replica(), {}});
  const Ticket told = opened->apply(cut);
  const Outcome outcome = settle(opened).at(told);
  EXPECT_FALSE(outcome.applied);
  EXPECT_FALSE(outcome.error);
  EXPECT_TRUE(join(opened).outcomes.at(0).applied);
  EXPECT_EQ(opened->context(id), peer->context(there()));
}

/// Each has a batch to itself, and all but the first are in vain.
TEST_F(Staging, WhatWaitsToBeJoinedIsNotAskedForTwice) {
  Opened opened(1);
  tell(opened);
  RemoteCut cut;
  cut.stages.push_back({state_scope(*opened), peer->replica(), {}});
  const Ticket first = opened->apply(cut), second = opened->apply(cut);
  const auto outcomes = settle(opened);
  EXPECT_TRUE(outcomes.at(first).applied);
  ASSERT_TRUE(outcomes.at(second).error);
  EXPECT_TRUE(outcomes.at(second).error->is(Errc::storage_full)) << "so it is asked for again later";
  EXPECT_EQ(opened->context(state_scope(*opened)), peer->context(there()));
}

class DamagedStage : public Staging, public testing::WithParamInterface<const char*> {};

TEST_P(DamagedStage, IsDroppedAndToldAgain) {
  Opened opened(1);
  tell(opened);
  const ScopeId id = state_scope(*opened);
  ASSERT_EQ(opened->stages(id).size(), 1U);
  opened.close();
  run_sql(opened.path(), GetParam());
  opened.reopen();

  const Flushed flushed = join(opened);

  ASSERT_FALSE(flushed.error);
  ASSERT_THAT(flushed.outcomes, testing::SizeIs(1));
  EXPECT_FALSE(flushed.outcomes[0].applied);
  EXPECT_FALSE(flushed.outcomes[0].error);
  ASSERT_EQ(flushed.faults.size(), 1U);
  EXPECT_TRUE(flushed.faults[0].second.is(Errc::storage_corrupt));
  EXPECT_THAT(opened->stages(id), IsEmpty());
  EXPECT_THAT(contents(*opened, id), IsEmpty());
  opened.close();
  opened.reopen();
  EXPECT_THAT(flush(*opened).faults, IsEmpty());  // nothing of it is left
  tell(opened);
  EXPECT_TRUE(join(opened).outcomes.at(0).applied);
  EXPECT_EQ(contents(*opened, id), contents(*peer, there()));
  EXPECT_THAT(findings(*opened), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Row, DamagedStage,
    testing::Values(
        "UPDATE chunk SET body = CAST(substr(body, 1, 30) || x'55' || substr(body, 32) AS BLOB) WHERE n = 3",
        "DELETE FROM chunk WHERE n = 2", "UPDATE chunk SET n = 100 WHERE n = 2",
        "UPDATE stage SET body = CAST(substr(body, 1, 9) || x'55' || substr(body, 11) AS BLOB)",
        "UPDATE stage SET body = x''", "DELETE FROM stage", "UPDATE stage SET oid = 77"));

}  // namespace
}  // namespace edgesync::store
