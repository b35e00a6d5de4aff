// SPDX-License-Identifier: Apache-2.0
// The planted bugs that the simulator must notice, and within how many seeds.
#pragma once

#include "base/planted.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace edgesync::sim {

struct PlantedBug {
  Bug bug{};
  const char* name = "";
  std::uint64_t seeds = 2'000;  ///< Within which it must be noticed; 0: `test` must fail instead.
  const char* test = nullptr;   ///< That plants it where fleets of this kind cannot come to harm by it.
};

inline constexpr std::array planted_bugs{
    PlantedBug{Bug::prune_loser, "prune_loser", 20},
    PlantedBug{Bug::ignore_floors, "ignore_floors"},
    PlantedBug{Bug::partial_delta, "partial_delta", 20},
    PlantedBug{Bug::ack_before_commit, "ack_before_commit", 60},
    PlantedBug{Bug::ship_before_durable, "ship_before_durable", 60},
    PlantedBug{Bug::skip_base_check, "skip_base_check", 0, "Oracle.CatchesASkippedBaseCheckWithinTenSeeds"},
    PlantedBug{Bug::forget_context, "forget_context", 10},
    PlantedBug{Bug::tear_transaction, "tear_transaction", 20},
    PlantedBug{Bug::synchronous_normal, "synchronous_normal"},
    PlantedBug{Bug::trust_cache, "trust_cache"},
    PlantedBug{Bug::retry_sync, "retry_sync"},
    PlantedBug{Bug::ignore_full, "ignore_full"},
    PlantedBug{Bug::reuse_sequence, "reuse_sequence"},
    PlantedBug{Bug::skip_dedupe, "skip_dedupe"},
    PlantedBug{Bug::apply_over_gap, "apply_over_gap", 0, "Gap.IsMissedIfItIsSteppedOver"},
    PlantedBug{Bug::trim_at_ack, "trim_at_ack"},
    PlantedBug{Bug::stable_at_relay, "stable_at_relay"},
    PlantedBug{Bug::count_twice, "count_twice"},
    PlantedBug{Bug::blind_range, "blind_range"},
    PlantedBug{Bug::resurrect, "resurrect"},
    PlantedBug{Bug::forget_removals, "forget_removals"},
    PlantedBug{Bug::evict_silently, "evict_silently"},
    PlantedBug{Bug::lose_part, "lose_part"},
    PlantedBug{Bug::assume_sent, "assume_sent"},
    PlantedBug{Bug::ignore_resync, "ignore_resync"},
    PlantedBug{Bug::ignore_window, "ignore_window"},
    PlantedBug{Bug::trust_silence, "trust_silence"},
    PlantedBug{Bug::no_jitter, "no_jitter"},
    PlantedBug{Bug::follow_wall, "follow_wall"},
    PlantedBug{Bug::wrap_counter, "wrap_counter"},
    PlantedBug{Bug::absorb_far, "absorb_far"},
    PlantedBug{Bug::hide_own_writes, "hide_own_writes"},
    PlantedBug{Bug::accept_equal_version, "accept_equal_version"},
    PlantedBug{Bug::reset_nothing, "reset_nothing"},
    PlantedBug{Bug::overwrite_all, "overwrite_all"},
    PlantedBug{Bug::ack_one_more, "ack_one_more"},
    PlantedBug{Bug::rollback_skips_key, "rollback_skips_key"},
    PlantedBug{Bug::drop_before_ack, "drop_before_ack"},
    PlantedBug{Bug::count_drops_twice, "count_drops_twice"},
    PlantedBug{Bug::age_by_wall, "age_by_wall"},
    PlantedBug{Bug::lose_tail_row, "lose_tail_row"},
    PlantedBug{Bug::skip_audit, "skip_audit", 0, "CopiedDisksLose"},
    PlantedBug{Bug::skip_environment, "skip_environment", 0, "CopiedDisksLose"},
    PlantedBug{Bug::skip_former, "skip_former", 0, "CopiedDisksLose"},
};

static_assert(std::all_of(planted_bugs.begin(), planted_bugs.end(),
                          [](const PlantedBug& planted) { return planted.seeds > 0 || planted.test != nullptr; }));

constexpr std::optional<Bug> bug_named(std::string_view name) {
  for (const PlantedBug& planted : planted_bugs)
    if (name == planted.name) return planted.bug;
  return std::nullopt;
}

constexpr const char* name_of(Bug bug) {
  for (const PlantedBug& planted : planted_bugs)
    if (planted.bug == bug) return planted.name;
  return "none";
}

}  // namespace edgesync::sim
