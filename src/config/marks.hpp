// SPDX-License-Identifier: Apache-2.0
// Marks: which versions somebody wants kept on this node, under a name or without one. A marked version is never
// forgotten for want of room; so there are few of them. Invariants: a name belongs to one version; a version without a
// name and without a pin has no mark.
#pragma once

#include "base/bytes.hpp"

#include <edgesync/error.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace edgesync::config {

inline constexpr std::size_t max_marked = 64;  // versions; each may be as large as a content
inline constexpr std::size_t max_tags = 256;

class Marks {
 public:
  using Key = std::pair<std::uint64_t, std::string>;  ///< A version's number and id.
  struct Mark {
    bool pinned = false;
    std::set<std::string> tags{};
    bool operator==(const Mark&) const = default;
  };

  /// Takes the name from whichever version has it. Fails with: invalid_argument (no path of one segment, or longer than
  /// 64 bytes), limit_exceeded.
  Result<void> tag(const Key& version, std::string_view name);
  /// Fails with: not_found.
  Result<void> untag(std::string_view name);
  /// Fails with: limit_exceeded.
  Result<void> pin(const Key& version, bool pinned);

  /// Nothing if no version has the name.
  std::optional<Key> tagged(std::string_view name) const;
  Mark of(const Key& version) const;
  std::set<Key> marked() const;

  Bytes encode() const;
  /// Nothing if the bytes are malformed.
  static std::optional<Marks> decode(ByteView bytes);
  bool operator==(const Marks&) const = default;

 private:
  Result<void> room_for(const Key& version) const;
  void drop(std::string_view name);

  std::map<Key, Mark> marks_{};
};

}  // namespace edgesync::config
