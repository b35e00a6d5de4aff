// SPDX-License-Identifier: Apache-2.0
// The store behind the oracle: the same random histories that prove the algorithms, on real files, with cuts that
// become visible while transactions are in memory, evictions, compactions and restarts at random moments.
#include "harness.hpp"

#include "crdt/transaction.hpp"
#include "laws/history.hpp"
#include "store/file.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

class StoreReplica final : public laws::Replica {
 public:
  explicit StoreReplica(std::uint64_t seed) : random_(seed), opened_(seed) { scope_ = state_scope(*opened_); }

  ReplicaId id() const override { return const_cast<Opened&>(opened_)->replica(); }

  Result<crdt::Stamp> commit(std::span<const Edit::Op> ops, Timestamp wall) override {
    const bool blind = std::none_of(ops.begin(), ops.end(), crdt::reads);
    // Half of the blind transactions are accepted while a batch, perhaps with a cut in it, is on its way to the disk.
    auto batch = blind && random_.one_in(2) ? opened_->begin_flush() : nullptr;
    const auto committed = opened_->commit(scope_, ops, wall);
    if (batch) {
      opened_->write(*batch);
      EXPECT_FALSE(opened_->finish(std::move(batch)).error);
    }
    if (!committed) return committed.error();
    busy_ = true;
    return last_ = committed->stamp;
  }

  void flush() override {
    EXPECT_FALSE(store::flush(*opened_).error);
    if (!random_.one_in(6)) return;
    opened_.reopen();
    scope_ = state_scope(*opened_);
  }

  crdt::Delta delta_for(const crdt::Context& receiver) override { return opened_->delta(scope_, receiver).value(); }

  crdt::Delta fast_delta_for(const crdt::Context& receiver) override {
    return opened_->delta(scope_, receiver, true).value();
  }
  void look(const Function<void(crdt::CellSource&)>& look) override { opened_->look(scope_, look).value(); }
  crdt::Context floors() override { return opened_->floors(scope_); }

  std::optional<crdt::Applied> offer(const crdt::Delta& delta, Timestamp, const crdt::Removed* removed) override {
    if (!crdt::applicable(delta, opened_->context(scope_))) return std::nullopt;
    RemoteCut cut;
    cut.deltas.push_back({scope_, delta, removed != nullptr ? std::optional(*removed) : std::nullopt});
    opened_->apply(std::move(cut));
    // Queued, to be flushed beside later transactions; but not for ever, when there are none any more.
    if (std::exchange(busy_, false) && random_.one_in(2)) return crdt::Applied{};
    const Flushed flushed = store::flush(*opened_);
    EXPECT_FALSE(flushed.error);
    EXPECT_TRUE(flushed.outcomes.back().applied);
    return crdt::Applied{!flushed.diverged.empty(), {}};
  }

  laws::Cells stored() override {
    laws::Cells cells;
    const crdt::Delta all = delta_for({});
    for (const crdt::KeyState& state : all.keys)
      for (const crdt::Listed& listed : state.listed) cells[state.key].push_back(listed.entry);
    return cells;
  }
  laws::Cells visible() override {
    laws::Cells cells;
    opened_
        ->read(scope_,
               [&](crdt::CellSource& source) {
                 source.scan({}, [&](ByteView key, const crdt::Cell& cell) {
                   EXPECT_EQ(source.find(key), cell);
                   return cells.emplace(to_bytes(key), cell).second;
                 });
               })
        .value();
    return cells;
  }
  crdt::Context stored_context() override { return opened_->context(scope_); }
  crdt::Context visible_context() override {
    crdt::Context context = opened_->context(scope_);
    context.advance({id(), last_});
    return context;
  }
  crdt::Summary summary() override { return opened_->summary(scope_); }
  Hash128 fingerprint_key() override { return store::fingerprint_key(Plane::state, "plant"); }
  void evict_removals(const ReplicaId&, crdt::Stamp) override { opened_->compact(random_.below(4)).value(); }
  void sweep() override { opened_->compact(SIZE_MAX).value(); }

  std::vector<std::string> verify() { return findings(*opened_); }

 private:
  Xoshiro random_;
  Opened opened_;
  ScopeId scope_{};
  crdt::Stamp last_ = 0;
  bool busy_ = false;  // committed since the last offer
};

TEST(StoreLaws, HoldInRandomHistories) {
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    std::vector<StoreReplica*> replicas;
    Xoshiro random(seed);
    laws::History history(random, {3, 120}, [&](std::uint8_t number) {
      auto replica = std::make_unique<StoreReplica>(seed * 100 + number);
      replicas.push_back(replica.get());
      return replica;
    });
    const auto violation = history.run();
    ASSERT_FALSE(violation) << "seed " << seed << ": " << *violation;
    for (StoreReplica* replica : replicas) ASSERT_THAT(replica->verify(), testing::IsEmpty()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace edgesync::store
