// SPDX-License-Identifier: Apache-2.0
// Consumer: reads a stream, of all its origins, from a place that is kept: what feeds a time-series database, a message
// broker or a collector. It is given what is durable here, each origin's records in their order, and what will never
// come as a gap. Handles as in state.hpp. Thread safety: one caller at a time; others may use the stream meanwhile.
//
//   Consumer pipeline = hub.stream("telemetry").consumer("influx");
//   for (Delivery next = pipeline.next().value(); !next.empty(); next = pipeline.next().value()) {
//     write(next);
//     pipeline.commit(next.upto).value();
//   }
//
// Whoever dies between the two is given the same again: at least once. Exactly once takes one transaction for both:
// keep to_string(next.upto) in the database that the records go to, in their transaction, and seek() there at a start.
#pragma once

#include <edgesync/error.hpp>
#include <edgesync/records.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace edgesync {

namespace node {
class ScopeHandle;
}

/// How far somebody is in a stream. A plain value.
struct Cursor {
  std::map<ReplicaId, std::uint64_t> last{};  ///< Per origin, the last sequence that is done with.
  bool operator==(const Cursor&) const = default;
};

/// "origin:sequence,..." in hexadecimal and decimal; empty for the beginning.
EDGESYNC_EXPORT std::string to_string(const Cursor& cursor);
/// Fails with: invalid_argument.
EDGESYNC_EXPORT Result<Cursor> parse_cursor(std::string_view text);

/// What follows of one origin.
struct OriginRecords {
  ReplicaId origin{};
  std::vector<Record> records{};  ///< Ascending.
  std::vector<Gap> gaps{};  ///< Records among and before these that will never come; behind them if nothing follows.
  /// Numbers that the consumer was too slow for: the root has them, so they were deleted here. Never at a root.
  std::uint64_t trimmed = 0;
  std::uint64_t last = 0;  ///< All up to this number is among these.
};

/// What one next() gives.
struct Delivery {
  std::vector<OriginRecords> origins{};
  Cursor upto{};  ///< Where the consumer is when it has done with these.
  bool empty() const noexcept { return origins.empty(); }
};

class EDGESYNC_EXPORT Consumer {
 public:
  /// What follows, and moves on: at most `limit` records, and not many more than 4 MiB. Origins take turns. Begins
  /// where the last commit() was, by whatever process. Empty: there is nothing new. Fails with: invalid_argument (the
  /// name), storage_*; then it has not moved.
  Result<Delivery> next(std::size_t limit = 1000);
  /// All up to `upto` is done with. Durable when it returns. Fails with: storage_*.
  Result<void> commit(const Cursor& upto);
  /// next() goes on there. Nothing is written.
  Result<void> seek(Cursor to);
  Result<Cursor> committed() const;
  /// Numbers of records, and of gaps, that next() has not given yet.
  Result<std::uint64_t> behind() const;
  const std::string& name() const noexcept { return name_; }

  Consumer(std::shared_ptr<node::ScopeHandle> scope, std::string_view name) : scope_(std::move(scope)), name_(name) {}

 private:
  std::shared_ptr<node::ScopeHandle> scope_;
  std::string name_;
  std::optional<Cursor> place_{};  ///< Unknown before the first use.
  ReplicaId turn_{};               ///< Whose records were given last.
};

}  // namespace edgesync
