// SPDX-License-Identifier: Apache-2.0
// World: work and trouble that seeds came to mean after the first of them were kept; see add_extras(). All of it draws
// from a generator of its own.
#include "sim/world.hpp"

namespace edgesync::sim {

using std::chrono::milliseconds;

void World::extras() {
  const auto some = [this](bool wanted, Span mean, void (World::*what)(SimNode&)) {
    if (!wanted) return;
    every(extra_random_, mean, [this, what] {
      if (SimNode* node = any_edge(extra_random_)) (this->*what)(*node);
    });
  };
  some(plan_.work.bulk, plan_.chaos / 6, &World::append_bulk);
  some(plan_.work.bursts, plan_.chaos / 3, &World::write_burst);
  some(plan_.work.samples, plan_.chaos / 8, &World::append_samples);
  some(plan_.work.roaming, plan_.chaos / 12, &World::roam);
  some(plan_.work.budget && plan_.work.budget->retention.count() > 0, plan_.chaos / 8, &World::shift_clock);
  some(plan_.faults[Fault::flaps], plan_.fault_every * 2, &World::flap);
  some(plan_.faults[Fault::relapses], plan_.fault_every * 2, &World::relapse);
  some(plan_.faults[Fault::bit_rot], plan_.fault_every * 3, &World::rot);
}

/// What has piled up while a machine could not store, say.
void World::append_bulk(SimNode& node) {
  std::vector<Record> rows;
  for (std::uint64_t left = extra_random_.below(600); left > 0; --left) {
    const auto number = static_cast<std::int64_t>(next_value_++);
    std::string text;
    while (text.size() < 1'500) text += static_cast<char>(extra_random_.below(256));
    rows.push_back({0, Timestamp(std::chrono::seconds(number)), {Value(number), Value(std::move(text))}});
  }
  if (!rows.empty()) node.append(std::move(rows), Durability::durable);
}

/// A sensor: some of its records are accepted while the batch with those before is being written, and may fail.
void World::append_samples(SimNode& node) {
  if (extra_random_.one_in(2)) trouble_disk(node, Fault::sync_errors);
  for (int i = 0; i < 40; ++i)
    timeline_.after(milliseconds(3 * i), [this, &node] {
      if (healing_) return;
      const auto number = static_cast<std::int64_t>(next_value_++);
      node.append({{0, Timestamp(std::chrono::seconds(number)), {Value(number), Value(std::string("sample"))}}},
                  Durability::durable);
    });
}

/// More transactions than a millisecond has stamps.
void World::write_burst(SimNode& node) {
  for (std::uint64_t i = 0; i < 300; ++i)
    node.commit(std::string(shared_scope),
                Edit().set("r/burst/" + std::to_string(i % 5), static_cast<std::int64_t>(next_value_++)),
                i % 100 == 0 ? Durability::durable : Durability::fast);
}

void World::roam(SimNode& node) {
  if (!node.plan().hub) node.roam(1 - node.uplink());
}

/// Records are no older for it.
void World::shift_clock(SimNode& node) {
  ++struck_[Fault::clock_jumps];
  const Span far = std::chrono::hours(1);
  node.jump_clock(below(extra_random_, far * 2) - far);
}

void World::flap(SimNode& node) { network_.flap(node.number(), below(extra_random_, std::chrono::seconds(2))); }

void World::relapse(SimNode& node) {
  const Span then = below(extra_random_, milliseconds(80)), away = below(extra_random_, milliseconds(40));
  node.relapse(1 + extra_random_.below(12), away, then);
}

/// A device's own news have one copy, and that is never spoilt: only what the root's disk holds as well.
void World::rot(SimNode& node) {
  const Span away = below(extra_random_, milliseconds(300)) + milliseconds(1);
  node.crash(true, away);
  // Some news of what has spoilt, before it can be repaired.
  for (int i = 1; i <= 8; ++i)
    timeline_.after(away + milliseconds(20 * i), [this, &node] {
      if (!healing_) write_shared(node);
    });
  for (const std::string_view scope : {shared_scope, tags_scope}) {
    const auto here = node.on_platter(std::string(scope)), root = nodes_[0]->on_platter(std::string(scope));
    if (!here || !root || !root->covers(*here)) continue;
    for (std::uint64_t rows = extra_random_.below(4); rows > 0; --rows)
      if (node.spoil(std::string(scope), extra_random_)) ++struck_[Fault::bit_rot];
  }
}

}  // namespace edgesync::sim
