// SPDX-License-Identifier: Apache-2.0
// Image: what a file holds, as pages that copies share until one of them is written to. A copy of a whole disk then
// costs a pointer per page, so that looking at what a power cut would leave is cheap enough to be done often.
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <memory>
#include <vector>

namespace edgesync::sim {

class Image {
 public:
  static constexpr std::size_t page_bytes = 4096;

  std::size_t size() const noexcept { return size_; }
  void resize(std::size_t size);  ///< What is added is zero.
  void write(std::size_t offset, ByteView data);
  /// Bytes read; fewer than asked for at the end of the file.
  std::size_t read(std::size_t offset, std::span<std::byte> out) const;
  /// Takes the pages that hold these bytes from another image. Requires: both have the same size.
  void take(const Image& from, std::size_t offset, std::size_t bytes);
  void flip(std::size_t offset, unsigned bit);  ///< Requires: offset < size().

 private:
  using Page = std::array<std::byte, page_bytes>;
  std::byte* own(std::size_t page);

  std::size_t size_ = 0;
  std::vector<std::shared_ptr<Page>> pages_{};  ///< Null: zeros. Bytes beyond the size are zero, too.
};

}  // namespace edgesync::sim
