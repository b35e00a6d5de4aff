// SPDX-License-Identifier: Apache-2.0
// Rollout: what an administrator wants of a version's way to the fleet; Progress: how far a hub has let it come. Each
// is one register of the config scope, and the release that is rolled out a third, beside the one for everybody
// (CONTENT.md), so that all of it merges, survives every restart, and reaches the nodes as any version does. Pure:
// nodes decide with lets_in(), the hub with advance().
#pragma once

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/hash.hpp"

#include <edgesync/error.hpp>
#include <edgesync/rollout_plan.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace edgesync::config {

inline constexpr std::size_t max_waves = 16, max_labels = 16;

/// What a wave looks at.
struct Member {
  std::string name{};
  Labels labels{};
};

struct Rollout {
  enum class Order : std::uint8_t { run = 1, pause, abort };

  std::uint64_t number = 0;  ///< Of the version.
  Sha256Digest id{};
  RolloutPlan plan{};
  Order order = Order::run;
  std::uint32_t approved = 0;  ///< So many gates count as passed.

  bool is_of(std::uint64_t version, std::string_view version_id) const;
  Bytes encode() const;
  /// Fails with: protocol_violation.
  static Result<Rollout> decode(ByteView bytes);
  bool operator==(const Rollout&) const = default;
};

struct Progress {
  std::uint64_t number = 0;
  Sha256Digest id{};
  RolloutPhase phase = RolloutPhase::waiting;
  std::uint32_t open = 0;    ///< Waves.
  Timestamp passed_since{};  ///< Since when the gate of the last open wave has held; 0: it does not.
  std::string reason{};

  Bytes encode() const;
  /// Fails with: protocol_violation.
  static Result<Progress> decode(ByteView bytes);
  bool operator==(const Progress&) const = default;
};

/// Fails with: invalid_argument.
Result<void> check(const RolloutPlan& plan);
Result<void> check(const Labels& labels);

/// Which of two that were written without knowledge of each other counts: of the later version; else the more
/// careful order.
bool precedes(const Rollout& a, const Rollout& b);
/// The same of how far two came: what has ended has ended.
bool precedes(const Progress& a, const Progress& b);

/// The wave that `member` belongs to. Requires: check(plan).
std::size_t wave_of(const Rollout& rollout, const Member& member);

/// Whether a node takes the version now.
bool lets_in(const Rollout& rollout, const Progress& progress, const Member& member);

/// Whether there is nothing more to come of it.
bool is_over(RolloutPhase phase) noexcept;

/// How far it comes with what is known of its waves. `now`: by a SoakClock; a wall clock that was set back lengthens a
/// soak. Requires: one of `counts` for each wave.
Progress advance(const Rollout& rollout, Progress progress, const std::vector<WaveCounts>& counts, Timestamp now);

/// The time that a soak goes by: it began when the wall clock said so, and has lasted no longer than somebody has
/// watched it. So neither a clock that is set forward nor a hub that was down shortens it.
class SoakClock {
 public:
  /// To be asked before and after each advance().
  Timestamp at(const Progress& progress, const Now& now);

 private:
  Timestamp since_{};  ///< Progress::passed_since.
  Instant seen_{};     ///< Since when that has been known here.
};

/// When advance() may do something by time alone; nothing: not before the counts or the orders change.
std::optional<Timestamp> due(const Rollout& rollout, const Progress& progress);

}  // namespace edgesync::config
