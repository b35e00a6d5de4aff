// SPDX-License-Identifier: Apache-2.0
// A hub and nodes whose databases are cloned and restored from older copies while all go on writing. Every value that
// is written is unique; one that nobody saw before it was overwritten or erased must be at the hub in the end. The
// rules (self-audit, reissue, a new id in another environment) can be left out one by one, to prove that they are
// needed.
#include "base/random.hpp"
#include "crdt/delta.hpp"
#include "crdt/lineage.hpp"
#include "crdt/memory_table.hpp"
#include "crdt/transaction.hpp"
#include "crdt/value_codec.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>

namespace edgesync::laws {
namespace {

using crdt::MemoryTable;

struct Rules {
  bool audit = true;          ///< Compare what the other side knows of us with what we minted.
  std::uint64_t noticed = 0;  ///< So many of 100 copies are opened elsewhere, and notice it.
};

/// One database, open.
struct Copy {
  ReplicaId id{};
  std::map<ReplicaId, crdt::Stamp> former{};  ///< With the last stamp of each that is still ours to send.
  crdt::Hlc clock;
  crdt::Lineage lineage{};
  MemoryTable table{{1, 2}};
  crdt::Context acked{};
  Hash128 secret{};
  std::chrono::milliseconds off{};  ///< What its machine's clock is off by.
  bool minted = false;
  std::set<crdt::Stamp> own{};  ///< What the lineage tells by tags.

  Copy(const ReplicaId& of, const Hash128& drawn) : id(of), clock(drawn, 0), secret(drawn) {}

  void open(const Hash128& drawn, std::chrono::milliseconds clock_off) {
    off = clock_off;
    clock = crdt::Hlc(drawn, 0);
    clock.pass(table.context()[id]);
    secret = drawn;
    minted = false;
  }
  const ReplicaId& rename(const ReplicaId& fresh) {
    former[id] = table.context()[id];
    minted = false;
    clock.restart(0);  // as another it may begin earlier
    return id = fresh;
  }
  crdt::Stamp mint(Timestamp wall) {
    const crdt::Stamp stamp = clock.mint(wall);
    if (!std::exchange(minted, true)) lineage.add({id, table.context()[id] + 1, secret});
    own.insert(stamp);
    return stamp;
  }
};

class Star {
 public:
  Star(std::uint64_t seed, const Rules& rules) : random_(seed), rules_(rules) {
    for (int i = 0; i < 5; ++i) copies_.push_back(std::make_unique<Copy>(random_.id(), secret()));
  }

  struct Outcome {
    std::size_t lost = 0, forks = 0;
    bool converged = false, deceived = false;
  };
  Outcome run(int steps = 150) {
    for (int i = 0; i < steps; ++i) step();
    for (int round = 0; round < 4; ++round)
      for (std::size_t i = 1; i < copies_.size(); ++i) sync(i);
    Outcome outcome{0, forks_, true, deceived_};
    const std::set<std::int64_t> held = values(hub());
    for (const std::int64_t value : written_) outcome.lost += !seen_.contains(value) && !held.contains(value) ? 1 : 0;
    for (const auto& copy : copies_)
      outcome.converged = outcome.converged && copy->table.context() == hub().table.context() &&
                          copy->table.summary() == hub().table.summary();
    return outcome;
  }

 private:
  Copy& hub() { return *copies_[0]; }
  Hash128 secret() {
    const std::uint64_t first = random_.next();
    return {first, random_.next()};
  }
  Timestamp wall() { return Timestamp(std::chrono::milliseconds(1'800'000'000'000 + now_ms_)); }

  void step() {
    now_ms_ += static_cast<std::int64_t>(random_.below(4));
    const std::uint64_t dice = random_.below(1000);
    const std::size_t node = 1 + random_.below(copies_.size() - 1);
    if (dice < 500) return write(*copies_[random_.below(copies_.size())]);
    if (dice < 930) return sync(node);
    if (dice < 970 && copies_.size() < 9) return clone(node);
    if (dice < 985) return void(images_.emplace_back(node, std::make_unique<Copy>(*copies_[node])));
    if (!images_.empty()) restore();
  }

  std::set<std::int64_t> values(Copy& at) {
    std::set<std::int64_t> found;
    at.table.scan({}, [&](ByteView, const crdt::Cell& cell) {
      for (const crdt::Entry& entry : cell) {
        const auto value = crdt::decode_value(entry.value);
        if (const auto* number = value ? std::get_if<std::int64_t>(&*value) : nullptr) found.insert(*number);
      }
      return true;
    });
    return found;
  }

  void write(Copy& at) {
    Edit edit;
    std::set<std::int64_t> before = values(at);
    for (std::uint64_t left = 1 + random_.below(2); left > 0; --left) {
      const std::string leaf = std::to_string(random_.below(3));
      const std::string key = std::string(1, "ab"[random_.below(2)]) + "/" + leaf;
      const std::uint64_t dice = random_.below(10);
      if (dice < 7) {
        written_.push_back(++last_value_);
        edit.set(key, last_value_);
      } else if (dice < 9) {
        edit.erase(key);
      } else {
        edit.erase_prefix(key.substr(0, 1));
      }
    }
    const crdt::Author author{at.id, at.mint(wall() + at.off), at.table.context()};
    auto changes = crdt::plan(edit.ops(), at.table, author);
    ASSERT_TRUE(changes) << changes.error().detail;
    crdt::apply_changes(at.table, at.id, *changes);
    const std::set<std::int64_t> after = values(at);
    for (const std::int64_t value : before)
      if (!after.contains(value)) seen_.insert(value);
    for (const std::int64_t value : written_)  // overwritten within the transaction
      if (value > last_checked_ && !after.contains(value)) seen_.insert(value);
    last_checked_ = last_value_;
  }

