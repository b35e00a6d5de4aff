// SPDX-License-Identifier: Apache-2.0
// Deltas told in chunks, while everybody goes on: random histories in which transfers are begun, fed a few rows at a
// time, interrupted, resumed and at last joined, checked against the oracle. Each rule of crdt/chunk.hpp is left out in
// turn, and histories must show that it was necessary.
#include "base/random.hpp"
#include "crdt/chunk.hpp"
#include "laws/fleet.hpp"

namespace edgesync::laws {
namespace {

using crdt::Chunk;
using crdt::Context;

/// What a faulty engine would do.
enum class Fault : std::uint8_t {
  none,
  one_context,   ///< All lists hold for the last chunk's context.
  list_once,     ///< A key that was listed is not listed again.
  ranges_first,  ///< Range removals do not meet what earlier chunks brought.
  no_floors,     ///< The sender goes on whatever it has evicted.
  no_judging,    ///< What came from others below the floors is not looked at.
};

struct Transfer {
  std::size_t from = 0;
  Context base{}, floors{}, reached{};
  std::vector<Chunk> chunks{};
  std::optional<crdt::Removed> removed{};
  bool judge() const { return !base.covers(floors); }
};

class Spools {
 public:
  Spools(std::uint64_t seed, Fault fault) : random_(seed), fault_(fault), replicas_(4), transfers_(4) {
    for (std::size_t i = 0; i < replicas_.size(); ++i)
      replicas_[i] = std::make_unique<MemoryReplica>(static_cast<std::uint8_t>(i + 1));
  }

  /// What went wrong, if anything did.
  std::optional<std::string> run() {
    for (std::size_t step = 0; step < 150; ++step) {
      ++now_ms_;
      const std::size_t at = random_.below(replicas_.size());
      const std::uint64_t dice = random_.below(100);
      if (dice < 42)
        commit(at);
      else if (dice < 62)
        pull(at);
      else if (dice < 92)
        go_on(at);
      else
        forget(at);
      if (auto wrong = check(at)) return "step " + std::to_string(step) + ": " + *wrong;
    }
    return std::nullopt;
  }

  std::size_t joined = 0, abandoned = 0;

 private:
  crdt::MemoryTable& table(std::size_t at) { return replicas_[at]->table(); }
  std::size_t other_than(std::size_t at) { return (at + 1 + random_.below(replicas_.size() - 1)) % replicas_.size(); }
  Timestamp wall() { return Fleet::wall(now_ms_ + static_cast<std::int64_t>(random_.below(7)) - 3); }

  void commit(std::size_t at) {
    constexpr std::array paths{"a", "a/b", "a/c", "b", "b/c", "d"};
    Edit edit;
    for (std::uint64_t left = 1 + random_.below(3); left > 0; --left) {
      const std::string path = paths[random_.below(paths.size())];
      const std::uint64_t kind = random_.below(10);
      if (kind < 6)
        edit.set(path, now_ms_);
      else if (kind < 9)
        edit.erase(path);
      else
        edit.erase_prefix(random_.one_in(3) ? std::string() : path);
    }
    const Context seen = replicas_[at]->visible_context();
    const auto stamp = replicas_[at]->commit(edit.ops(), wall());
    oracle_.record(edit.ops(), {replicas_[at]->id(), stamp.value()}, seen);
    replicas_[at]->flush();
  }

  void pull(std::size_t to) {
    const std::size_t from = other_than(to);
    crdt::apply_delta(table(to), crdt::make_delta(table(from), table(to).context()));
  }

  void search(std::size_t to, Transfer& transfer) {
    if (!transfer.judge() || transfer.base.empty()) return;
    crdt::MemoryTable &mine = table(to), &theirs = table(transfer.from);
    const crdt::Measure measure{{1, 2}, crdt::meet(mine.context(), theirs.context())};
    crdt::Survey survey(measure);
    crdt::Search search(measure);
    survey.walk(theirs, SIZE_MAX), search.survey().walk(mine, SIZE_MAX);
    for (std::vector<crdt::KeyRange> wanted{{}}; !wanted.empty();)
      for (const crdt::KeyRange& range : std::exchange(wanted, {}))
        for (const crdt::Finding& finding : crdt::inspect(survey, theirs, range))
          if (search.take(mine, finding)) wanted.push_back(finding.range);
    transfer.removed = search.take_removed();
  }

