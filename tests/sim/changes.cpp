// SPDX-License-Identifier: Apache-2.0
#include "sim/changes.hpp"

#include <algorithm>

namespace edgesync::sim {
namespace {

constexpr Span shortest = std::chrono::milliseconds(200);

bool switch_off(bool& on) { return std::exchange(on, false); }

bool drop_part(Plan& plan, std::string_view part) {
  for (std::size_t i = 0; i < Faults::size; ++i)
    if (part == fault_names.at(i)) return switch_off(plan.faults.at(i));
  Work& work = plan.work;
  if (part == "streams") return switch_off(work.streams);
  if (part == "config") return switch_off(work.config);
  if (part == "counters") return switch_off(work.counters);
  if (part == "prefixes") return switch_off(work.prefixes);
  if (part == "private") return switch_off(work.private_scopes);
  if (part == "bulk") return switch_off(work.bulk);
  if (part == "bursts") return switch_off(work.bursts);
  if (part == "roaming") return switch_off(work.roaming);
  if (part == "samples") return switch_off(work.samples);
  if (part == "previews") return switch_off(work.previews);
  if (part == "pacing") {
    const sync::Pacing pacing = std::exchange(work.pacing, {});
    return pacing.interval.count() > 0 || pacing.bandwidth > 0;
  }
  if (part == "extras") return drop_extras(plan), true;
  return part == "upkeep" && switch_off(work.upkeep);
}

bool drop_nodes(Plan& plan, std::size_t left) {
  if (left < 2 || left >= plan.nodes.size()) return false;
  plan.nodes.resize(left);
  return true;
}

std::vector<std::string> candidates(const Plan& plan) {
  std::vector<std::string> all{"chaos/2"};
  for (std::size_t left = 2; left < plan.nodes.size(); ++left) all.push_back("nodes=" + std::to_string(left));
  for (const char* fault : fault_names) all.push_back(std::string("-") + fault);
  for (const char* part : {"-streams", "-config", "-counters", "-prefixes", "-private", "-upkeep", "-bulk", "-bursts",
                           "-roaming", "-samples", "-previews", "-pacing"})
    all.push_back(part);
  all.insert(all.end(), {"work/2", "faults/2"});
  return all;
}

}  // namespace

bool change(Plan& plan, std::string_view how) {
  if (how.starts_with('-')) return drop_part(plan, how.substr(1));
  if (how.size() == 7 && how.starts_with("nodes=")) return drop_nodes(plan, static_cast<std::size_t>(how[6] - '0'));
  if (how == "work/2") return plan.work.every *= 2, plan.work.every < plan.chaos;
  if (how == "faults/2") return plan.fault_every *= 2, plan.fault_every < plan.chaos;
  if (how != "chaos/2" || plan.chaos / 2 < shortest) return false;
  plan.chaos /= 2;
  return true;
}

bool change_all(Plan& plan, std::string_view how) {
  while (!how.empty()) {
    const std::size_t end = std::min(how.find(','), how.size());
    if (!change(plan, how.substr(0, end))) return false;
    how.remove_prefix(std::min(end + 1, how.size()));
  }
  return true;
}

std::string oracle_of(std::string_view violation) { return std::string(violation.substr(0, violation.find(':'))); }

std::string shrink(const Plan& plan, std::string_view oracle) {
  Plan smallest = plan;
  std::string done;
  for (bool shrunk = true; std::exchange(shrunk, false);)
    for (const std::string& how : candidates(smallest)) {
      Plan smaller = smallest;
      if (!change(smaller, how)) continue;
      const Report report = run_plan(smaller);
      if (!report.violation || oracle_of(*report.violation) != oracle) continue;
      smallest = std::move(smaller);
      done += (done.empty() ? "" : ",") + how;
      shrunk = true;
    }
  return done;
}

}  // namespace edgesync::sim
