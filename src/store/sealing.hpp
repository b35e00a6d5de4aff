// SPDX-License-Identifier: Apache-2.0
// Sealing: the second stage of writing a stream. A commit writes its records as a small segment, one row. Once enough
// of these stand at the end of what this replica has recorded, they become full ones, in the transaction of the last,
// so that a backlog takes a fraction of the disk and of the link. A record is written twice by that, never more: a full
// segment is not touched again. Nor is one that a peer may hold, for peers know segments by what they are.
#pragma once

#include "store/sql_table.hpp"
#include "stream/schema.hpp"

namespace edgesync::store {

struct Sealing {
  std::uint64_t after = 0;     ///< Own records up to here stay as they are.
  std::size_t segments = 0;    ///< So many become fewer; 0: none.
  std::uint64_t at_least = 0;  ///< The age from which on they were stored: older ones would outlive their retention.
};

/// Through which record there is nothing left to seal. Requires: in a transaction, after the batch's records.
std::uint64_t seal_records(SqlTable& table, const Sealing& sealing, const stream::Schema& schema);

}  // namespace edgesync::store
