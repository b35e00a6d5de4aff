// SPDX-License-Identifier: Apache-2.0
// Faults: the kinds of trouble that a seed may have, and something for each of them: whether the plan asks for it, how
// often it struck. A fault counts where it takes effect, not where it is asked for: a campaign whose faults stopped
// striking is one that proves nothing. The same goes for the sights: states that are rare, and where bugs live.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace edgesync::sim {

enum class Fault : std::uint8_t {
  crashes,         ///< Processes end.
  power_cuts,      ///< Machines do.
  crashes_inside,  ///< ... at a chosen disk operation.
  cuts,            ///< Connections end at a byte.
  half_open,       ///< ... and not everybody is told.
  stalls,          ///< What is under way arrives late, in a burst.
  isolation,       ///< Nobody answers for a while.
  clock_jumps,
  disk_full,
  sync_errors,
  write_errors,
  read_errors,
  read_only,      ///< Nothing can be written for a while.
  one_way,        ///< What a node sends does not arrive for a while; what is sent to it does.
  restart_loops,  ///< A node crashes again and again as soon as it is up.
  deaths,         ///< A node never comes back; those that still reach the root must finish without it.
  flaps,          ///< A node's connections end as soon as something has come through, again and again.
  relapses,       ///< A process dies in a commit, and soon after it is up again the power goes.
  bit_rot,        ///< While a machine is off, rows spoil whose content the root holds.
};

inline constexpr std::array<const char*, 19> fault_names{
    "crashes",       "power",  "inside",      "cuts",         "half-open",   "stalls",    "isolation",
    "clocks",        "full",   "sync-errors", "write-errors", "read-errors", "read-only", "one-way",
    "restart-loops", "deaths", "flaps",       "relapses",     "bit-rot"};

/// What must be met now and then, or the seeds have stopped going where it hurts.
enum class Sight : std::uint8_t {
  crash_in_commit,   ///< A node ends with a group commit begun and not told to anybody.
  doubt_kept,        ///< A group commit reported as failed turns out to be in the file.
  doubt_gone,        ///< ... or not to be.
  lost_unpromised,   ///< A commit that was only accepted is lost by a crash.
  no_room,           ///< A full disk refused a group commit.
  acks_checked,      ///< An ack was compared with the hub's synced image.
  searched,          ///< A node below the removal floors found what it missed.
  refused,           ///< The application refused a version.
  held,              ///< It put one off.
  rolled_back,       ///< It went back to an earlier one.
  trimmed,           ///< An edge forgot records that the root holds.
  sent_old_frames,   ///< A frame arrived on a connection whose other end was gone.
  finished_without,  ///< The fleet converged although a node was dead.
  cold_opened,       ///< A database was opened again from its synced image alone.
  renamed,           ///< A node whose stamps were far ahead took another id.
  roamed,            ///< A node left the hub that it was linked to for another.
  repaired,          ///< What had spoilt was fetched again from a peer.
  previewed,         ///< A first bootstrap was shown while it came.
  patched,           ///< A version was told as what differs from another.
};

inline constexpr std::array<const char*, 19> sight_names{
    "crash-in-commit", "doubt-kept", "doubt-gone",  "lost-unpromised", "no-room",    "acks-checked",     "searched",
    "refused",         "held",       "rolled-back", "trimmed",         "old-frames", "finished-without", "cold-opened",
    "renamed",         "roamed",     "repaired",    "previewed",       "patched"};

/// Something for each of a kind's members.
template <class Kind, std::size_t count, class T>
class Per {
 public:
  static constexpr std::size_t size = count;
  T& operator[](Kind kind) noexcept { return values_[static_cast<std::size_t>(kind)]; }
  const T& operator[](Kind kind) const noexcept { return values_[static_cast<std::size_t>(kind)]; }
  T& at(std::size_t number) noexcept { return values_.at(number); }
  const T& at(std::size_t number) const noexcept { return values_.at(number); }
  void add(const Per& more) noexcept {
    for (std::size_t i = 0; i < count; ++i) values_[i] += more.values_[i];
  }

 private:
  std::array<T, count> values_{};
};

using Faults = Per<Fault, fault_names.size(), bool>;
using FaultCounts = Per<Fault, fault_names.size(), std::uint64_t>;
using Sights = Per<Sight, sight_names.size(), std::uint64_t>;

}  // namespace edgesync::sim
