// SPDX-License-Identifier: Apache-2.0
// Planted bugs: rules of the engine that a test can break on purpose, to prove that the tests would notice. The switch
// exists only in builds with EDGESYNC_PLANTED_BUGS; elsewhere planted() is a constant false and costs nothing.
#pragma once

namespace edgesync {

enum class Bug {
  none,
  prune_loser,          // drop the LWW loser at merge
  ignore_floors,        // use the fast path below a removal floor
  partial_delta,        // leave out part of the changed keys
  ack_before_commit,    // acknowledge a cut before it is durable
  ship_before_durable,  // take for durable, and send, what was never synced
  skip_base_check,      // apply a delta whose base is not covered
  forget_context,       // apply cells without advancing the context in the same transaction
  tear_transaction,     // write the cells of one transaction in two
  synchronous_normal,   // take for durable what is in the write-ahead log, synced or not
};

#if defined(EDGESYNC_PLANTED_BUGS)
inline thread_local Bug planted_bug = Bug::none;
inline bool planted(Bug bug) noexcept { return planted_bug == bug; }
#else
constexpr bool planted(Bug) noexcept { return false; }
#endif

}  // namespace edgesync
