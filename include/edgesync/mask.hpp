// SPDX-License-Identifier: Apache-2.0
// Mask: what of a column may leave the node that makes the records. A plain value.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace edgesync {

class Mask {
 public:
  enum class Kind : std::uint8_t { drop = 1, hash, round };

  /// The column stays here: what leaves does not have it.
  static Mask drop() { return {Kind::drop, {}, 0}; }
  /// For columns of text and bytes: equal values are still equal, and only who knows `key` can tell which they are.
  /// Half of HMAC-SHA-256 (RFC 2104) under `key` over the column's name, a zero byte and the value; in hexadecimal in a
  /// column of text. The key is kept in the database, beside the values. Not empty, at most 64 bytes.
  static Mask hash(std::string key) { return {Kind::hash, std::move(key), 0}; }
  /// For columns of numbers: the nearest multiple of `step`, the one further from 0 if there are two. Above 0 and
  /// finite; whole in a column of i64.
  static Mask round(double step) noexcept { return {Kind::round, {}, step}; }

  Kind kind() const noexcept { return kind_; }
  const std::string& key() const noexcept { return key_; }
  double step() const noexcept { return step_; }
  bool operator==(const Mask&) const = default;

 private:
  Mask(Kind kind, std::string key, double step) noexcept : kind_(kind), key_(std::move(key)), step_(step) {}
  Kind kind_;
  std::string key_;
  double step_;
};

/// By the name of the column.
using Masks = std::map<std::string, Mask, std::less<>>;

}  // namespace edgesync
