// SPDX-License-Identifier: Apache-2.0
// Edit: the operations of one transaction, collected first and then committed all or nothing.
#pragma once

#include <edgesync/value.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace edgesync {

/// Keys are paths: 1 to 512 bytes of UTF-8, at most 16 segments joined by '/'. Operations apply in the order given; bad
/// keys and types are reported by the commit. One holds at most 1024 operations and 16 MiB of keys and values. Thread
/// safety: none; an Edit belongs to one caller.
class Edit {
 public:
  enum class Kind : std::uint8_t { set, add, reset, insert, remove, erase, erase_prefix };
  struct Op {
    Kind kind{};
    std::string key{};
    Value value{};           ///< set, insert, remove
    std::int64_t delta = 0;  ///< add
  };

  /// Register: the value at `key`. Concurrent writes are all kept; the last by stamp is read.
  Edit& set(std::string_view key, Value value) { return push(Kind::set, key, std::move(value)); }
  /// Counter: concurrent adds all count.
  Edit& add(std::string_view key, std::int64_t delta) { return push(Kind::add, key, {}, delta); }
  /// Counter: takes away what this replica has seen of it; concurrent adds survive.
  Edit& reset(std::string_view key) { return push(Kind::reset, key); }
  /// Set: a concurrent insert of the same member wins over a remove.
  Edit& insert(std::string_view key, Value member) { return push(Kind::insert, key, std::move(member)); }
  Edit& remove(std::string_view key, Value member) { return push(Kind::remove, key, std::move(member)); }
  /// Whatever stands at `key`, not what stands below it.
  Edit& erase(std::string_view key) { return push(Kind::erase, key); }
  /// Everything at and below `key`; an empty key erases the scope's whole content. Concurrent writes survive.
  Edit& erase_prefix(std::string_view key) { return push(Kind::erase_prefix, key); }

  const std::vector<Op>& ops() const noexcept { return ops_; }
  bool empty() const noexcept { return ops_.empty(); }

 private:
  Edit& push(Kind kind, std::string_view key, Value value = {}, std::int64_t delta = 0) {
    ops_.push_back({kind, std::string(key), std::move(value), delta});
    return *this;
  }
  std::vector<Op> ops_;
};

}  // namespace edgesync
