// SPDX-License-Identifier: Apache-2.0
#include "rollouts.hpp"

#include "fields.hpp"

#include <limits>

namespace program {
namespace {

template <class Number>
void read(Fields& fields, std::string_view name, Number& number) {
  const std::uint64_t found = fields.number_or(name, number);
  if (found > std::numeric_limits<Number>::max()) fields.fail(name, "too large");
  number = static_cast<Number>(found);
}

es::Result<es::RolloutWave> to_wave(const json::value& from, const std::string& where) {
  const json::object* object = from.if_object();
  if (object == nullptr) return invalid(where, "not an object");
  es::RolloutWave wave;
  Fields fields(*object, where + ".");
  if (const json::value* labels = fields.find("labels")) {
    const json::object* texts = labels->if_object();
    if (texts == nullptr) fields.fail("labels", "not an object");
    for (const auto& [key, value] : texts != nullptr ? *texts : json::object()) {
      const json::string* text = value.if_string();
      if (text == nullptr) return invalid(where + ".labels", "not texts");
      wave.labels.emplace(key, *text);
    }
  }
  std::uint32_t soak = 0;
  read(fields, "percent", wave.percent);
  read(fields, "reported_min", wave.gate.reported_min);
  read(fields, "success_percent", wave.gate.success_percent);
  read(fields, "error_percent", wave.gate.error_percent);
  read(fields, "soak_s", soak);
  wave.gate.soak = std::chrono::seconds(soak);
  wave.gate.approval = fields.flag_or("approval", false);
  if (auto checked = fields.check(); !checked) return checked.error();
  return wave;
}

json::object from_counts(const es::WaveCounts& counts) {
  return {
      {"untouched", counts.untouched}, {"staged", counts.staged}, {"active", counts.active}, {"failed", counts.failed}};
}

}  // namespace

es::Result<es::RolloutPlan> to_plan(const json::value& from) {
  const json::object* object = from.if_object();
  if (object == nullptr) return invalid("plan", "not an object");
  Fields fields(*object, "plan.");
  const json::array* waves = fields.array("waves");
  if (auto checked = fields.check(); !checked) return checked.error();
  es::RolloutPlan plan;
  for (const json::value& one : *waves) {
    auto wave = to_wave(one, "plan.waves[" + std::to_string(plan.waves.size()) + "]");
    if (!wave) return wave.error();
    plan.waves.push_back(std::move(*wave));
  }
  return plan;
}

json::object from_rollout(const es::RolloutStatus& status) {
  json::object out{
      {"version", status.version}, {"version_id", status.id}, {"phase", es::name(status.phase)}, {"open", status.open}};
  if (status.passed_since != es::Timestamp{}) out["passed_since_us"] = status.passed_since.time_since_epoch().count();
  if (!status.reason.empty()) out["reason"] = status.reason;
  return out;
}

es::Result<json::object> from_rollout(const es::Rollout& rollout, const es::State& fleet) {
  const auto status = rollout.status();
  if (!status) return status.error();
  const auto counts = rollout.counts(fleet);
  if (!counts) return counts.error();
  json::array waves;
  for (const es::WaveCounts& wave : *counts) waves.push_back(from_counts(wave));
  json::object out = from_rollout(*status);
  out["waves"] = std::move(waves);
  return out;
}

es::Result<void> order(es::Rollout rollout, std::string_view what, std::uint32_t wave) {
  if (what == "pause") return rollout.pause();
  if (what == "resume") return rollout.resume();
  if (what == "approve") return rollout.approve(wave);
  if (what == "abort") return rollout.abort();
  return invalid("do", "not start, status, pause, resume, approve or abort");
}

}  // namespace program
