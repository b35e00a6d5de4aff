// SPDX-License-Identifier: Apache-2.0
// SimNode: what the application does.
#include "sim/sim_node.hpp"

#include "crdt/transaction.hpp"

#include <algorithm>

namespace edgesync::sim {
namespace {

constexpr std::chrono::milliseconds batch_delay{20};

}  // namespace

void SimNode::when_idle(Function<void()> action) {
  if (!up()) return;
  if (store_->writing()) return waiting_.push_back(std::move(action));
  action();
  stir();
}

void SimNode::run_waiting() {
  for (const Function<void()>& action : std::exchange(waiting_, {})) action();
}

crdt::Context SimNode::visible(store::ScopeId scope) const {
  crdt::Context context = store_->context(scope);
  if (const auto at = last_own_.find(scope); at != last_own_.end()) context.advance({replica_, at->second});
  return context;
}

void SimNode::commit(const std::string& name, Edit edit, Durability durability) {
  if (!up()) return;
  const bool reads = std::any_of(edit.ops().begin(), edit.ops().end(), crdt::reads);
  const auto apply = [this, name, durability](const Edit& made) {
    const auto scope = store_->find_scope(Plane::state, name);
    if (!scope) return;
    const auto done = attempt("commit", [&] { return store_->commit(*scope, made.ops(), engine_->time(now())); });
    if (!done) return;  // a disk that fails may fail the reads of a transaction: nothing was accepted
    know_self();
    around_.trace.note(around_.timeline.now(), "commit", number_, done->ticket, done->stamp);
    check_stamp(done->stamp);
    // The commit may have opened the file again and found more in it than was known: it saw that, too.
    around_.truth.committed(replica_, name, *done, made.ops(), visible(*scope));
    last_own_[*scope] = done->stamp;
    if (durability == Durability::durable) durable_wanted_ = true;
    commit_due_ = std::min(commit_due_, around_.timeline.now() + batch_delay);
  };
  if (reads) return when_idle([apply, edit = std::move(edit)] { apply(edit); });
  apply(edit);
  stir();
}

void SimNode::check_stamp(crdt::Stamp stamp) {
  // What others claim about the time moves a node at most so far beyond what its own clock, or a hub's, ever said.
  constexpr auto slack = std::chrono::milliseconds(600'000) + std::chrono::seconds(1);
  const Timestamp horizon = std::max({latest_wall(), around_.latest_hub_wall(), crdt::Hlc::wall(0)});
  if (crdt::Hlc::wall(stamp) > horizon + slack)
    around_.violate("C4: " + blame("commit") + "a stamp far ahead of every clock that it had");
}

bool SimNode::append_some(store::ScopeId scope, std::span<const Record> rows) {
  const auto append = [&] { return store_->append(scope, rows); };
  const auto& budget = around_.plan.work.budget;
  const bool may_refuse = budget && budget->overflow.kind() == Overflow::Kind::reject;
  const auto done = may_refuse ? append() : attempt("append", append);
  if (!done) return false;
  know_self();  // the file may have been opened again, and be that of another id
  around_.trace.note(around_.timeline.now(), "append", number_, done->first, done->last);
  if (done->first == 0) return true;
  around_.truth.appended(replica_, std::string(stream_scope), *done, rows.first(done->kept));
  around_.accounts.appended(replica_, done->first, done->last, around_.timeline.now());
  return true;
}

void SimNode::append(std::vector<Record> rows, Durability durability) {
  if (!up()) return;
  const auto scope = store_->find_scope(Plane::stream, stream_scope);
  if (!scope || !store_->schema(*scope)) return;
  // One by one where some may be left out: which they are is told by number.
  const auto& budget = around_.plan.work.budget;
  const bool thins = budget && budget->overflow.kind() == Overflow::Kind::thin;
  const std::size_t step = thins ? 1 : rows.size();
  for (std::size_t i = 0; i < rows.size(); i += step)
    if (!append_some(*scope, std::span(rows).subspan(i, step))) return;
  if (durability == Durability::durable) durable_wanted_ = true;
  commit_due_ = std::min(commit_due_, around_.timeline.now() + batch_delay);
  stir();
}

void SimNode::publish(config::Content content, std::string note) {
  when_idle([this, content = std::move(content), note = std::move(note)] {
    const auto scope = *store_->find_scope(Plane::config, config_scope);
    const auto done =
        attempt("publish", [&] { return engine_->config().publish(scope, content, note, engine_->time(now())); });
    if (done) around_.trace.note(around_.timeline.now(), "publish", number_, done->second.number);
    durable_wanted_ = true;
  });
}

void SimNode::rollback(std::uint64_t draw) {
  when_idle([this, draw] {
    const auto scope = *store_->find_scope(Plane::config, config_scope);
    const auto rows = attempt("versions", [&] { return store_->versions(scope); });
    if (!rows || rows->empty()) return;
    const std::uint64_t number = (*rows)[draw % rows->size()].manifest.number;
    const bool done = engine_->config().rollback(scope, number, "simulated").has_value();
    around_.trace.note(around_.timeline.now(), "rollback", number_, number, done);
    if (done) around_.saw(Sight::rolled_back);
    durable_wanted_ = true;
  });
}

void SimNode::ask_again() {
  when_idle([this] { engine_->config().ask_again(*store_->find_scope(Plane::config, config_scope)).ignore(); });
}

void SimNode::compact(std::size_t removals_max) {
  when_idle([this, removals_max] {
    const auto done = attempt("compact", [&] { return store_->compact(removals_max); });
    around_.trace.note(around_.timeline.now(), "compact", number_, removals_max, done.has_value());
  });
}

}  // namespace edgesync::sim
