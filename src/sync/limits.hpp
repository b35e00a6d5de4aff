// SPDX-License-Identifier: Apache-2.0
// Every bound and tuning number of a link, each with its reason. A simulation may shrink them.
#pragma once

#include "base/meter.hpp"
#include "crdt/dot.hpp"
#include "sync/pace.hpp"
#include "wire/frame.hpp"

#include <chrono>
#include <optional>

namespace edgesync::sync {

/// What an entry of a context costs in memory.
inline constexpr std::size_t item_bytes = sizeof(crdt::Context::Item);

/// Of a reason told to the peer.
inline constexpr std::size_t detail_bytes_max = 512;

struct Limits {
  wire::Limits wire{};

  std::size_t part_bytes = 8 * 1024;  ///< One delta part: small enough that control waits for at most one frame.
  std::size_t hello_frame_bytes =
      16 * 1024;                         ///< Any frame before the peer's hello: all that a stranger can make us decode.
  std::size_t frame_bytes = 16 * 1024;   ///< Messages are packed into a frame up to about this.
  std::size_t staged_bytes = 64u << 20;  ///< Parts held until their cut; beyond, the link ends with limit_exceeded.
  std::size_t patch_bytes_min = 1024;    ///< Config values from so much on are told as patches,
  std::size_t patches = 16;              ///< so many of a scope: each costs its sender a search through the whole base.
  std::size_t patches_max = 256;         ///< Of one cut.
  std::size_t staged_cuts = 4;           ///< One per lane, and a chunk per lane.
  std::size_t cut_bytes = 1u << 20;      ///< What is larger is told in chunks, which the peer keeps aside.
  std::size_t chunk_bytes = 256 * 1024;  ///< Read from the file at a time; whole transactions, so it may be more.
  std::size_t chunk_window = 1u << 20;   ///< Of chunks sent and not acked: fills 100 Mbit/s at 80 ms.
  std::size_t outgoing_bytes = 64u << 20;  ///< Cuts and chunks on their way out, of all links together; beyond,
  std::size_t outgoing_spent = 4096;       ///< each takes so much at a time, and whole transactions.
  /// What arrives, of all links together. Half of it is for cuts that are not whole yet; beyond, each link has so much.
  /// Half is for what waits for the disk; beyond, no link is read on.
  std::size_t incoming_bytes = 256u << 20, incoming_spent = 16 * 1024;
  std::size_t control_waiting = 16'384;      ///< Answers a peer lets pile up by not reading; beyond, the link ends.
  std::size_t channels = 65'536;             ///< Scopes on one link.
  std::size_t subscribed_bytes = 16u << 20;  ///< Names and contexts of those scopes; beyond, the link ends.
  std::size_t unsettled_bytes = 8u << 20;    ///< Records received and not yet durable, of one link; see segment_window.
  std::size_t search_entries_min = 256;      ///< Smaller scopes are listed whole when the log is not enough.
  std::size_t searches = 4;                  ///< Of a peer, whose delta has not come.
  std::size_t inspect_ranges = 16;           ///< Ranges of one Inspect: their findings fit a frame.
  std::size_t inspects = 64;                 ///< Of one search, unanswered: a thousand ranges in one round trip.
  std::size_t look_entries = 4096;  ///< Looked at in one go: a few milliseconds; then others may have their turn.
  std::size_t lost_bytes =
      8u << 20;  ///< Ranges that a peer has lost and that wait for their turn; beyond, the link ends.
  std::size_t repair_bytes = 256 * 1024;  ///< Told at a time of what a peer has lost.
  /// Stream bytes sent and not yet acked, of all streams of a link, a quarter of it for urgent ones: the rest fills 100
  /// Mbit/s at 80 ms. A receiver may hold it twice, and the segment that filled it: what was in flight behind one that
  /// did not fit is still there when the sender begins again.
  std::size_t segment_window = 1'400'000;
  /// Of a stream that has more to send than so many records, what happens now is behind what has been: it is one with
  /// a backlog. A few minutes of a busy sensor.
  std::uint64_t backlog_records = 4'096;
  unsigned forks =
      8;  ///< Times that a new id is taken because a peer says so, per open: a liar must not fill contexts.
  unsigned flips = 5;  ///< Times in an hour that one session of a node takes another's place before it is told of.
  std::size_t resyncs = 16;  ///< In a row without an ack: more means the two disagree for good.

  Rate frames{}, bytes{};        ///< Hub role: what is read of one link; what is beyond waits in the network.
  double refusals_per_name = 5;  ///< Per minute and network; beyond, the name is locked out there.

  std::chrono::milliseconds hello{10'000};        ///< From open until the peer's Hello.
  std::chrono::milliseconds look_pause{1};        ///< Between two goes.
  std::chrono::milliseconds doubt{3'600'000};     ///< For news of what was lost and another hub may have.
  std::chrono::milliseconds repair_retry{5'000};  ///< Until what a peer could not tell is asked for again: at first,
  std::chrono::milliseconds repair_retry_max{3'600'000};  ///< and when it has been in vain again and again.
  std::chrono::milliseconds ack{60'000};      ///< From the last part of a cut until its ack: several slow disk commits.
  std::chrono::milliseconds join{3'600'000};  ///< The same where all that was kept aside is joined: gigabytes.
  std::chrono::milliseconds heartbeat{20'000};   ///< Silence before a ping, where LinkOptions do not say otherwise.
  unsigned heartbeats_lost = 3;                  ///< Pings without any answer before the link is dead.
  std::chrono::milliseconds disk_write{10'000};  ///< A group commit: an SD card that collects garbage takes seconds.
  std::chrono::milliseconds clock_off{60'000};   ///< Clocks further apart are told of; round trips make seconds of it.
  std::chrono::milliseconds stamps_ahead{
      600'000};  ///< Own stamps so far ahead of the hub's time call for another identity.
  std::chrono::milliseconds settle_retry{200};        ///< To a new session while the data of the one before are stored.
  std::chrono::milliseconds refused_min{5'000};       ///< To the first try of what a peer could not store,
  std::chrono::milliseconds refused_changed{60'000};  ///< at most, if it has changed since,
  std::chrono::milliseconds refused_max{3'600'000};   ///< and if not: a try may cost a cut.
  std::chrono::milliseconds shed{30'000};             ///< To whom came when there was no room for what it brings.
  std::chrono::milliseconds congested{50};            ///< Between two looks whether there is room.
  std::chrono::milliseconds flip_window{3'600'000};
  std::chrono::milliseconds retry_after_max{3'600'000};  ///< A hub cannot ask for more: one bad word silences no fleet.
};

/// What the application asked of one link.
struct LinkTuning {
  std::optional<std::chrono::milliseconds> heartbeat{};  ///< In place of Limits::heartbeat.
  Pacing pacing{};
};

}  // namespace edgesync::sync
