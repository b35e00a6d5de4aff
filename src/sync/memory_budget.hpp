// SPDX-License-Identifier: Apache-2.0
// MemoryBudget: what all links of an engine hold in memory of one kind, against a bound. Each counts its share; a share
// that goes gives back what it holds.
#pragma once

#include <cstddef>
#include <utility>

namespace edgesync::sync {

struct MemoryBudget {
  std::size_t max = 0, used = 0;
  bool spent() const noexcept { return used >= max; }
};

class MemoryShare {
 public:
  MemoryShare() = default;
  explicit MemoryShare(MemoryBudget& budget, std::size_t bytes = 0) noexcept : budget_(&budget) { take(bytes); }
  MemoryShare(MemoryShare&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryShare& operator=(MemoryShare&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MemoryShare() { give_back(bytes_); }

  std::size_t bytes() const noexcept { return bytes_; }
  void take(std::size_t bytes) noexcept {
    budget_->used += bytes;
    bytes_ += bytes;
  }
  /// Requires: bytes <= bytes().
  void give_back(std::size_t bytes) noexcept {
    if (budget_ == nullptr) return;
    budget_->used -= bytes;
    bytes_ -= bytes;
  }
  /// One of `parts` that are left has gone out.
  void sent_one_of(std::size_t parts) noexcept { give_back(parts > 1 ? bytes_ / parts : bytes_); }

 private:
  MemoryBudget* budget_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace edgesync::sync
