// SPDX-License-Identifier: Apache-2.0
// RolloutPlan: how a config version reaches a fleet, in waves, each of which opens once the one before has shown that
// the version is good. All types here are plain values.
#pragma once

#include <edgesync/versions.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace edgesync {

/// What a node says of itself (NodeOptions::labels), and what a wave asks for: "pool" -> "canary".
using Labels = std::map<std::string, std::string>;

/// When a wave has shown enough. A node has reported once it has the version in use for good (VersionRole::active), or
/// has refused it or left it again. Those that are offline have not, and hold up nobody.
struct RolloutGate {
  /// So many nodes of the wave must have reported before anything is concluded. Of the last wave all are enough, even
  /// none.
  std::uint32_t reported_min = 1;
  unsigned success_percent = 95;  ///< Of those that have reported so many have it in use; 0 to 100.
  unsigned error_percent = 5;     ///< As soon as so many have failed, at least one, the rollout stops; 1 to 100.
  std::chrono::seconds soak{0};   ///< For so long all that must have held; up to 30 days.
  bool approval = false;          ///< Only Rollout::approve() opens the next wave.
  bool operator==(const RolloutGate&) const = default;
};

/// A node belongs to the first wave that takes it in.
struct RolloutWave {
  Labels labels{};         ///< All of these a node must have.
  unsigned percent = 100;  ///< Of those nodes so many, 1 to 100, drawn by a hash of the node's name and the version.
  RolloutGate gate{};
  bool operator==(const RolloutWave&) const = default;
};

struct RolloutPlan {
  /// 1 to 16; the last takes in everybody. Once its gate is passed the version is what every node gets.
  std::vector<RolloutWave> waves{};
  bool operator==(const RolloutPlan&) const = default;
};

enum class RolloutPhase : std::uint8_t {
  waiting = 1,  ///< No controller has opened a wave yet.
  running,
  paused,      ///< Nodes that have not taken the version yet do not begin to.
  done,        ///< The version is the one for everybody.
  stopped,     ///< Too many nodes failed.
  aborted,     ///< An administrator ended it.
  superseded,  ///< A later version was published for everybody.
};

/// "waiting", "running", "paused", "done", "stopped", "aborted" or "superseded".
EDGESYNC_EXPORT const char* name(RolloutPhase phase) noexcept;

/// Nodes of one wave, by what the version is to them. Their sum is what is known of the wave.
struct WaveCounts {
  std::uint64_t untouched = 0;  ///< It is nothing to them yet.
  std::uint64_t staged = 0;     ///< They have it, and it is not in use, or on trial.
  std::uint64_t active = 0;     ///< It is in use, and was found good.
  std::uint64_t failed = 0;     ///< They refused it, or went back from it.
  bool operator==(const WaveCounts&) const = default;
};

struct RolloutStatus {
  std::uint64_t version = 0;  ///< Its number and id.
  std::string id{};
  RolloutPlan plan{};
  RolloutPhase phase{};
  std::uint32_t open = 0;    ///< So many waves are.
  std::string reason{};      ///< For people: why it stopped.
  Timestamp passed_since{};  ///< Since when the last open wave's gate has held, by the hub's clock; 0: it does not.
  bool operator==(const RolloutStatus&) const = default;
};

}  // namespace edgesync
