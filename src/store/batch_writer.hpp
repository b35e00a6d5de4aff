// SPDX-License-Identifier: Apache-2.0
// BatchWriter: puts one batch into the file as one SQLite transaction, cells and log and contexts together, and settles
// what a failure leaves in doubt: the handle is given up, the file opened afresh and asked whether the batch is there.
// If the fault is not the disk's but of something a peer sent, or of a row that it touches, the batch is written
// without it.
#pragma once

#include "store/arrivals.hpp"

namespace edgesync::store {

class BatchWriter {
 public:
  BatchWriter(File& file, GroupCommit& batch) noexcept : file_(file), batch_(batch) {}
  void run();

 private:
  Result<void> try_write();
  Result<void> write();
  /// That what is written can be found again; a write-ahead log that somebody deleted is saved into the database.
  Result<void> check_place();
  bool free_ballast();
  void write_lineage(const crdt::Lineage::Row& row);
  /// Has the scopes swept in which the failed attempt met damage; false if there are none, or they were already.
  bool sweep_next();
  /// `durable`: the batch is, and yet the handle cannot be trusted.
  void settle(Error error, bool durable);
  void sweep_part(Part& part);
  void write_scope(Part& part);
  void write_local(Part& part);
  void write_runs(Part& part);
  void skip_to(SqlTable& table, std::uint64_t first);
  void mend_removed(SqlTable& table, const crdt::Changes& changes);
  void finish_part(Part& part);
  void collect_changes(Part& part);

  File& file_;
  GroupCommit& batch_;
  Arrivals arrivals_{file_, batch_};
  std::optional<Error> place_{};  // what check_place() put right
};

}  // namespace edgesync::store
