// SPDX-License-Identifier: Apache-2.0
#include "store/raw_rows.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

constexpr int depth_max = 32;                         // no tree of a 2^32 page file is deeper
constexpr std::uint64_t row_bytes_max = 64ULL << 20;  // as of all rows: FORMAT.md

/// SQLite's varint: big-endian groups of seven bits, the ninth byte whole. Moves `at` on; nothing beyond the end.
std::optional<std::uint64_t> varint(ByteView bytes, std::size_t& at) noexcept {
  std::uint64_t number = 0;
  for (int i = 0; i < 9; ++i) {
    if (at >= bytes.size()) return std::nullopt;
    const auto byte = std::to_integer<std::uint64_t>(bytes[at++]);
    if (i == 8) return number << 8 | byte;
    number = number << 7 | (byte & 0x7f);
    if ((byte & 0x80) == 0) break;
  }
  return number;
}

std::int64_t integer_at(ByteView bytes) noexcept {
  std::uint64_t number = !bytes.empty() && (bytes[0] & std::byte{0x80}) != std::byte{} ? ~std::uint64_t{0} : 0;
  for (const std::byte byte : bytes) number = number << 8 | std::to_integer<std::uint64_t>(byte);
  return static_cast<std::int64_t>(number);
}

/// How many bytes a column of serial type `type` takes.
std::uint64_t size_of(std::uint64_t type) noexcept {
  constexpr std::uint64_t fixed[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};
  return type < 12 ? fixed[type] : (type - 12) / 2;
}

RawColumn column_of(std::uint64_t type, ByteView bytes) {
  if (type >= 12) return {RawColumn::Type::bytes, 0, to_bytes(bytes)};
  if (type == 8 || type == 9) return {RawColumn::Type::integer, static_cast<std::int64_t>(type - 8), {}};
  if (type >= 1 && type <= 6) return {RawColumn::Type::integer, integer_at(bytes), {}};
  return {};  // null; no row of ours holds a floating-point number
}

std::optional<RawRow> decode_row(ByteView record) {
  std::size_t at = 0;
  const auto header = varint(record, at);
  if (!header || *header > record.size() || *header < at) return std::nullopt;
  RawRow row;
  std::size_t body = static_cast<std::size_t>(*header);
  while (at < *header) {
    const auto type = varint(record.first(static_cast<std::size_t>(*header)), at);
    if (!type || size_of(*type) > record.size() - body) return std::nullopt;
    const auto size = static_cast<std::size_t>(size_of(*type));
    row.columns.push_back(column_of(*type, record.subspan(body, size)));
    body += size;
  }
  return row;
}

}  // namespace

struct RawRows::Page {
  static constexpr std::uint8_t index_inner = 2, table_inner = 5, index_leaf = 10, table_leaf = 13;
  Bytes bytes{};
  std::size_t head = 0;  ///< Where the tree's part begins.

  std::uint8_t type() const noexcept { return std::to_integer<std::uint8_t>(bytes[head]); }
  bool inner() const noexcept { return type() == index_inner || type() == table_inner; }
  bool of_tree() const noexcept { return inner() || type() == index_leaf || type() == table_leaf; }
  std::size_t cells() const noexcept { return number_at(bytes, head + 3, 2); }
  std::size_t pointers() const noexcept { return head + (inner() ? 12U : 8U); }
  /// Nothing if it lies outside.
  std::optional<std::size_t> cell(std::size_t i) const noexcept {
    const std::size_t at = number_at(bytes, pointers() + 2 * i, 2);
    return at >= pointers() && at < bytes.size() ? std::optional(at) : std::nullopt;
  }
};

bool RawRows::first_time(PageNumber number) {
  if (number >= seen_.size() || seen_[number]) return false;
  seen_[number] = true;
  return true;
}

std::size_t RawRows::read_tree(PageNumber root, const Visit& visit) {
  missing_ = 0;
  read_page(root, visit, 0);
  return missing_;
}

void RawRows::read_page(PageNumber number, const Visit& visit, int depth) {
  auto bytes = pages_.read(number);
  Page page{bytes ? *std::move(bytes) : Bytes(pages_.page_bytes()), number == 1 ? 100U : 0U};
  const bool good = page.of_tree() && page.pointers() + 2 * page.cells() <= page.bytes.size() && depth < depth_max;
  if (!good || !first_time(number)) {
    ++missing_;
    return;
  }
  for (std::size_t i = 0; i < page.cells(); ++i) {
    const auto at = page.cell(i);
    if (!at) {
      ++missing_;
      continue;
    }
    if (page.inner()) read_page(number_at(page.bytes, *at, 4), visit, depth + 1);
    if (page.type() != Page::table_inner) read_cell(page, *at, visit);
  }
  if (page.inner()) read_page(number_at(page.bytes, page.head + 8, 4), visit, depth + 1);
}

void RawRows::read_cell(const Page& page, std::size_t at, const Visit& visit) {
  if (page.inner()) at += 4;
  const auto size = varint(page.bytes, at);
  std::optional<std::uint64_t> rowid = 0;
  if (page.type() == Page::table_leaf) rowid = varint(page.bytes, at);
  const auto record = size && rowid ? payload(page, at, *size) : std::nullopt;
  auto row = record ? decode_row(*record) : std::nullopt;
  if (!row) {
    ++missing_;
    return;
  }
  row->rowid = static_cast<std::int64_t>(*rowid);
  visit(*row);
}

/// The bytes of a row, of which only the first may be in its page (section 1.6).
std::optional<Bytes> RawRows::payload(const Page& page, std::size_t at, std::uint64_t size) {
  const std::uint64_t usable = pages_.page_bytes();
  const std::uint64_t most = page.type() == Page::table_leaf ? usable - 35 : (usable - 12) * 64 / 255 - 23;
  const std::uint64_t least = (usable - 12) * 32 / 255 - 23;
  std::uint64_t local = size;
  if (size > most) local = least + (size - least) % (usable - 4);
  if (size > most && local > most) local = least;
  if (size > row_bytes_max || local > page.bytes.size() - at) return std::nullopt;
  Bytes all = to_bytes(ByteView(page.bytes).subspan(at, static_cast<std::size_t>(local)));
  for (PageNumber next = number_at(page.bytes, at + static_cast<std::size_t>(local), 4); all.size() < size;) {
    const auto more = pages_.read(next);
    if (!more || !first_time(next)) return std::nullopt;
    const auto left = static_cast<std::size_t>(std::min<std::uint64_t>(size - all.size(), usable - 4));
    all.insert(all.end(), more->begin() + 4, more->begin() + 4 + static_cast<std::ptrdiff_t>(left));
    next = number_at(*more, 0, 4);
  }
  return all;
}

void RawRows::read_orphans(const std::set<PageNumber>& free, const Visit& visit) {
  for (PageNumber number = 2; number <= pages_.count(); ++number) {
    if (seen_[number] || free.contains(number)) continue;
    auto bytes = pages_.read(number);
    if (!bytes) continue;
    const Page page{*std::move(bytes), 0};
    if (!page.of_tree() || page.type() == Page::table_inner) continue;
    if (page.pointers() + 2 * page.cells() > page.bytes.size()) continue;
    for (std::size_t i = 0; i < page.cells(); ++i)
      if (const auto at = page.cell(i)) read_cell(page, *at, visit);
  }
}

}  // namespace edgesync::store
