// SPDX-License-Identifier: Apache-2.0
// Stream: what happened. Append-only, numbered densely per origin from 1, from the edge to the cloud. Deleted here only
// after it is stable (durable at the root), or by its retention or quota (StreamOptions), and then counted. Handles as
// in state.hpp. Thread safety: any member from any thread.
#pragma once

#include <edgesync/consumer.hpp>
#include <edgesync/event.hpp>
#include <edgesync/options.hpp>
#include <edgesync/records.hpp>

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace edgesync {

namespace node {
class ScopeHandle;
}

/// The numbers that append() gave out; 0 if Overflow::thin left all of it out.
struct Sequences {
  std::uint64_t first = 0, last = 0;
  bool operator==(const Sequences&) const = default;
};

struct RecordsRead {
  std::vector<Record> records{};
  /// What was dropped between the first asked for and the last read, and why; after the last, too, if nothing follows.
  /// What was trimmed here after it was stable is no gap.
  std::vector<Gap> gaps{};
};

/// Always produced = delivered + pending + dropped, at every instant and over every restart. Speaks of what is durable.
struct StreamCounts {
  std::uint64_t produced = 0;   ///< All that append() was given and that fitted the columns.
  std::uint64_t delivered = 0;  ///< The hub holds it, or did. At a hub, and of a local_only stream: it is kept here.
  std::uint64_t pending = 0;    ///< It is here, and the hub has not acknowledged it.
  std::uint64_t dropped = 0;    ///< It is nowhere: drops.total(). An ack on its way may still turn some to delivered.
  Drops drops{};                ///< ... by reason.
};

class EDGESYNC_EXPORT Stream {
 public:
  /// One record, now. Durable when it returns. Fails with: type_mismatch, invalid_argument, storage_*; storage_full
  /// also where a quota is used up and Overflow::reject is the rule.
  Result<Sequences> append(std::initializer_list<Field> fields);
  Result<Sequences> append(Timestamp at, std::vector<Field> fields, Durability durability = Durability::durable);
  /// All or nothing; `sequence` of the records is not used.
  Result<Sequences> append(std::span<const Record> records, Durability durability = Durability::durable);

  /// Records of `origin` from sequence `from`, at most `limit`.
  Result<RecordsRead> read(const ReplicaId& origin, std::uint64_t from = 1, std::size_t limit = 1000) const;
  /// Own records.
  Result<RecordsRead> read(std::uint64_t from = 1, std::size_t limit = 1000) const;
  /// Records of `origin` within `range`, and of their fields those of `columns`, in that order: nothing else is
  /// decoded. Gaps are those among the sequences. Fails with: not_found (a column), storage_*.
  Result<RecordsRead> read(const ReplicaId& origin, const Range& range, std::span<const std::string> columns,
                           std::size_t limit = 1000) const;
  /// Of the records of `origin` that are here, or of all origins together. What a segment notes of its columns is used
  /// where the whole of it is in the range. Fails with: not_found (the column), type_mismatch (no numbers), storage_*.
  Result<Aggregate> aggregate(const ReplicaId& origin, std::string_view column, const Range& range = {}) const;
  Result<Aggregate> aggregate(std::string_view column, const Range& range = {}) const;
  /// Who has records here, and up to which sequence.
  Result<std::vector<std::pair<ReplicaId, std::uint64_t>>> origins() const;
  Result<std::vector<Column>> columns() const;
  /// Own records.
  Result<StreamCounts> counts() const;
  /// At a hub or relay: the records of `origin` that never came and never will, as the node said that dropped them;
  /// read() tells which.
  Result<Drops> dropped(const ReplicaId& origin) const;
  /// A reader with a place of its own, which is kept under `name`: 1 to 64 bytes of UTF-8 without '/' and control
  /// characters. One at a time of a name.
  Consumer consumer(std::string_view name) const;
  /// Names of consumers that have committed, ascending.
  Result<std::vector<std::string>> consumers() const;
  /// The place of a consumer is forgotten: another one of that name begins at the first record.
  Result<void> forget_consumer(std::string_view name);
  /// `handler` is called when there may be more to read, whoever wrote it: once for many records.
  Subscription on_records(Function<void()> handler) const;
  Result<Digest> digest() const;
  const std::string& name() const noexcept;

  explicit Stream(std::shared_ptr<node::ScopeHandle> scope) noexcept : scope_(std::move(scope)) {}

 private:
  std::shared_ptr<node::ScopeHandle> scope_;
};

}  // namespace edgesync