  void go_on(std::size_t to) {
    if (!transfers_[to]) {
      Transfer begun;
      begun.from = other_than(to);
      begun.base = begun.reached = table(to).context();
      begun.floors = table(begun.from).floors();
      search(to, begun);
      transfers_[to] = std::move(begun);
    }
    Transfer& transfer = *transfers_[to];
    crdt::MemoryTable& from = table(transfer.from);
    if (random_.one_in(8)) search(to, transfer);  // another link, which does not know what the one before had found
    Context told = transfer.reached;
    told.join(transfer.floors);
    if (fault_ != Fault::no_floors && !told.covers(from.floors())) {
      transfers_[to].reset();
      ++abandoned;
      return;
    }
    transfer.chunks.push_back(crdt::make_chunk(from, transfer.reached, 1 + random_.below(200)));
    transfer.reached = transfer.chunks.back().reached;
    if (transfer.chunks.back().last()) finish(to);
  }

  void finish(std::size_t to) {
    Transfer transfer = std::move(*transfers_[to]);
    transfers_[to].reset();
    spoil(transfer.chunks);
    const crdt::Delta& last = transfer.chunks.back().delta;
    const bool judge = fault_ != Fault::no_judging && transfer.judge();
    crdt::Joining joining(table(to), transfer.base, judge, transfer.removed && judge ? &*transfer.removed : nullptr);
    for (const Chunk& chunk : transfer.chunks) joining.add(chunk.delta, chunk.reached);
    diverged_ = joining.finish(last.upto, last.summary).diverged;
    ++joined;
  }

  void spoil(std::vector<Chunk>& chunks) const {
    std::set<Bytes, BytesLess> listed;
    for (Chunk& chunk : chunks) {
      if (fault_ == Fault::one_context) chunk.delta.upto = chunks.back().delta.upto;
      if (fault_ == Fault::list_once)
        std::erase_if(chunk.delta.keys, [&](const crdt::KeyState& state) { return !listed.insert(state.key).second; });
      if (fault_ != Fault::ranges_first || &chunk == &chunks.front()) continue;
      for (const crdt::LogItem& removal : chunk.delta.removals)
        if (removal.type == crdt::LogItem::Type::remove_range) chunks.front().delta.removals.push_back(removal);
      std::erase_if(chunk.delta.removals,
                    [](const crdt::LogItem& removal) { return removal.type == crdt::LogItem::Type::remove_range; });
    }
  }

  void forget(std::size_t at) {
    table(at).sweep();
    const auto& items = table(at).context().items();
    if (items.empty()) return;
    const auto& item = items[random_.below(items.size())];
    const std::uint64_t back = random_.below(20) << 20;
    table(at).evict_removals(item.replica, item.stamp - std::min(item.stamp, back));
  }

  std::optional<std::string> check(std::size_t at) {
    const Cells cells = replicas_[at]->stored(), expected = oracle_.survivors(table(at).context());
    if (cells != expected) return "holds " + describe(cells) + "the oracle says " + describe(expected);
    if (table(at).summary() != recomputed(cells, {1, 2})) return "a stale summary";
    if (diverged_) return "equal contexts, other summary";
    for (std::size_t other = 0; other < replicas_.size(); ++other)
      if (table(other).context() == table(at).context() && replicas_[other]->stored() != cells)
        return "equal contexts and other cells";
    return std::nullopt;
  }

  Xoshiro random_;
  Fault fault_;
  std::vector<std::unique_ptr<MemoryReplica>> replicas_;
  std::vector<std::optional<Transfer>> transfers_;
  Oracle oracle_;
  std::int64_t now_ms_ = 0;
  bool diverged_ = false;
};

TEST(Spool, IsExactWhateverHappensMeanwhile) {
  std::size_t joined = 0, abandoned = 0;
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
    Spools spools(seed, Fault::none);
    const auto wrong = spools.run();
    ASSERT_FALSE(wrong) << "seed " << seed << ": " << *wrong;
    joined += spools.joined;
    abandoned += spools.abandoned;
  }
  EXPECT_GT(joined, 5'000U);
  EXPECT_GT(abandoned, 500U);
}

class EachRuleOfASpool : public testing::TestWithParam<Fault> {};

TEST_P(EachRuleOfASpool, IsNecessary) {
  std::uint64_t seed = 1;
  while (seed <= 4000 && !Spools(seed, GetParam()).run()) ++seed;
  EXPECT_LE(seed, 4000U) << "nobody noticed";
}

INSTANTIATE_TEST_SUITE_P(, EachRuleOfASpool,
                         testing::Values(Fault::one_context, Fault::list_once, Fault::ranges_first, Fault::no_floors,
                                         Fault::no_judging));

}  // namespace
}  // namespace edgesync::laws
