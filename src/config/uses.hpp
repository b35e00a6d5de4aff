// SPDX-License-Identifier: Apache-2.0
// Uses: which version was in use on this node, from when on, and why. What is told of a version is kept here as well,
// so that the answer outlives it. Bounded: the oldest go. Order is by what happened; a clock that was set back in
// between may make times overlap, and then the later one counts.
#pragma once

#include "base/bytes.hpp"

#include <edgesync/error.hpp>
#include <edgesync/uses.hpp>

#include <optional>
#include <vector>

namespace edgesync::config {

inline constexpr std::size_t max_uses = 128;            // 25 KB, written when another version comes into use
inline constexpr std::size_t max_use_text_bytes = 256;  // of a note, and of a reason

class Uses {
 public:
  /// Longer texts are cut.
  void add(Use use);
  /// Oldest first.
  const std::vector<Use>& all() const noexcept { return uses_; }
  bool last_is(std::uint64_t number, std::string_view id) const noexcept;
  /// Fails with: not_found (nothing was in use yet, or it is longer ago than is remembered).
  Result<Use> at(Timestamp time) const;

  Bytes encode() const;
  /// Nothing if the bytes are malformed.
  static std::optional<Uses> decode(ByteView bytes);

 private:
  std::vector<Use> uses_{};
};

}  // namespace edgesync::config
