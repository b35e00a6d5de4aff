// SPDX-License-Identifier: Apache-2.0
// World: the applications' work, the faults, and the looks in between.
#include "sim/world.hpp"

#include <array>

namespace edgesync::sim {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t acks_looked_at = 6;  // one ack in so many is compared with the hub's disk

}  // namespace

Span World::exponential(Random& random, Span mean) {
  // The geometric cousin of the exponential, in quarters of the mean.
  Span sum{0};
  while (!random.one_in(4)) sum += mean / 4;
  return sum + below(random, mean / 2) + Span(1);
}

void World::every(Random& random, Span mean, Function<void()> action) {
  timeline_.after(exponential(random, mean), [this, &random, mean, action = std::move(action)]() mutable {
    if (healing_) return;
    action();
    every(random, mean, std::move(action));
  });
}

SimNode& World::any_node() { return *nodes_[fault_random_.below(nodes_.size())]; }

SimNode* World::any_edge(Random& random) {
  SimNode& node = *nodes_[1 + random.below(nodes_.size() - 1)];
  return node.up() ? &node : nullptr;
}

// --- work ---

void World::work() {
  SimNode* node = any_edge(work_random_);
  if (node == nullptr) return;
  const std::uint64_t kind = work_random_.below(20);
  if (kind < 10) return write_shared(*node);
  if (kind < 14) return write_tags(*node);
  if (kind < 18) return plan_.work.streams ? append(*node) : write_shared(*node);
  if (!plan_.work.config) return write_shared(*node);
  if (kind == 18) return publish(false);
  if (work_random_.one_in(2)) return node->ask_again();
  node->rollback(work_random_.next());
}

void World::random_op(Edit& edit, std::size_t lane) {
  // Lanes keep the operations of one transaction on different keys.
  const std::string number = std::to_string(lane * 100 + work_random_.below(plan_.work.keys));
  std::string text = std::to_string(next_value_++) + ' ';
  text.resize(text.size() + work_random_.below(plan_.work.value_bytes), 'x');
  switch (work_random_.below(12)) {
    case 0:
      edit.erase("r/" + number);
      return;
    case 1:
    case 2:
      edit.insert("s/" + number, Value(static_cast<std::int64_t>(work_random_.below(5))));
      return;
    case 3:
      edit.remove("s/" + number, Value(static_cast<std::int64_t>(work_random_.below(5))));
      return;
    case 4:
    case 5:
      if (plan_.work.counters)
        return edit.add("n/" + number, static_cast<std::int64_t>(work_random_.below(100)) - 40), void();
      break;
    case 6:
      if (plan_.work.counters && work_random_.one_in(3)) return edit.reset("n/" + number), void();
      break;
    case 7:
      if (plan_.work.prefixes && lane == 0 && work_random_.one_in(3))
        return edit.erase_prefix(work_random_.one_in(2) ? "r" : "s"), void();
      break;
    default:
      break;
  }
  edit.set("r/" + number, Value(std::move(text)));
}

Edit World::random_edit() {
  Edit edit;
  const std::size_t count = work_random_.one_in(3) ? 2 + work_random_.below(plan_.work.edit_ops - 1) : 1;
  for (std::size_t lane = 0; lane < count; ++lane) random_op(edit, lane);
  return edit;
}

void World::write_shared(SimNode& node) {
  const bool own = plan_.work.private_scopes && work_random_.one_in(4);
  const auto durability = work_random_.one_in(2) ? Durability::durable : Durability::fast;
  node.commit(own ? private_scope(node.number()) : std::string(shared_scope), random_edit(), durability);
}

void World::write_tags(SimNode& node) {
  Edit edit;
  if (work_random_.one_in(8)) {
    edit.erase_prefix("tag");
  } else {
    const std::string tag =
        std::to_string(next_value_++) + ' ' + std::string(work_random_.below(plan_.work.value_bytes), 't');
    for (std::size_t i = 0; i < tags; ++i) edit.set(tag_key(i), tag);
  }
  node.commit(std::string(tags_scope), std::move(edit),
              work_random_.one_in(2) ? Durability::durable : Durability::fast);
}

void World::script() {
  // Each step is one of the kinds of things that a node writes; together they fill the log, trim it and sync it.
  SimNode& node = *nodes_[1];
  Span when = milliseconds(150);
  const auto next = [&](auto step) { timeline_.after(when += milliseconds(100), step); };
  next([this, &node] { write_shared(node); });
  next([this, &node] { write_tags(node); });
  next([this, &node] { append(node); });
  next([this] { publish(false); });
  next([&node] { node.compact(0); });
  next([this, &node] { write_tags(node); });
}

