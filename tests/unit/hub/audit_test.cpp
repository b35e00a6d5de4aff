// SPDX-License-Identifier: Apache-2.0
// The audit log: what is in it, that nobody alters it unnoticed, and that nothing washes it out.
#include "fleet.hpp"
#include "hub/audit_chain.hpp"
#include "transport/ed25519.hpp"

#include <gmock/gmock.h>

namespace edgesync {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Read {
  std::vector<AuditEntry> entries;
  AuditReport report;
};

Read read(Node& node) {
  Read all;
  all.report = verify_audit(node, [&](const AuditEntry& entry) { all.entries.push_back(entry); }).value();
  return all;
}

std::vector<std::string> kinds(const Read& all) {
  std::vector<std::string> found;
  for (const AuditEntry& entry : all.entries) found.push_back(entry.kind);
  return found;
}

class Audit : public Fleet {
 protected:
  Hub open_hub_with_list() {
    HubOptions options;
    options.node = {.database = file("hub.db"), .name = "hub"};
    options.loopback = loopback_;
    options.access = true;
    return Hub::open(std::move(options)).value();
  }
  const SigningKey key_ = SigningKey::generate().value();
};

TEST_F(Audit, SaysWhoCameWhoWasTurnedAwayAndWhatWasChanged) {
  {
    auto hub = open_hub_with_list();
    const auto log = AuditLog::start(hub, {.key = key_}).value();
    AccessList list(hub);
    list.allow("gateway", {Access::read_write, {}, "plant/{name}/*"}).value();
    const SigningKey device = SigningKey::generate().value();
    list.enroll({"gw-1", {"gateway"}}, device.id()).value();
    const auto witness = std::make_shared<Witness>();
    const Subscription events = hub.on_event([witness](const Event& event) {
      const bool refused = event.kind == EventKind::rejected;
      witness->saw(refused ? event.error.detail : std::string(name(event.kind)) + " " + event.peer);
    });
    auto node = open_node("gw-1");
    auto to = to_hub("");
    to.key = device;
    node.link(std::move(to)).value();
    ASSERT_TRUE(witness->waits_for("linked gw-1"));
    node.unlink();
    ASSERT_TRUE(witness->waits_for("unlinked gw-1"));
    auto stranger = open_node("stranger");
    stranger.link(to_hub("a secret that is none")).value();
    ASSERT_TRUE(witness->waits_for("the token was refused, as \"stranger\""));
    stranger.unlink();
  }
  auto hub = open_node("hub");
  const Read all = read(hub);
  EXPECT_THAT(all.report.problems, IsEmpty());
  EXPECT_EQ(all.report.dropped.total(), 0U);
  EXPECT_EQ(all.report.signed_by, (std::map<std::string, std::uint64_t>{{key_.id(), all.report.entries}}));
  for (const char* kind : {"checkpoint", "access", "linked", "unlinked", "rejected"})
    EXPECT_THAT(kinds(all), Contains(kind));
  for (const AuditEntry& entry : all.entries) {
    EXPECT_TRUE(entry.kind != "linked" || entry.who == "gw-1");
    EXPECT_TRUE(entry.kind != "rejected" || entry.detail == "the token was refused, as \"stranger\"");
    EXPECT_THAT(entry.detail, Not(HasSubstr("a secret that is none")));
  }
}

TEST_F(Audit, GoesOnAfterARestart) {
  for (int i = 0; i < 3; ++i) {
    auto node = open_node();
    auto log = AuditLog::start(node, {.key = key_, .entries_per_signature = 2}).value();
    for (int j = 0; j < 3; ++j) log.note("visit", "ann", "cabinet 4", std::to_string(j)).value();
  }
  auto node = open_node();
  const Read all = read(node);
  EXPECT_THAT(all.report.problems, IsEmpty());
  EXPECT_EQ(std::count_if(all.entries.begin(), all.entries.end(), [](const auto& one) { return one.kind == "visit"; }),
            9);
  EXPECT_EQ(all.report.signed_by.at(key_.id()), all.report.entries);
}

TEST_F(Audit, GoesOnUnderAnotherReplicaId) {
  ReplicaId before{};
  {
    auto node = Node::open({.database = file("a.db"), .name = "n", .environment = Environment{{"board", "1"}}}).value();
    before = node.status().replica;
    AuditLog::start(node, {.key = key_}).value().note("visit", "ann", "", "").value();
  }
  {
    auto node = Node::open({.database = file("a.db"), .name = "n", .environment = Environment{{"board", "2"}}}).value();
    ASSERT_NE(node.status().replica, before);
    AuditLog::start(node, {.key = key_}).value().note("visit", "bob", "", "").value();
  }
  auto node = Node::open({.database = file("a.db"), .name = "n", .environment = Environment{{"board", "2"}}}).value();
  const Read all = read(node);
  EXPECT_THAT(all.report.problems, IsEmpty());
  EXPECT_THAT(kinds(all), Contains("visit").Times(2));
}

TEST_F(Audit, IsNoneUntilItIsBegun) {
  auto node = open_node();
  EXPECT_TRUE(verify_audit(node, [](const AuditEntry&) {}).error().is(Errc::not_found));
  EXPECT_TRUE(AuditLog::start(node, {.entries_per_signature = 0}).error().is(Errc::invalid_argument));
}

TEST_F(Audit, AFloodOfStrangersIsCounted) {
  auto hub = open_hub();
  {
    const auto log = AuditLog::start(hub, {.refusals_per_minute = 3}).value();
    const auto witness = std::make_shared<Witness>();
    const Subscription events = hub.on_event([witness](const Event& event) {
      if (event.kind == EventKind::rejected) witness->saw(event.error.detail);
    });
    for (int i = 0; i < 10; ++i) {
      auto stranger = open_node("stranger-" + std::to_string(i));
      LinkOptions once = to_hub("bad");
      once.backoff_min = once.backoff_max = 1h;
      stranger.link(std::move(once)).value();
      ASSERT_TRUE(witness->waits_for("the token was refused, as \"stranger-" + std::to_string(i) + "\""));
      stranger.unlink();
    }
  }
  const Read all = read(hub);
  EXPECT_THAT(kinds(all), Contains("rejected").Times(4));
  EXPECT_EQ(all.entries.back().detail, "7 more within a minute");  // counted at the end
}

TEST_F(Audit, OneNodeThatComesAndGoesDoesNotWashItOut) {
  auto hub = open_hub();
  {
    const auto log = AuditLog::start(hub, {.links_per_minute = 4}).value();
    const auto witness = std::make_shared<Witness>();
    const Subscription events = hub.on_event([witness](const Event& event) {
      if (event.kind == EventKind::unlinked) witness->saw(event.peer);
    });
    auto node = open_node("restless");
    for (std::size_t i = 0; i < 10; ++i) {
      node.state("twin").set("n", static_cast<std::int64_t>(i)).value();
      node.link(to_hub()).value();
      ASSERT_TRUE(node.flush(20s));
      node.unlink();
      ASSERT_TRUE(witness->waits_for_more_than(i, 20s));
    }
  }
  const Read all = read(hub);
  EXPECT_THAT(all.report.problems, IsEmpty());
  EXPECT_EQ(all.report.entries, 10U);  // four of each kind, and how many more
  EXPECT_EQ(all.entries.back().detail, "6 more within a minute");
}

TEST_F(Audit, IsBoundedAtAHubToo) {
  auto hub = open_hub();
  auto log = AuditLog::start(hub, {.key = key_, .quota = 64 * KiB}).value();
  for (int i = 0; i < 3'000; ++i)
    log.note("visit", "ann", "cabinet", std::string(500, 'x') + std::to_string(i)).value();
  const Read all = read(hub);
  EXPECT_THAT(all.report.problems, IsEmpty());
  EXPECT_GT(all.report.dropped.quota, 0U);
  EXPECT_GT(all.report.entries, 0U);
}

TEST_F(Audit, KindsOfItsOwnAreNobodyElses) {
  auto node = open_node();
  auto log = AuditLog::start(node).value();
  for (const char* kind : {"checkpoint", "lost", "access", "linked", "identity"})
    EXPECT_TRUE(log.note(kind, "", "", "").error().is(Errc::invalid_argument)) << kind;
}

TEST_F(Audit, NamesNobodyForWhatWasRemoved) {
  auto hub = open_hub_with_list();
  {
    const auto log = AuditLog::start(hub).value();
    const auto changed = std::make_shared<Witness>();
    const auto watching =
        hub.state(AccessList::scope).on_change({}, [changed](const Change& change) { changed->saw(change.key); });
    AccessList list(hub);
    list.allow("gateway", {Access::read_write, {}, "plant/*"}).value();
    ASSERT_TRUE(changed->waits_for_more_than(0, 20s));
    list.allow("gateway", {Access::read, {}, "recipes/*"}).value();
    ASSERT_TRUE(changed->waits_for_more_than(1, 20s));
    list.disallow("gateway", {Access::read, {}, "recipes/*"}).value();
    ASSERT_TRUE(changed->waits_for_more_than(2, 20s));
  }
  const Read all = read(hub);
  std::vector<std::string> told;
  for (const AuditEntry& entry : all.entries)
    if (entry.kind == "access") told.push_back(entry.detail + (entry.who.empty() ? "" : " by somebody"));
  EXPECT_THAT(told, ElementsAre("set by somebody", "set by somebody", "removed from"));
}

/// Records of a log, and what becomes of it if they are touched.
class Chain : public testing::Test {
 protected:
  Chain() {
    hub::ChainedEntry one;
    for (int i = 1; i <= 20; ++i) {
      one.entry = {
          static_cast<std::uint64_t>(i), Timestamp(std::chrono::seconds(i)), "visit", "ann", "door", std::to_string(i)};
      if (i % 5 == 0)
        one.entry = {one.entry.sequence,
                     one.entry.at,
                     "checkpoint",
                     config::key_id(key_.public_key()),
                     "",
                     to_hex(key_.sign(hub::checkpoint_of(one.previous)).value())};
      records_.push_back({one.entry.sequence, one.entry.at, hub::audit_fields(one)});
      one.previous = hub::hash_of(one);
    }
  }
  /// `gone`: what is said to have been dropped before them.
  static AuditReport verify(const std::vector<Record>& records, std::uint64_t gone = 0) {
    hub::ChainReader reader(transport::ed25519());
    reader.begin();
    if (gone > 0) reader.skip({1, gone, DropReason::age});
    for (const Record& record : records) reader.read(record);
    return reader.finish();
  }
  const transport::SecretKey key_ = transport::SecretKey::generate().value();
  std::vector<Record> records_;
};

TEST_F(Chain, IsSoundAsItWasWritten) {
  const AuditReport report = verify(records_);
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_EQ(report.entries, 20U);
  EXPECT_EQ(report.signed_by.at(config::key_id(key_.public_key())), 20U);
  EXPECT_EQ(report.unsigned_after.at(config::key_id(key_.public_key())), 0U);
  // From the middle on it is, too, if something says what became of the rest.
  const std::vector<Record> rest(records_.begin() + 7, records_.end());
  EXPECT_THAT(verify(rest, 7).problems, IsEmpty());
  EXPECT_THAT(verify(rest).problems, ElementsAre("entries before 8 are gone, and nothing says why"));
  EXPECT_THAT(verify(rest, 6).problems, ElementsAre("entries before 8 are gone, and nothing says why"));
}

TEST_F(Chain, WhatIsBeforeAHoleMayBeAnybodys) {
  hub::ChainReader reader(transport::ed25519());
  reader.begin();
  for (std::size_t i = 0; i < 5; ++i) reader.read(records_[i]);
  reader.skip({6, 10, DropReason::age});
  for (std::size_t i = 10; i < 20; ++i) reader.read(records_[i]);
  EXPECT_THAT(reader.finish().problems, ElementsAre("entries 6 to 10 are gone: age"));
}

TEST_F(Chain, SaysWhatNobodyHasSigned) {
  const std::vector<Record> shorter(records_.begin(), records_.begin() + 18);
  const AuditReport report = verify(shorter);
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_EQ(report.unsigned_after.at(config::key_id(key_.public_key())), 3U);
}

TEST_F(Chain, ASignatureOfNothingFitsNowhere) {
  hub::ChainedEntry first;
  first.entry = {1,
                 Timestamp(1s),
                 "checkpoint",
                 config::key_id(key_.public_key()),
                 "",
                 to_hex(key_.sign(hub::checkpoint_of(first.previous)).value())};
  const AuditReport report = verify({{1, first.entry.at, hub::audit_fields(first)}});
  EXPECT_THAT(report.problems, ElementsAre("entry 1 signs nothing"));
  EXPECT_TRUE(report.signed_by.empty());
}

TEST_F(Chain, ShowsEveryTextAndTimeThatIsAltered) {
  for (std::size_t i = 0; i + 1 < records_.size(); ++i) {
    for (std::size_t field = 0; field < 4; ++field) {
      auto altered = records_;
      std::get<std::string>(altered[i].fields[field]) += "x";
      EXPECT_FALSE(verify(altered).problems.empty()) << i << " " << field;
    }
    auto later = records_;
    later[i].at += std::chrono::microseconds(1);
    EXPECT_FALSE(verify(later).problems.empty()) << i;
  }
}

TEST_F(Chain, ShowsWhatIsLeftOutPutInOrExchanged) {
  for (std::size_t i = 1; i + 1 < records_.size(); ++i) {
    auto shorter = records_;
    shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(verify(shorter).problems.empty()) << i;
    auto longer = records_;
    longer.insert(longer.begin() + static_cast<std::ptrdiff_t>(i), records_[i]);
    EXPECT_FALSE(verify(longer).problems.empty()) << i;
    auto exchanged = records_;
    std::swap(exchanged[i], exchanged[i - 1]);
    EXPECT_FALSE(verify(exchanged).problems.empty()) << i;
  }
}

TEST_F(Chain, ItsEndCannotBeRewrittenWithoutTheKey) {
  // All hashes made anew behind an altered entry: only the signatures tell.
  auto forged = records_;
  std::get<std::string>(forged[11].fields[3]) = "nobody was here";
  for (std::size_t i = 12; i < forged.size(); ++i) {
    const auto before = hub::to_chained(forged[i - 1]);
    forged[i].fields.back() = to_bytes(hub::hash_of(*before));
  }
  EXPECT_THAT(verify(forged).problems, ElementsAre("entry 15 is not signed by the key that it names",
                                                   "entry 20 is not signed by the key that it names"));
}

TEST_F(Chain, WhatIsNoEntryIsTold) {
  records_[3].fields[0] = std::int64_t{4};
  EXPECT_THAT(verify(records_).problems, ElementsAre("entry 4 is none"));
}

}  // namespace
}  // namespace edgesync
