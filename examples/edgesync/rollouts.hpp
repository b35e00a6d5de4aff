// SPDX-License-Identifier: Apache-2.0
// Rollouts in JSON: a plan in, and how far one is out.
#pragma once

#include "json.hpp"

namespace program {

/// {"waves":[{"labels":{"pool":"canary"},"percent":10,"reported_min":1,"success_percent":95,"error_percent":5,
/// "soak_s":3600,"approval":true},{}]}: what is left out is as in rollout_plan.hpp. Fails with: invalid_argument.
es::Result<es::RolloutPlan> to_plan(const json::value& from);

json::object from_rollout(const es::RolloutStatus& status);
/// The same with the nodes of each wave, as far as this database knows the fleet.
es::Result<json::object> from_rollout(const es::Rollout& rollout, const es::State& fleet);

/// "pause", "resume", "approve" (a wave) or "abort". Fails with: invalid_argument (another word); not_found.
es::Result<void> order(es::Rollout rollout, std::string_view what, std::uint32_t wave);

}  // namespace program