  /// True: what is at hand is not what `peer` knows of us. Another copy lives, and a link begins anew.
  bool audit(Copy& us, const Copy& peer, bool authority) {
    const crdt::Stamp told = peer.table.context()[us.id];
    const bool known = told <= us.table.context()[us.id] && us.lineage.minted(us.id, told);
    deceived_ = deceived_ || (told != 0 && known && !us.own.contains(told));
    if (told != 0 && !known) {
      ++forks_;
      reissue(us, us.id, authority);
      return true;
    }
    for (const auto& [self, last] : us.former)
      if (!formerly_own(us, self, last, peer.table.context()[self])) {
        reissue(us, self, false);
        return true;
      }
    return false;
  }

  bool formerly_own(const Copy& us, const ReplicaId& self, crdt::Stamp last, crdt::Stamp told) {
    if (last <= us.acked[self] || told == 0) return true;
    const bool known = us.lineage.minted(self, told, last);
    deceived_ = deceived_ || (known && told <= last && !us.own.contains(told));
    return known;
  }

  void reissue(Copy& us, ReplicaId self, bool authority) {
    std::vector<ReplicaId> selves{us.id};
    for (const auto& [id, last] : us.former) selves.push_back(id);
    const crdt::Stamp kept = authority ? 0 : us.acked[self];
    const ReplicaId fresh = us.rename(random_.id());
    us.lineage.inherit(self, fresh);
    crdt::reissue(
        us.table, self, fresh, kept, [](ByteView) { return std::nullopt; }, selves);
    us.former[self] = 0;
    us.clock.pass(us.table.context()[us.id]);
  }

  void pull(Copy& to, Copy& from) {
    const crdt::Delta delta = crdt::make_delta(from.table, to.table.context());
    ASSERT_TRUE(crdt::applicable(delta, to.table.context()));
    crdt::apply_delta(to.table, delta);
    to.clock.pass(to.table.context()[to.id]);
  }

  void sync(std::size_t node) {
    Copy& edge = *copies_[node];
    while (rules_.audit && (audit(edge, hub(), false) || audit(hub(), edge, true))) {
    }
    pull(hub(), edge);
    pull(edge, hub());
    edge.acked.join(edge.table.context());
  }

  void open_copy(Copy& copy) {
    copy.open(secret(), std::chrono::milliseconds(random_.below(2) * random_.below(1'000'000)));
    if (random_.below(100) >= rules_.noticed) return;
    copy.rename(random_.id());
  }
  void clone(std::size_t node) {
    copies_.push_back(std::make_unique<Copy>(*copies_[node]));
    open_copy(*copies_.back());
    copies_[node]->open(secret(), {});
  }
  /// The node's disk is replaced by an older image: what was only there is gone, and nobody can help it.
  void restore() {
    const auto& [node, image] = images_[random_.below(images_.size())];
    std::set<std::int64_t> elsewhere;
    for (std::size_t i = 0; i < copies_.size(); ++i)
      if (i != node) elsewhere.merge(values(*copies_[i]));
    for (const std::int64_t value : values(*copies_[node]))
      if (!elsewhere.contains(value)) seen_.insert(value);
    copies_[node] = std::make_unique<Copy>(*image);
    open_copy(*copies_[node]);
  }

  Xoshiro random_;
  Rules rules_;
  std::vector<std::unique_ptr<Copy>> copies_;  // the hub first
  std::vector<std::pair<std::size_t, std::unique_ptr<Copy>>> images_;
  std::vector<std::int64_t> written_;
  std::set<std::int64_t> seen_;
  std::int64_t last_value_ = 0, last_checked_ = 0, now_ms_ = 0;
  std::size_t forks_ = 0;
  bool deceived_ = false;
};

struct Tally {
  int losing = 0, diverging = 0, deceived = 0;
  std::size_t forks = 0;
};

Tally tally(const Rules& rules, std::uint64_t runs) {
  Tally all;
  for (std::uint64_t seed = 1; seed <= runs; ++seed) {
    const auto outcome = Star(seed, rules).run();
    if (outcome.deceived) {
      ++all.deceived;
      continue;
    }
    all.losing += outcome.lost > 0 ? 1 : 0;
    all.diverging += outcome.converged ? 0 : 1;
    all.forks += outcome.forks;
  }
  return all;
}

TEST(Clones, LoseNothingAndConvergeWhereEachAuditsItself) {
  const Tally all = tally({true, 0}, 1200);
  EXPECT_EQ(all.losing, 0);
  EXPECT_EQ(all.diverging, 0);
  EXPECT_LE(all.deceived, 2) << "a foreign stamp carries the right tag once in 4,096";
  EXPECT_GT(all.forks, 1200u) << "the audit had something to find";
}

TEST(Clones, LoseNothingAndNeedNoAuditWhereAllAreNoticedWhenTheyAreOpened) {
  for (const bool audit : {true, false}) {
    const Tally all = tally({audit, 100}, 200);
    EXPECT_EQ(all.losing, 0);
    EXPECT_EQ(all.diverging, 0);
    EXPECT_EQ(all.forks, 0u);
  }
}

TEST(Clones, LoseWritesWhereNobodyLooks) { EXPECT_GT(tally({false, 0}, 100).losing, 80); }

// A copy that nobody noticed may be copied again before any peer has met it, and that one be noticed. What it brings of
// the id before is compared as well, before it is anybody else's.
TEST(Clones, OfUnnoticedCopiesThatAreCopiedAgainLoseNothing) {
  const Tally all = tally({true, 66}, 1200);
  EXPECT_EQ(all.losing, 0);
  EXPECT_EQ(all.diverging, 0);
  EXPECT_LE(all.deceived, 2);
}

}  // namespace
}  // namespace edgesync::laws
