// SPDX-License-Identifier: Apache-2.0
#include "sim/plan.hpp"

#include "stream/segment.hpp"

#include <array>

namespace edgesync::sim {
namespace {

using std::chrono::milliseconds;

constexpr auto first_faults = static_cast<std::size_t>(Fault::flaps);  // those after it are among the extras
constexpr auto late_faults = static_cast<std::size_t>(Fault::bit_rot);

template <class T, std::size_t n>
T pick(Random& random, const std::array<T, n>& of) {
  return of[random.below(n)];
}

Span between(Random& random, Span low, Span high) {
  return low + Span(static_cast<Span::rep>(random.below(static_cast<std::uint64_t>((high - low).count()) + 1)));
}

NodePlan make_node(Random& random) {
  NodePlan node;
  node.begin_to_write = between(random, Span(0), Span(3'000));
  node.write_time =
      random.one_in(5) ? between(random, Span(20'000), Span(400'000)) : between(random, Span(100), Span(9'000));
  node.memtable_bytes = pick(random, std::array<std::size_t, 3>{2'000, 20'000, 512 * 1024});
  if (random.one_in(4)) node.wall_offset = between(random, -std::chrono::hours(24 * 400), std::chrono::hours(24 * 400));
  node.tags = !random.one_in(6);
  if (random.one_in(4)) node.drift_ppm = static_cast<std::int64_t>(random.below(1'000)) - 500;
  return node;
}

std::vector<NodePlan> make_nodes(Random& random) {
  std::vector<NodePlan> nodes;
  const bool relay = random.one_in(3);
  const std::size_t edges = 2 + random.below(4);
  nodes.push_back(make_node(random));
  nodes[0].hub = true;
  if (relay) {
    nodes.push_back(make_node(random));
    nodes[1].hub = true;
    nodes[1].uplink = 0;
    nodes[1].tags = true;  // its nodes want them
  }
  for (std::size_t i = 0; i < edges; ++i) {
    nodes.push_back(make_node(random));
    nodes.back().uplink = relay && random.one_in(2) ? 1 : 0;
  }
  return nodes;
}

sync::Limits make_limits(Random& random) {
  sync::Limits limits;
  limits.search_entries_min = pick(random, std::array<std::size_t, 3>{1, 8, 256});
  limits.part_bytes = pick(random, std::array<std::size_t, 4>{200, 1'000, 4'000, 32 * 1024});
  limits.patch_bytes_min = limits.part_bytes;
  limits.frame_bytes = pick(random, std::array<std::size_t, 4>{300, 2'000, 8'000, 64 * 1024});
  limits.cut_bytes = pick(random, std::array<std::size_t, 4>{150, 600, 3'000, 1u << 20});
  limits.chunk_bytes = pick(random, std::array<std::size_t, 3>{300, 1'500, 5'000});
  limits.chunk_window = pick(random, std::array<std::size_t, 3>{1, 2'000, 1u << 20});
  limits.outgoing_bytes = 4 * limits.cut_bytes;
  limits.outgoing_spent = 200;
  limits.segment_window = pick(random, std::array<std::size_t, 3>{400, 5'000, 1u << 20});
  limits.heartbeat = pick(random, std::array{milliseconds(300), milliseconds(2'000), milliseconds(20'000)});
  limits.hello = pick(random, std::array{milliseconds(2'000), milliseconds(10'000)});
  limits.ack = pick(random, std::array{milliseconds(3'000), milliseconds(15'000), milliseconds(60'000)});
  limits.doubt = limits.ack;
  return limits;
}

Faults make_faults(Random& random) {
  // A mask with one to all bits: a seed without a fault now and then shows what the faults are blamed for.
  const std::uint64_t density = random.below(4);
  const auto on = [&] { return density > 0 && random.below(4) < density; };
  Faults faults;
  for (std::size_t i = 0; i < first_faults; ++i) faults.at(i) = on();
  return faults;
}

}  // namespace

/// What came later is drawn from a generator of its own: the seeds that were kept mean what they meant.
void add_extras(Plan& plan) {
  Xoshiro random(plan.seed ^ 0x66);
  for (std::size_t i = first_faults; i < late_faults; ++i) plan.faults.at(i) = random.one_in(3);
  Work& work = plan.work;
  work.bulk = work.streams && plan.weather.bandwidth >= 100'000 && random.one_in(3);
  // What answers a hub may have to wait behind a segment, which is one frame.
  const auto patience = static_cast<std::uint64_t>(plan.limits.ack.count());
  work.bulk = work.bulk && plan.weather.bandwidth * patience / 1'000 >= 1'000'000;
  // What no honest sender has in flight: the window and the segment that filled it, twice.
  constexpr std::size_t segment_bytes_most = stream::segment_cut_bytes + stream::segment_cut_bytes / 16;
  if (work.bulk) plan.limits.unsettled_bytes = 2 * (plan.limits.segment_window + segment_bytes_most);
  work.bursts = random.one_in(8);
  work.roaming = plan.nodes[1].hub && random.one_in(2);
  work.samples = work.streams && random.one_in(4);
  plan.faults[Fault::bit_rot] = random.one_in(4);
  work.previews = random.one_in(4);
  if (random.one_in(4)) work.pacing.interval = milliseconds(50 + random.below(3'000));
  if (random.one_in(4)) work.pacing.bandwidth = 4'000 + random.below(100'000);
  if (work.bulk && work.pacing.bandwidth > 0) work.pacing.bandwidth += 100'000;  // it has to end
  work.pacing.backfill_share = static_cast<unsigned>(random.below(101));
  work.seal_segments = pick(random, std::array<std::size_t, 4>{0, 2, 4, 64});
  plan.limits.backlog_records = pick(random, std::array<std::uint64_t, 3>{1, 20, 4'096});
}

/// By randomness of its own, too.
void draw_budget(Plan& plan) {
  Xoshiro random(plan.seed ^ 0x77);
  Work& work = plan.work;
  if (!work.streams || random.one_in(2)) return;
  stream::Budget& budget = work.budget.emplace();
  if (random.one_in(2)) budget.retention = between(random, milliseconds(600), std::chrono::seconds(4));
  if (!random.one_in(3)) budget.quota = pick(random, std::array<std::uint64_t, 4>{200, 600, 2'000, 10'000});
  budget.overflow = pick(random, std::array{Overflow::drop_oldest, Overflow::drop_oldest, Overflow::drop_newest,
                                            Overflow::reject, Overflow::thin(3)});
  if (random.one_in(4)) work.stream_bytes = 300 + random.below(5'000);
}

Plan make_script() {
  Plan plan;
  plan.nodes.resize(2);
  plan.nodes[0].hub = true;
  plan.nodes[1].uplink = 0;
  plan.scripted = true;
  plan.chaos = milliseconds(900);
  plan.work.keys = 3;
  plan.limits.part_bytes = 200;
  plan.limits.frame_bytes = 300;
  plan.limits.search_entries_min = 1;
  plan.limits.heartbeat = milliseconds(2'000);
  plan.limits.ack = milliseconds(3'000);
  return plan;
}

Plan make_plan(std::uint64_t seed) {
  Xoshiro random(seed);
  Plan plan;
  plan.seed = seed;
  plan.nodes = make_nodes(random);
  plan.limits = make_limits(random);
  plan.weather.latency = between(random, Span(200), Span(80'000));
  plan.weather.jitter = between(random, Span(0), Span(100'000));
  plan.weather.bandwidth = pick(random, std::array<std::uint64_t, 3>{4'000, 100'000, 10'000'000});
  plan.faults = make_faults(random);
  plan.work.every = between(random, Span(10'000), Span(150'000));
  plan.work.keys = 2 + random.below(12);
  plan.work.value_bytes = pick(random, std::array<std::size_t, 3>{8, 60, 700});
  plan.work.edit_ops = pick(random, std::array<std::size_t, 3>{2, 5, 30});
  plan.work.streams = !random.one_in(3);
  plan.work.config = !random.one_in(3);
  plan.work.counters = !random.one_in(3);
  plan.work.prefixes = !random.one_in(3);
  plan.work.private_scopes = random.one_in(2);
  plan.work.upkeep = random.one_in(2);
  // Many short seeds and a few long ones: most of what is rare comes from the draw, not from the length.
  plan.chaos = random.one_in(6) ? between(random, std::chrono::seconds(6), std::chrono::seconds(15))
                                : between(random, milliseconds(1'500), std::chrono::seconds(6));
  plan.fault_every = between(random, milliseconds(200), milliseconds(3'000));
  add_extras(plan);
  draw_budget(plan);
  plan.work.signs = plan.work.streams && plan.nodes[1].hub && Xoshiro(seed ^ 0x88).one_in(2);
  return plan;
}

void drop_extras(Plan& plan) {
  for (std::size_t i = first_faults; i < Faults::size; ++i) plan.faults.at(i) = false;
  plan.work.bulk = plan.work.bursts = plan.work.roaming = plan.work.samples = plan.work.signs = false;
  plan.work.budget.reset();
  plan.work.stream_bytes = 0;
  plan.limits.unsettled_bytes = sync::Limits{}.unsettled_bytes;
}

std::string describe(const Plan& plan) {
  std::string text =
      std::to_string(plan.nodes.size()) + " nodes" + (plan.nodes[1].hub ? " with a relay" : "") + ", faults:";
  for (std::size_t i = 0; i < Faults::size; ++i)
    if (plan.faults.at(i)) text += std::string(" ") + fault_names[i];
  return text;
}

}  // namespace edgesync::sim
