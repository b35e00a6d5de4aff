// SPDX-License-Identifier: Apache-2.0
// BatchWriter: puts one batch into the file as one SQLite transaction, cells and log and contexts together, and settles
// what a failure leaves in doubt: the handle is given up, the file opened afresh and asked whether the batch is there.
#pragma once

#include "store/batch.hpp"

namespace edgesync::store {

class BatchWriter {
 public:
  BatchWriter(File& file, GroupCommit& batch) noexcept : file_(file), batch_(batch) {}
  void run();

 private:
  Result<void> write();
  void settle(Error error);
  void write_scope(Part& part);
  void write_local(Part& part);
  void write_runs(Part& part);
  void apply(const Arrival& arrival);
  bool apply(const RemoteCut& cut);
  void apply(Part& part, const crdt::Delta& delta);
  void finish_part(Part& part);
  void collect_changes(Part& part);

  File& file_;
  GroupCommit& batch_;
};

/// True if the delta keeps the rules that its receiver's state rests on: keys ascend, every dot it lists is covered by
/// the context it claims, and stamps fit the file.
bool well_formed(const crdt::Delta& delta) noexcept;

}  // namespace edgesync::store
