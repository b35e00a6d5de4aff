// SPDX-License-Identifier: Apache-2.0
#include "harness.hpp"

#include <sys/stat.h>
#include <sys/wait.h>

namespace edgesync::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Store, KeepsWhatWasFlushedOverReopen) {
  Opened opened;
  const ScopeId id = state_scope(*opened);
  const ReplicaId replica = opened->replica();
  opened->commit(id, Edit().set("door", "open").add("boots", 2).insert("alarms", "heat").ops(), at_ms(1)).value();
  const Flushed flushed = flush(*opened);
  ASSERT_FALSE(flushed.error);
  const auto before = contents(*opened, id);
  const auto summary = opened->summary(id);
  const crdt::Context context = opened->context(id);

  opened.reopen();

  EXPECT_EQ(opened->replica(), replica);
  const auto found = opened->find_scope(Plane::state, "plant");
  ASSERT_TRUE(found);
  EXPECT_EQ(contents(*opened, *found), before);
  EXPECT_EQ(before.size(), 3U);
  EXPECT_EQ(opened->summary(*found), summary);
  EXPECT_EQ(opened->context(*found), context);
  EXPECT_THAT(findings(*opened), IsEmpty());
}

TEST(Store, LosesWholeWhatWasNotFlushed) {
  Opened opened;
  const ScopeId id = state_scope(*opened);
  set(*opened, id, "kept", 1);
  flush(*opened);
  set(*opened, id, "lost", 1);

  opened.reopen();

  EXPECT_EQ(contents(*opened, state_scope(*opened)).size(), 1U);
}

TEST(Store, RefusesASecondOpenerAtOnce) {
  Opened opened;
  flush(*opened);

  const auto second = opened.try_open();

  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().is(Errc::already_open)) << second.error().detail;
}

