// SPDX-License-Identifier: Apache-2.0
// The journal's bounds, and the time it gives to what a peer's cut dropped.
#include "store/journal.hpp"

#include "harness.hpp"

namespace edgesync::store {
namespace {

using testing::IsEmpty;

const std::string large(500'000, 'x');

TEST(Journal, KeepsNoMoreBytesThanItsBound) {
  Opened opened;
  ScopeId id = state_scope(*opened);
  opened->keep_history(id, 1'000);
  for (int round = 0; round <= 40; ++round) {
    set(*opened, id, "a", large + std::to_string(round));
    ASSERT_FALSE(flush(*opened).error);
    if (round == 20) opened.reopen(), id = state_scope(*opened);
  }
  const auto journal = opened->journal(id, 1'000).value();
  EXPECT_EQ(journal.size(), journal_bytes_max / large.size());
  EXPECT_EQ(journal.front().version, 41U);
  EXPECT_EQ(journal.back().changes.at(0).after->value, Value(large + std::to_string(41 - journal.size())));
  EXPECT_THAT(findings(*opened), IsEmpty());
}

TEST(Journal, EndsAtAnEntryThatIsTooLarge) {
  Opened opened;
  const ScopeId id = state_scope(*opened);
  opened->keep_history(id, 1'000);
  for (int i = 0; i < 40; ++i) set(*opened, id, "k/" + std::to_string(i), large);
  ASSERT_FALSE(flush(*opened).error);
  EXPECT_EQ(opened->journal(id, 1'000).value().size(), 1U);
  opened->commit(id, Edit().erase_prefix("k").ops(), at_ms(2)).value();
  ASSERT_FALSE(flush(*opened).error);
  EXPECT_THAT(opened->journal(id, 1'000).value(), IsEmpty());
  set(*opened, id, "a", 1);
  ASSERT_FALSE(flush(*opened).error);
  EXPECT_EQ(opened->journal(id, 1'000).value().size(), 1U);
}

TEST(Journal, GivesACutThatOnlyDropsItsTime) {
  Opened edge(1), hub(2);
  const ScopeId from = state_scope(*edge), to = state_scope(*hub);
  hub->keep_history(to, 10);
  set(*edge, from, "a", 1, 1'000);
  flush(*edge);
  pull(*hub, to, *edge, from);
  edge->commit(from, Edit().erase("a").ops(), at_ms(9'000)).value();
  flush(*edge);
  edge->compact(0).value();  // the removal's record is gone: the hub is sent all there is, which is nothing
  pull(*hub, to, *edge, from);
  const auto journal = hub->journal(to, 10).value();
  ASSERT_EQ(journal.size(), 2U);
  EXPECT_EQ(journal[0].at, at_ms(9'000));
}

}  // namespace
}  // namespace edgesync::store
