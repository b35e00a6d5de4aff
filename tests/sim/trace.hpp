// SPDX-License-Identifier: Apache-2.0
// Trace: a running hash over everything that happened, and the last of it in words. Two runs of one seed must end with
// the same hash; a failing run shows its last lines.
#pragma once

#include "base/bytes.hpp"
#include "base/clock.hpp"

#include <cstdio>
#include <deque>
#include <string>
#include <vector>

namespace edgesync::sim {

class Trace {
 public:
  explicit Trace(bool verbose) noexcept : verbose_(verbose) {}

  /// `what` is a literal; `who` the number of a node, or -1; `a` and `b` mean what `what` says.
  void note(Instant at, const char* what, int who, std::uint64_t a = 0, std::uint64_t b = 0);
  std::uint64_t hash() const noexcept { return hash_; }
  std::vector<std::string> tail() const;

 private:
  struct Line {
    Instant at{};
    const char* what = "";
    int who = -1;
    std::uint64_t a = 0, b = 0;
  };
  static std::string text(const Line& line);
  void mix(std::uint64_t word) noexcept;

  bool verbose_;
  std::uint64_t hash_ = 0xcbf29ce484222325;
  std::deque<Line> last_;
};

/// A quick hash, for traces only.
std::uint64_t quick_hash(ByteView bytes) noexcept;

}  // namespace edgesync::sim
