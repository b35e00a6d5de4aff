// SPDX-License-Identifier: Apache-2.0
// Arrivals: what peers sent, applied to the parts of a batch inside its transaction. If an attempt to write the batch
// fails, this knows which of them it tripped over, and leaves that out of the next.
#pragma once

#include "store/batch.hpp"

namespace edgesync::store {

class Arrivals {
 public:
  Arrivals(File& file, GroupCommit& batch) : file_(file), batch_(batch), out_(batch.arrivals.size()) {}

  /// An attempt begins; what fails until write() is nothing that a peer sent.
  void begin() noexcept { before_ = true; }
  /// Adds an outcome for each to the batch.
  void write();
  /// What the attempt that ended with `error` tripped over is left out of the next, or all of them are; false if it was
  /// nothing that a peer sent.
  bool leave_out(const Error& error, bool all);

 private:
  Part* taking(ScopeId id) noexcept;
  Outcome refuse(const Arrival& arrival, const Outcome& why);
  Outcome take(const Arrival& arrival);
  Outcome apply(const RemoteSegment& segment);
  Outcome apply(const RemoteGap& gap);
  Outcome apply(const RemoteChunk& chunk);
  Outcome apply(const RemoteRepair& remote);
  Outcome apply(const RemoteCut& cut);
  Outcome apply(const RefusedSegment& refused);
  Outcome apply(const Released& released);
  Outcome apply(const Refusal& refusal);
  Outcome apply_patched(RemoteCut cut);
  std::optional<Outcome> impossible(const RemoteCut& cut);
  /// Whether this is the teller's to tell.
  Result<void> permit(const Terms& terms, const Part& part, const crdt::Context& told) const;
  /// It is told to a scope that knew `mine`.
  void note(const Terms& terms, const crdt::Context& told, const crdt::Context& mine);
  void join(Part& part, const RemoteDelta& remote);
  void join(Part& part, const crdt::Context& upto, const Function<crdt::Applied()>& apply);
  bool mend(Part& part, const crdt::Repair& repair);

  File& file_;
  GroupCommit& batch_;
  std::vector<std::optional<Outcome>> out_;  // by arrival: how it ends, if it is left out
  std::size_t reached_ = 0;                  // the arrival that the last attempt failed at; none if their number
  ScopeId at_{};                             // the scope at hand, or in which the last attempt failed
  bool before_ = false;                      // the last attempt failed before the first of them
};

}  // namespace edgesync::store