void World::append(SimNode& node) {
  std::vector<Record> rows;
  const std::size_t count = 1 + work_random_.below(work_random_.one_in(4) ? 40 : 4);
  for (std::size_t i = 0; i < count; ++i) {
    const auto number = static_cast<std::int64_t>(next_value_++);
    rows.push_back({0,
                    Timestamp(std::chrono::seconds(number)),
                    {Value(number), Value(std::string(work_random_.below(plan_.work.value_bytes), 'd'))}});
  }
  node.append(std::move(rows), work_random_.one_in(2) ? Durability::durable : Durability::fast);
}

void World::publish(bool for_all) {
  config::Content content;
  content["limit"] = static_cast<std::int64_t>(next_value_++);
  content["text"] = std::string(work_random_.below(plan_.work.value_bytes), 'c');
  if (!for_all && work_random_.one_in(3)) content["refused-by"] = static_cast<std::int64_t>(work_random_.below(64));
  if (!for_all && work_random_.one_in(3)) content["held-by"] = static_cast<std::int64_t>(work_random_.below(64));
  // Two hubs that publish at once give one number to two versions.
  SimNode& hub = plan_.nodes[1].hub && !for_all && work_random_.one_in(3) ? *nodes_[1] : *nodes_[0];
  hub.publish(std::move(content), for_all ? last_version : "one of many");
}

// --- trouble ---

void World::trouble() {
  const std::uint64_t kind = fault_random_.below(16);
  SimNode& node = any_node();
  if (kind < 3) return trouble_node(node, kind);
  if (kind < 6) return trouble_link(kind);
  if (kind == 6 && plan_.faults[Fault::isolation]) {
    const Span how_long = below(fault_random_, std::chrono::seconds(6));
    trace_.note(timeline_.now(), "isolate", node.number(), static_cast<std::uint64_t>(how_long.count()));
    network_.isolate(node.number(), how_long);
  }
  if (kind == 7 && plan_.faults[Fault::clock_jumps]) return jump_clock(node);
  if (kind == 8) return trouble_disk(node, Fault::sync_errors);
  if (kind == 9) return trouble_disk(node, Fault::write_errors);
  if (kind == 10) return trouble_disk(node, Fault::disk_full);
  if (kind == 11) return trouble_disk(node, Fault::read_errors);
  if (kind == 12) return trouble_disk(node, Fault::read_only);
  if (kind == 13 && plan_.faults[Fault::one_way])
    return network_.mute(node.number(), below(fault_random_, std::chrono::seconds(4)));
  if (kind == 14 && plan_.faults[Fault::restart_loops]) return restart_loop(node);
  if (kind == 15 && plan_.faults[Fault::deaths] && node.number() > 0 && fault_random_.one_in(2)) node.die();
}

void World::restart_loop(SimNode& node) {
  const std::uint64_t times = 2 + fault_random_.below(5);
  ++struck_[Fault::restart_loops];
  for (std::uint64_t i = 0; i < times; ++i)
    timeline_.after(milliseconds(60 * i) + below(fault_random_, milliseconds(50)), [this, &node, power = i % 2 == 0] {
      if (node.up() && !healing_) node.crash(power, milliseconds(5));
    });
}