TEST(Store, RefusesAnotherProcess) {
  Opened opened;
  const pid_t child = ::fork();
  if (child == 0) {
    Xoshiro random(9);
    Options options;
    options.path = opened.path();
    const auto second = Store::open(std::move(options), random, at_ms(0));
    ::_exit(!second && second.error().is(Errc::already_open) ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(Store, KeepsItsFilesToTheOwner) {
  Opened opened;
  set(*opened, state_scope(*opened), "a", 1);
  flush(*opened);
  for (const char* suffix : {"", "-wal"}) {
    struct stat info {};
    ASSERT_EQ(::stat((opened.path() + suffix).c_str(), &info), 0) << suffix;
    EXPECT_EQ(info.st_mode & 0777, 0600U) << suffix;
  }
}

TEST(Store, CoalescesOverwritesIntoOneEntry) {
  Opened opened;
  const ScopeId id = state_scope(*opened);
  for (int i = 0; i < 1000; ++i) set(*opened, id, "rpm", std::int64_t{i});
  flush(*opened);

  const crdt::Delta delta = opened->delta(id, {}).value();

  ASSERT_EQ(delta.keys.size(), 1U);
  EXPECT_EQ(delta.keys[0].listed.size(), 1U);
  EXPECT_EQ(opened->summary(id).count, 1U);
  EXPECT_EQ(opened->pending(id).value().count, 1U);
}

TEST(Store, FlushesSeveralScopesAsOne) {
  Opened opened;
  const ScopeId a = state_scope(*opened, "a"), b = state_scope(*opened, "b");
  set(*opened, a, "x", 1);
  const Ticket last = set(*opened, b, "x", 2).ticket;
  EXPECT_EQ(opened->accepted(), last);

  const Flushed flushed = flush(*opened);

  EXPECT_EQ(flushed.through, last);
  EXPECT_EQ(opened->durable(), last);
  EXPECT_THAT(flushed.advanced, ElementsAre(a, b));
}

TEST(Store, ShipsOnlyWhatIsDurable) {
  Opened opened;
  const ScopeId id = state_scope(*opened);
  set(*opened, id, "a", 1);
  EXPECT_EQ(get(*opened, id, "a"), Value(std::int64_t{1}));
  EXPECT_TRUE(opened->delta(id, {}).value().keys.empty());
  EXPECT_TRUE(opened->context(id).empty());
}

TEST(Store, MintsAboveWhatItEverMadeDurable) {
  Opened opened;
  const ScopeId id = state_scope(*opened);
  const crdt::Stamp first = set(*opened, id, "a", 1, 1'000'000).stamp;
  flush(*opened);
  opened.reopen();
  EXPECT_GT(set(*opened, state_scope(*opened), "a", 2, 5).stamp, first);
}

TEST(Store, WritesAfterWhatItRead) {
  Opened here(1), there(2);
  const ScopeId a = state_scope(*here), b = state_scope(*there);
  const crdt::Stamp remote = set(*there, b, "a", "ahead", 300'000).stamp;
  flush(*there);
  pull(*here, a, *there, b);
  EXPECT_GT(set(*here, a, "a", "after", 1).stamp, remote);
}

TEST(Store, IgnoresClocksTooFarAhead) {
  Opened here(1), there(2);
  const ScopeId a = state_scope(*here), b = state_scope(*there);
  const crdt::Stamp remote = set(*there, b, "a", "2050", 1'000'000'000).stamp;
  flush(*there);
  pull(*here, a, *there, b);
  const crdt::Stamp own = set(*here, a, "a", "after", 1).stamp;
  EXPECT_LT(own, remote);
  flush(*here);
  EXPECT_EQ(get(*here, a, "a"), Value("after"));  // it saw the other, whatever the clocks say
  EXPECT_EQ(here->summary(a).count, 1U);
}

TEST(Store, KeepsARemoteEntryItsAuthorHadNotSeen) {
  Opened here(1), there(2);
  const ScopeId a = state_scope(*here), b = state_scope(*there);
  set(*there, b, "k", "theirs");
  flush(*there);
  RemoteCut cut;
  cut.deltas.push_back({a, there->delta(b, {}).value(), {}});
  here->apply(std::move(cut));
  auto batch = here->begin_flush();
  set(*here, a, "k", "blind");  // accepted before the cut is visible
  here->write(*batch);
  here->finish(std::move(batch));
  EXPECT_EQ(contents(*here, a)["k"].find('!') != std::string::npos, true);

  flush(*here);
  EXPECT_EQ(here->summary(a).count, 2U);
  set(*here, a, "k", "seen both");
  flush(*here);
  EXPECT_EQ(here->summary(a).count, 1U);
}

TEST(Store, ConvergesBothWays) {
  Opened here(1), there(2);
  const ScopeId a = state_scope(*here), b = state_scope(*there);
  here->commit(a, Edit().set("x", 1).add("n", 3).ops(), at_ms(1)).value();
  there->commit(b, Edit().set("x", 2).add("n", 4).ops(), at_ms(2)).value();
  flush(*here), flush(*there);

  const Flushed first = pull(*here, a, *there, b);
  const Flushed second = pull(*there, b, *here, a);

  EXPECT_EQ(here->context(a), there->context(b));
  EXPECT_EQ(here->summary(a), there->summary(b));
  EXPECT_EQ(contents(*here, a), contents(*there, b));
  EXPECT_EQ(contents(*here, a)["n"], "7");
  EXPECT_THAT(first.conflicts, ElementsAre(std::pair(a, std::string("x"))));
  EXPECT_THAT(second.diverged, IsEmpty());
}

TEST(Store, RefusesACutWholeIfOneBaseIsNotCovered) {
  Opened here(1), there(2);
  const ScopeId a1 = state_scope(*here, "s1"), a2 = state_scope(*here, "s2");
  const ScopeId b1 = state_scope(*there, "s1"), b2 = state_scope(*there, "s2");
  set(*there, b1, "x", 1), set(*there, b2, "x", 1);
  flush(*there);
  const crdt::Delta good = there->delta(b1, {}).value();
  const crdt::Context known = there->context(b2);
  set(*there, b2, "x", 2);
  flush(*there);
  RemoteCut bad, fine;
  bad.deltas.push_back({a1, good, {}});
  bad.deltas.push_back({a2, there->delta(b2, known).value(), {}});
  fine.deltas.push_back({a2, there->delta(b2, {}).value(), {}});
  here->apply(std::move(bad));
  here->apply(std::move(fine));

  const Flushed flushed = flush(*here);

  ASSERT_EQ(flushed.outcomes.size(), 2U);
  EXPECT_FALSE(flushed.outcomes[0].applied);
  EXPECT_TRUE(flushed.outcomes[1].applied);
  EXPECT_TRUE(contents(*here, a1).empty());
  EXPECT_EQ(get(*here, a2, "x"), Value(std::int64_t{2}));
}

TEST(Store, RefusesADeltaThatBreaksItsOwnRules) {
  Opened here;
  const ScopeId id = state_scope(*here);
  crdt::Delta forged;
  forged.complete = true;
  forged.keys.push_back(
      {to_bytes("k"), {{{{ReplicaId{{std::byte{9}}}, 5}, 0, {}}, false}}});  // its dot is in no context
  RemoteCut cut;
  cut.deltas.push_back({id, forged, {}});
  here->apply(std::move(cut));
  EXPECT_FALSE(flush(*here).outcomes.at(0).applied);
  EXPECT_THAT(findings(*here), IsEmpty());
}

TEST(Store, ReportsChangesOfWatchedScopesOnly) {
  Opened opened;
  const ScopeId watched = state_scope(*opened, "w"), other = state_scope(*opened, "o");
  opened->watch(watched, true);
  set(*opened, watched, "a", 1), set(*opened, other, "a", 1);
  flush(*opened);
  set(*opened, watched, "a", 2);
  const Flushed flushed = flush(*opened);
  ASSERT_EQ(flushed.changes.size(), 1U);
  EXPECT_EQ(flushed.changes[0].path, "a");
  EXPECT_EQ(flushed.changes[0].before->value, Value(std::int64_t{1}));
  EXPECT_EQ(flushed.changes[0].after->value, Value(std::int64_t{2}));
}

TEST(Store, CountsPendingUntilAcked) {
  Opened opened;
  const ScopeId id = state_scope(*opened);
  set(*opened, id, "a", 1, 10);
  flush(*opened);
  set(*opened, id, "a", 2, 20), set(*opened, id, "b", 1, 30);
  auto pending = opened->pending(id).value();
  EXPECT_EQ(pending.count, 2U);
  EXPECT_EQ(pending.oldest, at_ms(20));

  flush(*opened);
  opened->note_acked(id, opened->context(id), {});
  EXPECT_EQ(opened->pending(id).value().count, 0U);
  flush(*opened);
  opened.reopen();
  const ScopeId again = state_scope(*opened);
  EXPECT_EQ(opened->acked(again), opened->context(again));
  EXPECT_TRUE(opened->stable(again).empty());
  EXPECT_EQ(opened->pending(again).value().count, 0U);
}

TEST(Store, WantsAFlushBeyondItsBound) {
  Opened opened;
  const ScopeId id = state_scope(*opened);
  for (int i = 0; i < 1000; ++i) set(*opened, id, "same", std::int64_t{i});
  EXPECT_FALSE(opened->wants_flush());
  for (int i = 0; i < 10'000; ++i) set(*opened, id, "k" + std::to_string(i), std::int64_t{i});
  EXPECT_TRUE(opened->wants_flush());
  flush(*opened);
  EXPECT_FALSE(opened->wants_flush());
}

TEST(Store, JournalsWhatEachGroupCommitReplaced) {
  Opened opened;
  const ScopeId id = state_scope(*opened);
  opened->keep_history(id, 2);
  const auto commit = [&](const Edit& edit, std::int64_t ms) {
    opened->commit(id, edit.ops(), at_ms(ms)).value();
    flush(*opened);
  };
  commit(Edit().set("a", 1).insert("s", "x"), 1);
  commit(Edit().set("a", 2).insert("s", "y"), 2);
  commit(Edit().erase("a"), 3);
  opened.reopen();

  const auto journal = opened->journal(state_scope(*opened), 10).value();

  ASSERT_EQ(journal.size(), 2U);
  EXPECT_EQ(journal[0].version, 3U);
  EXPECT_EQ(journal[0].at, at_ms(3));
  ASSERT_EQ(journal[0].changes.size(), 1U);
  EXPECT_EQ(journal[0].changes[0].before->value, Value(std::int64_t{2}));
  EXPECT_FALSE(journal[0].changes[0].after);
  ASSERT_EQ(journal[1].changes.size(), 2U);
  EXPECT_EQ(journal[1].changes[0].before->value, Value(std::int64_t{1}));
  EXPECT_EQ(journal[1].changes[0].after->value, Value(std::int64_t{2}));
  EXPECT_EQ(journal[1].changes[1].before->members.size(), 1U);
  EXPECT_EQ(journal[1].changes[1].after->members.size(), 2U);
}

TEST(Store, SweepsTheLogByItself) {
  Opened opened;
  const ScopeId id = state_scope(*opened);
  for (int round = 0; round < 60; ++round) {
    for (int key = 0; key < 100; ++key) set(*opened, id, "k" + std::to_string(key), std::int64_t{round});
    flush(*opened);
  }
  opened.close();
  EXPECT_LT(std::filesystem::file_size(opened.path()), 120U * 1024);  // 6,000 unswept items would be about 90 KB more
  opened.reopen();
  EXPECT_THAT(findings(*opened), IsEmpty());
}

TEST(Store, RejectsBadNames) {
  Opened opened;
  for (const char* name : {"", "/", "a//b", "a/../b"})
    EXPECT_TRUE(opened->open_scope(Plane::state, name).error().is(Errc::invalid_argument)) << name;
  EXPECT_EQ(state_scope(*opened), state_scope(*opened));
}

}  // namespace
}  // namespace edgesync::store
