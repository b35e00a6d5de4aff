// SPDX-License-Identifier: Apache-2.0
// RawPages: the pages of a SQLite database and its write-ahead log, read without SQLite, for a file that SQLite
// refuses. A page that cannot be read, or lies beyond the end, is nothing; nothing is ever written. Frames of the log
// count up to the last commit whose checksums hold. (https://www.sqlite.org/fileformat2.html, sections 1 and 4)
#pragma once

#include "base/bytes.hpp"

#include <edgesync/error.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace edgesync::store {

using PageNumber = std::uint32_t;

class RawPages {
 public:
  /// Fails with: storage_io (it cannot be opened or locked), already_open.
  static Result<RawPages> open(const std::string& path);
  RawPages(RawPages&& other) noexcept;
  RawPages& operator=(RawPages&&) = delete;
  ~RawPages();

  PageNumber count() const noexcept { return count_; }
  std::size_t page_bytes() const noexcept { return page_bytes_; }
  std::optional<Bytes> read(PageNumber page) const;
  /// Pages in use by nothing; nothing if their list cannot be read: then nobody knows which rows are old ones.
  std::optional<std::set<PageNumber>> free_pages() const;

 private:
  RawPages(int file, int log) noexcept : file_(file), log_(log) {}
  void read_header();
  void read_log();

  int file_ = -1, log_ = -1;
  std::size_t page_bytes_ = 4096;
  PageNumber count_ = 0;
  std::map<PageNumber, std::uint64_t> logged_{};  ///< Where in the log the newest copy of a page is.
};

/// Big-endian.
std::uint32_t number_at(ByteView bytes, std::size_t at, std::size_t size) noexcept;

}  // namespace edgesync::store
