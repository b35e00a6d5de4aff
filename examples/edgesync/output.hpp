// SPDX-License-Identifier: Apache-2.0
// Output: what the program says on stdout. Each line is written whole and flushed; lines of several threads never mix.
#pragma once

#include "json.hpp"

#include <mutex>
#include <string_view>

namespace program {

/// Thread safety: any member from any thread.
class Output {
 public:
  /// `human`: lines for people instead of JSON.
  explicit Output(bool human) noexcept : human_(human) {}

  bool human() const noexcept { return human_; }
  /// As JSON, or for people: the first member's value, then "name value" of the others.
  void line(const json::object& object);
  void text(std::string_view line);
  /// Whole lines, each with its end.
  void raw(std::string_view lines);

 private:
  const bool human_;
  std::mutex mutex_;
};

}  // namespace program
