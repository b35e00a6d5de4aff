// SPDX-License-Identifier: Apache-2.0
#include "laws/history.hpp"

#include <array>

namespace edgesync::laws {
namespace {

constexpr std::array paths{"a", "a/b", "a/b/c", "a/d", "a!", "ab", "b", "b/c", "ä"};
constexpr std::array prefixes{"a", "a/b", "b", "ä", ""};
constexpr std::size_t old_max = 12;

std::string who(Replica& replica) { return "replica " + to_hex(replica.id().bytes).substr(0, 2); }

bool all_covered(const Cells& cells, const crdt::Context& context) {
  for (const auto& [key, cell] : cells)
    for (const crdt::Entry& entry : cell)
      if (!context.covers(entry.dot)) return false;
  return true;
}

}  // namespace

History::History(Random& random, const Shape& shape, const MakeReplica& make) : random_(random), shape_(shape) {
  for (std::size_t i = 0; i < shape.replicas; ++i) replicas_.push_back(make(static_cast<std::uint8_t>(i + 1)));
}

std::optional<std::string> History::run() {
  for (std::size_t i = 0; i < shape_.steps; ++i) {
    ++now_ms_;
    if (auto violation = step()) return "step " + std::to_string(i) + ": " + *violation;
  }
  if (auto violation = converge()) return "convergence: " + *violation;
  return std::nullopt;
}

History::Violation History::step() {
  const std::uint64_t dice = random_.below(100);
  Replica& at = any();
  if (dice < 40) return commit(at);
  if (dice < 50) return at.flush(), check(at);
  if (dice < 84) return pull(at, any());
  if (dice < 94) return offer_old(at);
  return forget(at), check(at);
}

History::Violation History::commit(Replica& at) {
  const Edit edit = random_edit();
  // A transaction may flush what an earlier one left in memory, so what it saw is what can be seen just before.
  const crdt::Context seen = at.visible_context();
  const auto stamp = at.commit(edit.ops(), wall());
  if (!stamp) return who(at) + " refused an edit: " + stamp.error().detail;
  if (*stamp <= seen[at.id()]) return who(at) + " minted a stamp that does not grow";
  oracle_.record(edit.ops(), {at.id(), *stamp}, seen);
  if (!random_.one_in(3)) at.flush();
  return check(at);
}

History::Violation History::pull(Replica& to, Replica& from) {
  if (&to == &from) return std::nullopt;
  if (!to.stored_context().covers(from.floors()) && random_.below(4) != 0) return search(to, from);
  const crdt::Delta delta = from.delta_for(to.stored_context());
  // The delta may be on its way while its receiver goes on.
  if (random_.one_in(4)) {
    if (auto violation = commit(to)) return violation;
  }
  old_.push_back(random_.one_in(2) ? delta : from.delta_for(any().stored_context()));
  if (old_.size() > old_max) old_.pop_front();
  return offer(to, delta);
}

History::Violation History::meddle(Replica& to, Replica& from) {
  Replica& other = any();
  switch (random_.below(5)) {
    case 0:
      return commit(to);
    case 1:
      return commit(from);
    case 2:
      return &other == &to ? std::nullopt : offer(to, other.delta_for(to.stored_context()));
    case 3:
      return &other == &from ? std::nullopt : offer(from, other.delta_for(from.stored_context()));
    default:
      return std::nullopt;
  }
}

History::Violation History::walk(Replica& at, crdt::Survey& survey, Replica& to, Replica& from) {
  while (!survey.done()) {
    at.look([&](crdt::CellSource& cells) { survey.walk(cells, 1 + random_.below(6)); });
    if (auto violation = meddle(to, from)) return violation;
  }
  return std::nullopt;
}

History::Violation History::search(Replica& to, Replica& from) {
  const crdt::Context base = to.stored_context(), common = crdt::meet(base, from.stored_context());
  const crdt::Context floors = from.floors();
  const crdt::SearchShape shape{2 + random_.below(4), 1 + random_.below(3)};
  const crdt::Measure measure{to.fingerprint_key(), common};
  crdt::Survey survey(measure, 1 + random_.below(3));
  crdt::Search search(measure, 1 + random_.below(3));
  if (auto violation = walk(from, survey, to, from)) return violation;
  for (std::vector<crdt::KeyRange> wanted{{}}; !wanted.empty();) {
    std::vector<crdt::Finding> findings;
    from.look([&](crdt::CellSource& cells) {
      for (const crdt::KeyRange& range : std::exchange(wanted, {}))
        for (crdt::Finding& finding : crdt::inspect(survey, cells, range, shape))
          findings.push_back(std::move(finding));
    });
    if (auto violation = meddle(to, from)) return violation;
    if (auto violation = walk(to, search.survey(), to, from)) return violation;
    to.look([&](crdt::CellSource& cells) {
      for (const crdt::Finding& finding : findings)
        if (search.take(cells, finding)) wanted.push_back(finding.range);
    });
    if (auto violation = meddle(to, from)) return violation;
  }
  if (from.floors() != floors) return std::nullopt;  // to begin again
  return offer(to, from.fast_delta_for(base), &search.removed());
}

History::Violation History::offer(Replica& to, const crdt::Delta& delta, const crdt::Removed* removed) {
  const auto applied = to.offer(delta, wall(), removed);
  if (!applied && to.stored_context().covers(delta.base)) return who(to) + " refused a delta whose base it covers";
  if (applied && applied->diverged) return who(to) + " diverged: equal contexts, other summary (I4)";
  return check(to);
}

History::Violation History::offer_old(Replica& to) {
  return old_.empty() ? std::nullopt : offer(to, old_[random_.below(old_.size())]);
}

void History::forget(Replica& at) {
  if (random_.one_in(2)) at.sweep();
  const crdt::Context context = at.stored_context();
  if (context.empty()) return;
  const auto& item = context.items()[random_.below(context.items().size())];
  const std::uint64_t back = random_.below(64) << 20;  // stamps count milliseconds from bit 20
  at.evict_removals(item.replica, item.stamp - std::min(item.stamp, random_.one_in(3) ? 0 : back));
}

History::Violation History::converge() {
  for (const auto& replica : replicas_) replica->flush();
  for (int round = 0; round < 2; ++round)
    for (const auto& to : replicas_)
      for (const auto& from : replicas_)
        if (to != from) {
          if (auto violation = offer(*to, from->delta_for(to->stored_context()))) return violation;
        }
  for (const auto& replica : replicas_)
    if (replica->stored_context() != replicas_[0]->stored_context()) return "contexts differ after all met all";
  return std::nullopt;
}

History::Violation History::check(Replica& at) {
  const crdt::Context context = at.stored_context();
  const Cells cells = at.stored();
  if (!all_covered(cells, context)) return who(at) + " holds a dot outside its context (I1): " + describe(cells);
  if (const Cells expected = oracle_.survivors(context); cells != expected)
    return who(at) + " holds " + describe(cells) + "the oracle says " + describe(expected) + "(I3)";
  if (const Cells seen = at.visible(), expected = oracle_.survivors(at.visible_context()); seen != expected)
    return who(at) + " shows " + describe(seen) + "the oracle says " + describe(expected) + "(I3, unflushed)";
  if (at.summary() != recomputed(cells, at.fingerprint_key())) return who(at) + " has a stale summary (I12)";
  return check_equals(at);
}

History::Violation History::check_equals(Replica& at) {
  for (const auto& other : replicas_) {
    if (other.get() == &at || other->stored_context() != at.stored_context()) continue;
    if (other->stored() != at.stored() || other->summary() != at.summary())
      return who(at) + " and " + who(*other) + " have equal contexts and differ (I4)";
  }
  return std::nullopt;
}

Edit History::random_edit() {
  Edit edit;
  constexpr std::array<std::uint64_t, 4> sizes{1, 1, 2, 4};
  for (std::uint64_t left = sizes[random_.below(sizes.size())]; left > 0; --left) random_op(edit);
  return edit;
}

void History::random_op(Edit& edit) {
  const std::string path = paths[random_.below(paths.size())];
  const auto number = static_cast<std::int64_t>(random_.below(3));
  const Value member = number == 2 ? Value(std::string(80, 'm')) : Value(number);
  switch (random_.below(20)) {
    default:
      edit.set(path, static_cast<std::int64_t>(random_.below(1000)));
      return;
    case 10:
    case 11:
    case 12:
      edit.insert(path, member);
      return;
    case 13:
    case 14:
      edit.remove(path, member);
      return;
    case 15:
    case 16:
    case 17:
      edit.erase(path);
      return;
    case 18:
    case 19:
      edit.erase_prefix(prefixes[random_.below(prefixes.size())]);
      return;
  }
}

Timestamp History::wall() {
  // Clocks are up to three steps off, either way, each time they are read.
  constexpr std::int64_t start_ms = 1'800'000'000'000;
  const std::int64_t skew_ms = static_cast<std::int64_t>(random_.below(7)) - 3;
  return Timestamp(std::chrono::milliseconds(start_ms + now_ms_ + skew_ms));
}

}  // namespace edgesync::laws
