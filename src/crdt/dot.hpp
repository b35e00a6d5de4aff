// SPDX-License-Identifier: Apache-2.0
// Dots and contexts. A dot names one transaction: its replica and its stamp; every cell and every removal of the
// transaction shares it. A context is a version vector: per replica the highest stamp known. Stamps need not be dense,
// because intervals are always delivered whole (Goncalves et al., "DottedDB", SRDS 2017, has the dense variant).
#pragma once

#include "base/bytes.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace edgesync::crdt {

/// 64-bit hybrid logical time, see hlc.hpp. 0 is before everything. In a stream scope, the record sequence.
using Stamp = std::uint64_t;

struct Dot {
  ReplicaId replica{};
  Stamp stamp = 0;
  auto operator<=>(const Dot&) const = default;
};

/// Replicas that one scope may know, so that its context always fits a message (wire::Limits::origins).
inline constexpr std::size_t context_items_max = 4096;

class Context {
 public:
  struct Item {
    ReplicaId replica{};
    Stamp stamp = 0;
    bool operator==(const Item&) const = default;
  };

  Context() = default;
  /// Of one replica alone.
  explicit Context(const Dot& dot) { advance(dot); }

  /// The highest stamp known of `replica`; 0 if none.
  Stamp operator[](const ReplicaId& replica) const noexcept;
  bool covers(const Dot& dot) const noexcept { return dot.stamp <= (*this)[dot.replica]; }
  bool covers(const Context& other) const noexcept;
  /// Raises one entry; a lower stamp changes nothing.
  void advance(const Dot& dot);
  /// Pointwise maximum.
  void join(const Context& other);

  const std::vector<Item>& items() const noexcept { return items_; }  ///< Ascending by replica, stamps above 0.
  bool empty() const noexcept { return items_.empty(); }
  bool operator==(const Context&) const = default;

  /// "rid:stamp,rid:stamp" in hexadecimal and decimal.
  std::string to_string() const;
  void encode(Writer& out) const;
  static Context decode(Reader& in);

 private:
  std::vector<Item> items_;
};

}  // namespace edgesync::crdt