void World::jump_clock(SimNode& node) {
  ++struck_[Fault::clock_jumps];
  trace_.note(timeline_.now(), "clock jumps", node.number());
  constexpr std::array<std::int64_t, 4> years{0, 2'147'483'640, 4'294'967'290, 1'790'000'000};  // 1970, 2038, 2106, now
  const std::uint64_t kind = fault_random_.below(8);
  if (kind < years.size()) return node.set_clock(Timestamp(std::chrono::seconds(years[kind])));
  if (kind == 4) return node.jump_clock(std::chrono::hours(1));
  if (kind == 5) return node.jump_clock(-std::chrono::hours(24));
  const Span far = std::chrono::hours(kind == 6 ? 24 * 900 : 1);
  node.jump_clock(below(fault_random_, far * 2) - far);
}

void World::trouble_node(SimNode& node, std::uint64_t kind) {
  const Faults& on = plan_.faults;
  if (!node.up() || !(on[Fault::crashes] || on[Fault::power_cuts])) return;
  const Span away =
      fault_random_.one_in(4) ? below(fault_random_, std::chrono::seconds(5)) : below(fault_random_, milliseconds(300));
  const bool power = on[Fault::power_cuts] && (!on[Fault::crashes] || fault_random_.one_in(2));
  if (on[Fault::crashes_inside] && kind != 0) return node.crash_at_operation(1 + fault_random_.below(40), power, away);
  node.crash(power, away);
}

void World::trouble_link(std::uint64_t kind) {
  const Faults& on = plan_.faults;
  const auto links = network_.open();
  if (links.empty()) return;
  const ConnectionId id = links[fault_random_.below(links.size())];
  if (kind == 3 && on[Fault::stalls]) {
    trace_.note(timeline_.now(), "stall", -1, id);
    const Span length = below(fault_random_, std::chrono::seconds(4));
    network_.stall(id, static_cast<int>(fault_random_.below(2)), length);
  }
  if (kind == 4 && on[Fault::cuts]) network_.cut(id, fault_random_.below(6'000), {true, true});
  if (kind == 5 && on[Fault::half_open]) {
    const bool dialler = fault_random_.one_in(2);
    network_.cut(id, fault_random_.below(3'000), {dialler, false});
  }
}

void World::trouble_disk(SimNode& node, Fault fault) {
  if (!plan_.faults[fault]) return;
  DiskFaults& faults = node.disk().faults;
  if (fault == Fault::sync_errors) faults.sync_one_in = 1 + fault_random_.below(6);
  if (fault == Fault::write_errors) faults.write_one_in = 1 + fault_random_.below(20);
  if (fault == Fault::read_errors) faults.read_one_in = 1 + fault_random_.below(40);
  if (fault == Fault::read_only) faults.read_only = true;
  if (fault == Fault::disk_full) faults.capacity = node.disk().used() + fault_random_.below(20'000);
  trace_.note(timeline_.now(), "bad disk", node.number(), static_cast<std::uint64_t>(fault));
  // The fault ends by itself, unless another of its kind has taken its place.
  const std::uint64_t mine = ++disk_faults_[{node.number(), fault}];
  timeline_.after(below(fault_random_, std::chrono::seconds(2)), [this, fault, mine, &node] {
    if (disk_faults_[{node.number(), fault}] == mine) node.disk().faults.end(fault);
  });
}

// --- looks ---

void World::observe() {
  SimNode& node = *nodes_[look_random_.below(nodes_.size())];
  const bool deep = look_random_.one_in(3);
  node.when_idle([this, &node, deep] {
    if (!node.readable() || node.spoilt() || node.disk().faults.read_one_in > 0) return;
    if (auto broken = whole_tags(node.store())) violate("O9: " + *broken);
    check_trimmed(node);
    check_accounts(node);
    if (deep) look_deep(node);
  });
}

void World::look_deep(SimNode& node) {
  if (node.spoilt()) return;
  for (const store::Scope& scope : node.store().scopes()) {
    if (scope.plane != Plane::state) continue;
    if (auto broken = is_true(node.store(), scope, node.visible(scope.id)))
      violate("O2: node " + std::to_string(node.number()) + ": " + *broken);
  }
}

Finding World::is_true(store::Store& store, const store::Scope& scope, const crdt::Context& context) {
  const bool previewed = plan_.work.previews && !store.stages(scope.id).empty();
  if (!previewed) return equals_truth(store, scope.id, truth_.state(scope.name), context);
  saw(Sight::previewed);  // more is shown than the context says
  return std::nullopt;
}

void World::check_held(NodeNumber who, SimNode& holder, const std::string& scope, crdt::Stamp stamp,
                       const std::string& promise) {
  const SafeMemory safe;
  const auto held = holder.on_platter(scope);
  saw(Sight::acks_checked);
  if (!held) return violate(promise + "and the disk cannot be read: " + held.error().detail);
  if ((*held)[nodes_[static_cast<std::size_t>(who)]->replica()] < stamp)
    violate(promise + "and not on the disk: " + scope + " of node " + std::to_string(who));
}

void World::check_ack(NodeNumber who, const std::string& scope, crdt::Stamp stamp) {
  if (!look_random_.one_in(acks_looked_at)) return;
  SimNode& hub = *nodes_[static_cast<std::size_t>(nodes_[static_cast<std::size_t>(who)]->uplink())];
  check_held(who, hub, scope, stamp, "O5: acked ");
}

void World::check_stable(NodeNumber who, const std::string& scope, crdt::Stamp stamp) {
  if (look_random_.one_in(acks_looked_at)) check_held(who, *nodes_[0], scope, stamp, "O4: stable ");
}

void World::check_accounts(SimNode& node) {
  if (node.plan().hub) return;
  const Work& work = plan_.work;
  if (auto broken = balanced(node.store())) return violate("O18: " + *broken);
  if (auto broken =
          around_.accounts.dropped_by_rule(node.store(), work.budget, work.stream_bytes != 0, timeline_.now()))
    violate("O18: " + *broken);
}

void World::check_trimmed(SimNode& node) {
  const auto scope = node.store().find_scope(Plane::stream, stream_scope);
  if (!scope || node.uplink() < 0) return;
  for (const store::StreamState& state : node.store().stream(*scope))
    if (state.origin == node.replica() && state.trimmed > 0)
      check_held(node.number(), *nodes_[0], std::string(stream_scope), state.trimmed, "O4: trimmed ");
}

}  // namespace edgesync::sim
