// SPDX-License-Identifier: Apache-2.0
#include "sim/copies.hpp"

#include "sim/checks.hpp"
#include "sim/machine.hpp"
#include "sim/timeline.hpp"

#include <algorithm>

namespace edgesync::sim {
namespace {

class Copies {
 public:
  explicit Copies(const CopiesPlan& plan) : plan_(plan), random_(plan.seed) {
    for (int i = 0; i < 4; ++i) {
      machines_.push_back(std::make_unique<Machine>(i == 0, std::make_unique<Disk>(random_.next()), next_place_++));
      open(*machines_.back());
    }
  }

  CopiesReport run() {
    for (int i = 0; i < 220 && !report_.violation; ++i) step();
    if (!report_.violation) rest();
    if (!report_.violation) final_checks();
    machines_.clear();
    return report_;
  }

 private:
  void open(Machine& machine) {
    machine.chunks = plan_.chunks;
    machine.open(random_.next(), now_);
  }
  Machine& hub() { return *machines_[0]; }
  Machine& any() { return *machines_[random_.below(machines_.size())]; }
  std::size_t any_node() { return 1 + random_.below(machines_.size() - 1); }
  void violate(std::string what) {
    if (!report_.violation) report_.violation = std::move(what);
  }

  void step() {
    for (std::size_t i = 1; i < machines_.size(); ++i)
      if (machines_[i]->link && ended(*machines_[i])) unlink(*machines_[i]);
    pass(std::chrono::milliseconds(random_.below(20)));
    const std::uint64_t dice = random_.below(1000);
    const std::size_t node = any_node();
    if (dice < 300) return write(any());
    if (dice < 360) return append(*machines_[node]);
    if (dice < 520) return commit(any());
    if (dice < 860) return carry(node);
    if (dice < 890) return unlink(*machines_[node]);
    if (dice < 920) return restart(random_.one_in(4) ? 0 : node);
    if (dice < 950) return clone(node);
    if (dice < 975) return take_image(plan_.hub_too && random_.one_in(3) ? 0 : node);
    if (dice < 992) return restore();
    if (random_.one_in(3)) wipe(node);
  }

  // --- work ---
  void write(Machine& at) {
    Edit edit;
    std::vector<std::int64_t> written;
    for (std::uint64_t left = 1 + random_.below(2); left > 0; --left) {
      const std::string leaf = std::to_string(random_.below(3));
      const std::string key = std::string(1, "ab"[random_.below(2)]) + "/" + leaf;
      const std::uint64_t dice = random_.below(10);
      if (dice < 7) {
        edit.set(key, written.emplace_back(++last_value_));
      } else if (dice < 9) {
        edit.erase(key);
      } else {
        edit.erase_prefix(key.substr(0, 1));
      }
    }
    const auto before = at.values();
    at.write(edit, now_);
    const auto after = at.values();
    for (const std::int64_t value : before)
      if (!after.contains(value)) excused_.insert(value);
    for (const std::int64_t value : written) {
      if (!after.contains(value)) excused_.insert(value);
      at.unpromised.push_back(value);
    }
  }
  void append(Machine& at) {
    at.append(++last_value_, now_);
    at.unpromised.push_back(last_value_);
  }
  void commit(Machine& at) {
    if (!at.commit()) return;
    promised_.insert(at.unpromised.begin(), at.unpromised.end());
    at.unpromised.clear();
    if (!plan_.lies || at.hub) return;
    at.former.push_back(at.disk->durable_copy());
    if (at.former.size() > 8) at.former.pop_front();
  }
  void pass(Span time) {
    now_.monotonic += time;
    now_.wall += time;
    for (const auto& machine : machines_) machine->engine->tick(now_);
  }

  // --- links ---
  void link(Machine& node) {
    if (node.link) return;
    node.peer = hub().engine->open_link(sync::Role::hub, {{}, "copies"}, now_);
    node.link = node.engine->open_link(sync::Role::node, {"good", "copies"}, now_);
  }
  void unlink(Machine& node) {
    if (!node.link) return;
    const Error cut(Errc::unreachable, "cut");
    hub().engine->closed(*std::exchange(node.peer, {}), cut, now_);
    node.engine->closed(*std::exchange(node.link, {}), cut, now_);
    listen(node);
    listen(hub());
  }
  void carry(std::size_t index) {
    Machine& node = *machines_[index];
    if (!plan_.together) leave_alone(index);
    link(node);
    for (std::uint64_t left = 1 + random_.below(8); left > 0; --left) {
      const bool up = random_.one_in(2);
      if (!(up ? carry_up(node) : carry_down(node)) && ended(node)) return unlink(node);
    }
  }
  /// With the hub; what the others brought is settled first.
  void leave_alone(std::size_t index) {
    for (std::size_t i = 1; i < machines_.size(); ++i)
      if (i != index) unlink(*machines_[i]);
    commit(hub());
  }
  bool carry_up(Machine& node) {
    const auto frame = node.engine->next_frame(*node.link, now_);
    if (frame) hub().engine->received(*node.peer, *frame, now_);
    return frame.has_value();
  }
  bool carry_down(Machine& node) {
    const auto frame = hub().engine->next_frame(*node.peer, now_);
    if (frame) node.engine->received(*node.link, *frame, now_);
    return frame.has_value();
  }
  bool ended(Machine& node) { return node.engine->ending(*node.link) || hub().engine->ending(*node.peer); }
  void listen(Machine& at) {
    for (const Event& event : at.engine->take_events()) {
      if (event.kind == EventKind::identity) ++report_.identities;
      if (event.kind == EventKind::diverged) violate("O1: a divergence was told: " + event.scope);
      const bool fault = event.error.is(Errc::protocol_violation) || event.error.is(Errc::limit_exceeded);
      if (event.kind == EventKind::unlinked && fault) violate("O15: a link ended: " + event.error.detail);
    }
  }

