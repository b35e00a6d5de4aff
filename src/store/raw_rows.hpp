// SPDX-License-Identifier: Apache-2.0
// RawRows: the rows of a table as they lie in the pages of its tree. A page that is not one of a tree costs the rows
// below it, and no others; what a row says is for the reader to prove.
// (https://www.sqlite.org/fileformat2.html, sections 1.6 and 2)
#pragma once

#include "store/raw_pages.hpp"

#include <edgesync/function.hpp>

#include <vector>

namespace edgesync::store {

/// A column: nothing, an integer, or bytes.
struct RawColumn {
  enum class Type : std::uint8_t { null, integer, bytes } type{};
  std::int64_t integer = 0;
  Bytes bytes{};
};

struct RawRow {
  std::int64_t rowid = 0;  ///< Of tables that have one.
  std::vector<RawColumn> columns{};

  bool integer(std::size_t column) const noexcept { return is(column, RawColumn::Type::integer); }
  bool bytes(std::size_t column) const noexcept { return is(column, RawColumn::Type::bytes); }
  std::uint64_t number(std::size_t column) const noexcept {
    return static_cast<std::uint64_t>(columns[column].integer);
  }
  ByteView blob(std::size_t column) const noexcept { return columns[column].bytes; }

 private:
  bool is(std::size_t column, RawColumn::Type type) const noexcept {
    return column < columns.size() && columns[column].type == type;
  }
};

class RawRows {
 public:
  using Visit = Function<void(const RawRow&)>;
  explicit RawRows(const RawPages& pages) : pages_(pages), seen_(std::size_t{pages.count()} + 1) {}

  /// All rows of the tree at `root`. How many of its pages, and of the pages with the rest of a long row, are missing.
  std::size_t read_tree(PageNumber root, const Visit& visit);
  /// The rows of pages that no tree read so far has led to: those below a page that is lost.
  void read_orphans(const std::set<PageNumber>& free, const Visit& visit);

 private:
  struct Page;
  void read_page(PageNumber number, const Visit& visit, int depth);
  void read_cell(const Page& page, std::size_t at, const Visit& visit);
  /// False if the page has been read before, or there is none.
  bool first_time(PageNumber number);
  std::optional<Bytes> payload(const Page& page, std::size_t at, std::uint64_t size);

  const RawPages& pages_;
  std::vector<bool> seen_;
  std::size_t missing_ = 0;
};

}  // namespace edgesync::store
