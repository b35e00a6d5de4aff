// SPDX-License-Identifier: Apache-2.0
// Plan: what one seed means. Swarm style: each seed draws its fleet, its limits (small on purpose), its workload and a
// random subset of the faults, so that some seeds suffer one fault much and others many a little.
#pragma once

#include "sim/faults.hpp"
#include "sim/network.hpp"
#include "stream/budget.hpp"
#include "sync/limits.hpp"

#include <optional>
#include <string>
#include <vector>

namespace edgesync::sim {

struct NodePlan {
  bool hub = false;        ///< Listens.
  NodeNumber uplink = -1;  ///< Whom it dials; -1: the root.
  Span begin_to_write{0};  ///< From begin_flush() until write() runs.
  Span write_time{1'000};  ///< From write() until finish(); a slow disk.
  std::size_t memtable_bytes = 512 * 1024;
  Span wall_offset{0};  ///< Of its clock, from the true time.
  std::int64_t drift_ppm = 0;
  bool tags = true;  ///< Subscribes to the scope of the tags.
};

/// One fault at one operation of one node's disk: what the exhaustive runs try for every operation.
struct Blow {
  NodeNumber node = 0;
  std::uint64_t operation = 0;   ///< Counted from the first start; 0: none.
  Fault as = Fault::power_cuts;  ///< crashes, power_cuts, write_errors or disk_full.
};

struct Work {
  Span every{50'000};    ///< Mean time between two operations in the fleet.
  std::size_t keys = 6;  ///< Fewer keys, more conflicts.
  std::size_t value_bytes = 60;
  std::size_t edit_ops = 5;  ///< At most, of a transaction.
  bool streams = true, config = true, counters = true, prefixes = true, private_scopes = false;
  bool upkeep = true;     ///< Removal records are evicted early, so that deltas below the floors are asked for.
  bool bulk = false;      ///< More records, which do not compress, than the window lets through at once.
  bool bursts = false;    ///< Hundreds of transactions in one instant.
  bool roaming = false;   ///< Nodes go from the relay to the root and back.
  bool samples = false;   ///< A record every few milliseconds for a while, on whatever disk.
  sync::Pacing pacing{};  ///< Of every link to a hub.
  std::size_t seal_segments = 64;
  bool previews = false;                   ///< What has come of a first bootstrap is shown.
  std::optional<stream::Budget> budget{};  ///< Of the edges' streams.
  std::uint64_t stream_bytes = 0;          ///< ... of all together; 0: any number.
  bool signs = false;                      ///< Records that the relay is given have their origin's signature.
};

struct Plan {
  std::uint64_t seed = 0;
  std::vector<NodePlan> nodes{};
  sync::Limits limits{};
  Weather weather{};
  Faults faults{};
  Work work{};
  Span chaos{20'000'000};
  Span fault_every{2'000'000};  ///< Mean time between two faults.
  bool scripted = false;        ///< Six operations, one after the other, instead of work and trouble.
  Blow blow{};
  std::uint64_t cut_at = 0;      ///< The first connection ends at this byte of what the node sends; 0: it does not.
  std::uint64_t allocation = 0;  ///< Of SQLite, from the first start, that fails; 0: none.
  bool cut_hub = false;          ///< ... of what the hub sends.
};

/// A hub and a node, six scripted operations and nothing else, for exhaustive runs.
Plan make_script();
Plan make_plan(std::uint64_t seed);
/// The plan as it would be without what seeds have come to mean since the first of them were kept in regressions.txt.
void drop_extras(Plan& plan);
std::string describe(const Plan& plan);

}  // namespace edgesync::sim
