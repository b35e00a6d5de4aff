// SPDX-License-Identifier: Apache-2.0
// Planted bugs: rules of the engine that a test can break on purpose, to prove that the tests would notice. The switch
// exists only in builds with EDGESYNC_PLANTED_BUGS; elsewhere planted() is a constant false and costs nothing.
#pragma once

namespace edgesync {

enum class Bug {
  none,
  prune_loser,           // drop the LWW loser at merge
  ignore_floors,         // use the fast path below a removal floor
  partial_delta,         // leave out part of the changed keys
  ack_before_commit,     // acknowledge a cut before it is durable
  ship_before_durable,   // take for durable, and send, what was never synced
  skip_base_check,       // apply a delta whose base is not covered
  forget_context,        // apply cells without advancing the context in the same transaction
  tear_transaction,      // write the cells of one transaction in two
  trust_cache,           // believe what an earlier process may have left in the cache
  retry_sync,            // after a failed sync, take the next that succeeds for a proof
  ignore_full,           // go on after a write that found no room
  reuse_sequence,        // number records again that were numbered while a group commit failed
  skip_dedupe,           // store a segment that is here already
  apply_over_gap,        // store a segment whose predecessor is missing
  trim_at_ack,           // forget records that a hub has and the root may not have
  stable_at_relay,       // take for stable what a relay acknowledged
  count_twice,           // apply a counter's addition twice
  blind_range,           // let a removed range take what its author had not seen
  resurrect,             // keep an entry that the sender has seen go
  forget_removals,       // do not record a peer's removals for third parties
  evict_silently,        // drop removal records without raising the floor
  lose_part,             // leave out the last part of a delta that is sent in several
  assume_sent,           // after an ack, believe that the peer holds everything
  ignore_resync,         // do not go back when a peer says what it misses
  ignore_window,         // send records however many are unacknowledged
  trust_silence,         // never give up a peer that says nothing
  no_jitter,             // come back after exactly the bound
  follow_wall,           // mint stamps from the wall clock alone
  wrap_counter,          // let the counter inside a millisecond wrap
  absorb_far,            // move past stamps however far ahead they are
  hide_own_writes,       // read the file without what was accepted since
  accept_equal_version,  // take a version's number for its identity
  reset_nothing,         // let a counter's reset say nothing
  overwrite_all,         // let a local write take what its author had not seen
  ack_one_more,          // acknowledge one record more than there is
  rollback_skips_key,    // show one key less of a version that is not the newest
  synchronous_normal,    // take for durable what is in the write-ahead log, synced or not
  skip_audit,            // believe whatever a peer says it knows of our replica
  skip_environment,      // keep the replica id wherever the database is opened
  repair_over_news,      // take a repair's word for keys that something newer has touched
  drop_before_ack,       // delete what was only sent, and count it as delivered
  count_drops_twice,     // count what was dropped before and after the hub has heard of it
  age_by_wall,           // let records age by the wall clock
  lose_tail_row,         // fold small segments without the last of them
  skip_former,           // bring what an id before did without comparing it
};

#if defined(EDGESYNC_PLANTED_BUGS)
inline thread_local Bug planted_bug = Bug::none;
inline bool planted(Bug bug) noexcept { return planted_bug == bug; }
#else
constexpr bool planted(Bug) noexcept { return false; }
#endif

}  // namespace edgesync
