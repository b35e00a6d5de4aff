// SPDX-License-Identifier: Apache-2.0
// State: what is true now. Many writers, always writable offline, merged by type. Handles are cheap to copy and keep
// the node's engine alive; every call fails with `closed` after Node::close(), and with `invalid_argument` if the
// scope's name was not a valid path. Thread safety: any member from any thread.
#pragma once

#include <edgesync/edit.hpp>
#include <edgesync/event.hpp>
#include <edgesync/options.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace edgesync {

namespace node {
class ScopeHandle;
}

/// A concurrent value that lost.
struct Conflict {
  Value value{};
  ReplicaId author{};
  Timestamp at{};
};

/// What stands at one key.
struct Item {
  enum class Type : std::uint8_t { value, counter, set };
  std::string key{};
  Type type{};
  Value value{};                 ///< value, counter
  std::vector<Value> members{};  ///< set
  std::vector<Conflict> conflicts{};
};

/// What one group commit changed. `version` numbers them per scope.
struct JournalEntry {
  std::uint64_t version = 0;
  Timestamp at{};
  std::vector<KeyChange> changes{};
};

class EDGESYNC_EXPORT State {
 public:
  /// A register's value or a counter's sum. Fails with: not_found, type_mismatch (a set), storage_*.
  Result<Value> get(std::string_view key) const;
  /// A set's members. Fails with: type_mismatch. No such key: no members.
  Result<std::vector<Value>> members(std::string_view key) const;
  /// Everything at and below `prefix` in key order; empty: the whole scope.
  Result<std::vector<Item>> scan(std::string_view prefix = {}) const;
  /// Concurrent values that lost at `key`, newest first. None also if it cannot be read: get() tells.
  std::vector<Conflict> conflicts(std::string_view key) const;

  /// Single operations: see Edit. Durable when they return. Fail with: invalid_argument, limit_exceeded, storage_*.
  Result<Commit> set(std::string_view key, Value value);
  Result<Commit> add(std::string_view key, std::int64_t delta);
  Result<Commit> reset(std::string_view key);
  Result<Commit> insert(std::string_view key, Value member);
  Result<Commit> remove(std::string_view key, Value member);
  Result<Commit> erase(std::string_view key);
  Result<Commit> erase_prefix(std::string_view key);

  /// All or nothing, here and at every other node.
  Result<Commit> commit(const Edit& edit, Durability durability = Durability::durable);
  /// `fill` receives an Edit&.
  template <class F>
  Result<Commit> transact(F&& fill, Durability durability = Durability::durable) {
    Edit edit;
    std::forward<F>(fill)(edit);
    return commit(edit, durability);
  }

  /// Calls `handler` for every later change at or below `prefix`, once it is durable.
  Subscription on_change(std::string_view prefix, ChangeHandler handler) const;
  /// Newest first, as far as StateOptions::history reaches.
  Result<std::vector<JournalEntry>> journal(std::size_t limit = 20) const;
  Result<Digest> digest() const;
  const std::string& name() const noexcept;

  explicit State(std::shared_ptr<node::ScopeHandle> scope) noexcept : scope_(std::move(scope)) {}

 private:
  std::shared_ptr<node::ScopeHandle> scope_;
};

}  // namespace edgesync