  // --- disks ---
  void restart(std::size_t index) {
    Machine& at = *machines_[index];
    part(index);
    const bool power = random_.one_in(2);
    if (power && !at.former.empty()) return regress(index);
    if (power)
      at.disk->crash(true), lose_unpromised(at);
    else
      commit(at);
    open(at);
  }
  /// The power goes at a disk that had not written what it said.
  void regress(std::size_t index) {
    Machine& at = *machines_[index];
    ++report_.lies;
    replace(index, std::move(at.former[random_.below(at.former.size())]), at.place);
  }
  void part(std::size_t index) {
    if (index > 0) return unlink(*machines_[index]);
    for (std::size_t i = 1; i < machines_.size(); ++i) unlink(*machines_[i]);
  }
  void lose_unpromised(Machine& at) { at.unpromised.clear(); }
  std::uint64_t place_of_copy(const Machine& original) {
    return random_.below(100) < plan_.noticed ? next_place_++ : original.place;
  }
  void clone(std::size_t index) {
    if (machines_.size() == 8) return;
    Machine& original = *machines_[index];
    ++report_.copies;
    machines_.push_back(std::make_unique<Machine>(false, original.disk->durable_copy(), place_of_copy(original)));
    open(*machines_.back());
  }
  void take_image(std::size_t index) { images_.emplace_back(index, machines_[index]->disk->durable_copy()); }
  void restore() {
    if (images_.empty()) return;
    const auto& [index, image] = images_[random_.below(images_.size())];
    ++(index == 0 ? report_.hub_restores : report_.restores);
    replace(index, image->durable_copy(), place_of_copy(*machines_[index]));
  }
  void wipe(std::size_t index) {
    ++report_.wipes;
    replace(index, std::make_unique<Disk>(random_.next()), machines_[index]->place);
  }
  /// What is on that disk alone is gone, and nobody can help it.
  void replace(std::size_t index, std::unique_ptr<Disk> disk, std::uint64_t place) {
    part(index);
    std::set<std::int64_t> elsewhere;
    for (std::size_t i = 0; i < machines_.size(); ++i)
      if (i != index) elsewhere.merge(machines_[i]->held());
    for (const std::int64_t value : machines_[index]->held())
      if (!elsewhere.contains(value)) excused_.insert(value);
    if (index == 0) excuse_trimmed();
    const bool is_hub = machines_[index]->hub;
    machines_[index].reset();
    machines_[index] = std::make_unique<Machine>(is_hub, std::move(disk), place);
    open(*machines_[index]);
  }

  /// Records that the hub had and some node has trimmed: it goes on above them, whoever else may still hold them.
  void excuse_trimmed() {
    for (const auto& [value, record] : hub().records())
      for (std::size_t i = 1; i < machines_.size(); ++i)
        if (machines_[i]->may_forget(record)) excused_.insert(value);
  }

  // --- the end ---
  void rest() {
    part(0);
    for (int round = 0; round < 4; ++round)
      for (std::size_t i = 1; i < machines_.size() && !report_.violation; ++i) meet(*machines_[i]);
  }
  void meet(Machine& node) {
    Error last;
    for (int attempt = 0; attempt < 24; ++attempt) {
      unlink(node);
      commit(node), commit(hub());
      link(node);
      settle(node);
      if (!ended(node)) return unlink(node);
      last = node.engine->ending(*node.link).value_or(hub().engine->ending(*node.peer).value_or(Error{}));
    }
    violate("O16: a node and the hub never stay linked: " + last.detail);
  }
  void settle(Machine& node) {
    for (int rounds = 0; rounds < 10'000; ++rounds) {
      bool moved = carry_up(node);
      moved = carry_down(node) || moved;
      moved = node.commits_now() || hub().commits_now() || moved;
      commit(node), commit(hub());
      if (moved) continue;
      const Instant due = std::min(hub().engine->deadline(), node.engine->deadline());
      if (due > now_.monotonic + std::chrono::milliseconds(10)) return;
      pass(std::max(std::chrono::duration_cast<Span>(due - now_.monotonic), Span(1)));
    }
    violate("O16: a node and the hub never come to rest");
  }
  void final_checks() {
    report_.promised = promised_.size();
    const std::set<std::int64_t> held = hub().held();
    for (const std::int64_t value : promised_)
      if (!excused_.contains(value) && !held.contains(value))
        return violate("O4: the hub lacks " + std::to_string(value) + ", which was promised");
    for (const auto& machine : machines_) {
      if (auto broken = sound(*machine->store)) return violate("O10: " + *broken);
      if (machine.get() == &hub()) continue;
      if (auto differs = same_content(*machine->store, *hub().store)) return violate("O1: " + *differs);
    }
  }

  CopiesPlan plan_;
  Xoshiro random_;
  Now now_{Instant(std::chrono::hours(1)), Timestamp(std::chrono::seconds(1'790'000'000))};
  std::vector<std::unique_ptr<Machine>> machines_;  // the hub first
  std::vector<std::pair<std::size_t, std::unique_ptr<Disk>>> images_;
  std::set<std::int64_t> promised_, excused_;
  std::int64_t last_value_ = 0;
  std::uint64_t next_place_ = 1;
  CopiesReport report_{};
};

}  // namespace

CopiesReport run_copies(const CopiesPlan& plan) { return Copies(plan).run(); }

}  // namespace edgesync::sim
