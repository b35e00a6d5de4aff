// SPDX-License-Identifier: Apache-2.0
#include "store/preview.hpp"

#include "store/cell_codec.hpp"
#include "store/row_check.hpp"

#include <algorithm>
#include <deque>

namespace edgesync::store {
namespace {

constexpr std::size_t page_bytes_max = 256 * 1024;

/// The rows of one preview. Of a scope's table it has the cells alone, which is all that joining a chunk looks at.
class PreviewTable final : public crdt::ScopeTable {
 public:
  PreviewTable(SqlTable& table, Oid from) noexcept : table_(table), file_(table.file()), from_(from) {}

  crdt::Cell find(ByteView key) override {
    Query row(file_.db, Sql::preview_find);
    return row.bind(table_.sid()).bind(from_).bind(key).step() ? decode(key, row.blob(0)) : crdt::Cell{};
  }
  void scan(const crdt::KeyRange& range, const Visit& visit) override;
  void replace(ByteView key, const crdt::Cell& before, const crdt::Cell& after) override;

  const crdt::Context& context() const override { return table_.context(); }
  void advance(const crdt::Context&) override {}
  const crdt::Context& floors() const override { return none_; }
  void raise_floors(const crdt::Context&) override {}
  void log(const crdt::LogItem&) override {}
  void scan_log(const ReplicaId&, crdt::Stamp, const Function<bool(const crdt::LogItem&)>&) override {}
  void restore_log(const ReplicaId&, std::span<const crdt::LogItem>) override {}
  crdt::Summary summary() const override { return crdt::Summary::unknown(); }

  using Row = std::pair<Bytes, crdt::Cell>;
  /// The next rows from `low` on; none if there are no more.
  std::deque<Row> page(const crdt::KeyRange& range);

 private:
  /// A row that is not what was written shows nothing: the cut brings what it held.
  crdt::Cell decode(ByteView key, ByteView row) const {
    const auto entries = open_cell(row, table_.sid(), key);
    return (entries ? decode_cell(*entries, file_.origins) : std::nullopt).value_or(crdt::Cell{});
  }

  SqlTable& table_;
  File& file_;
  Oid from_;
  const crdt::Context none_{};
};

std::deque<PreviewTable::Row> PreviewTable::page(const crdt::KeyRange& range) {
  std::deque<Row> rows;
  Query row(file_.db, Sql::preview_scan);
  row.bind(table_.sid()).bind(from_).bind(range.low);
  for (std::size_t bytes = 0; bytes < page_bytes_max && row.step() && range.contains(row.blob(0));) {
    bytes += row.blob(0).size() + row.blob(1).size();
    rows.emplace_back(to_bytes(row.blob(0)), decode(row.blob(0), row.blob(1)));
  }
  return rows;
}

/// Rows in ascending order, a page at a time: no statement is open while what is read is looked at.
class Cursor {
 public:
  Cursor(PreviewTable& table, crdt::KeyRange rest) : table_(table), rest_(std::move(rest)) { refill(); }
  const PreviewTable::Row* peek() const noexcept { return page_.empty() ? nullptr : &page_.front(); }
  PreviewTable::Row take() {
    PreviewTable::Row row = std::move(page_.front());
    page_.pop_front();
    if (page_.empty()) {
      rest_.low = row.first;
      rest_.low.push_back(std::byte{0});  // the very next key
      refill();
    }
    return row;
  }

 private:
  void refill() { page_ = table_.page(rest_); }

  PreviewTable& table_;
  crdt::KeyRange rest_;
  std::deque<PreviewTable::Row> page_;
};

void PreviewTable::scan(const crdt::KeyRange& range, const Visit& visit) {
  for (Cursor rows(*this, range); rows.peek() != nullptr;) {
    const Row row = rows.take();
    if (!row.second.empty() && !visit(row.first, row.second)) return;
  }
}

void PreviewTable::replace(ByteView key, const crdt::Cell&, const crdt::Cell& after) {
  if (after.empty()) {
    Query(file_.db, Sql::preview_delete).bind(table_.sid()).bind(from_).bind(key).step();
    return;
  }
  Bytes row;
  Writer out(row);
  encode_cell(out, after, file_.origins);
  seal_cell(row, table_.sid(), key);
  Query(file_.db, Sql::preview_put).bind(table_.sid()).bind(from_).bind(key).bind(row).step();
}

crdt::Cell both(const crdt::Cell& one, const crdt::Cell& other) {
  crdt::Cell all;
  std::set_union(one.begin(), one.end(), other.begin(), other.end(), std::back_inserter(all),
                 [](const crdt::Entry& a, const crdt::Entry& b) { return a.dot < b.dot; });
  return all;
}

}  // namespace

bool previewable(const File& file, const crdt::Context& context) noexcept {
  const auto& items = context.items();
  return std::all_of(items.begin(), items.end(), [&](const auto& item) { return file.is_self(item.replica); });
}

void preview_chunk(SqlTable& table, Oid from, const crdt::Chunk& chunk) {
  PreviewTable preview(table, from);
  crdt::Joining(preview, table.context(), false, nullptr).add(chunk.delta, chunk.reached);
}

void drop_preview(SqlTable& table, Oid from) {
  Query(table.file().db, Sql::preview_drop).bind(table.sid()).bind(from).step();
}

crdt::Cell PreviewView::find(ByteView key) { return both(table_.find(key), PreviewTable(table_, from_).find(key)); }

void PreviewView::scan(const crdt::KeyRange& range, const Visit& visit) {
  PreviewTable preview(table_, from_);
  Cursor rows(preview, range);
  bool more = true;
  const auto emit = [&](ByteView key, const crdt::Cell& cell) { more = more && (cell.empty() || visit(key, cell)); };
  const auto emit_row = [&] {
    const auto [key, cell] = rows.take();
    emit(key, cell);
  };
  table_.scan(range, [&](ByteView key, const crdt::Cell& cell) {
    while (more && rows.peek() != nullptr && compare(rows.peek()->first, key) < 0) emit_row();
    const bool shared = more && rows.peek() != nullptr && equal(rows.peek()->first, key);
    emit(key, shared ? both(cell, rows.take().second) : cell);
    return more;
  });
  while (more && rows.peek() != nullptr) emit_row();
}

}  // namespace edgesync::store
