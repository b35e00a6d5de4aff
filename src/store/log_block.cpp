// SPDX-License-Identifier: Apache-2.0
#include "store/log_block.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

using crdt::LogItem;

constexpr std::size_t checksum_bytes = 4;
constexpr Hash128 checksum_key{0x6564676573796e63U, 0x6c6f672d626c6f63U};

std::uint32_t checksum(const BlockKey& key, ByteView items) noexcept {
  std::array<std::byte, 32> head{};
  const std::array<std::uint64_t, 4> words{key.sid, key.oid, key.lo, key.part};
  for (std::size_t i = 0; i < head.size(); ++i) head[i] = static_cast<std::byte>(words[i / 8] >> (8 * (i % 8)));
  SipHash hash(checksum_key);
  hash.add(head);
  hash.add(items);
  return static_cast<std::uint32_t>(hash.finish().a);
}

void write_range(Writer& out, const LogItem& item, Origins& origins) {
  out.blob(item.range.low);
  out.blob(item.range.high);
  out.varint(item.observed.items().size());
  for (const auto& known : item.observed.items()) {
    out.varint(origins.intern(known.replica));
    out.varint(known.stamp);
  }
}

void read_range(Reader& in, LogItem& item, const Origins& origins) {
  item.range.low = to_bytes(in.blob());
  item.range.high = to_bytes(in.blob());
  for (std::size_t left = in.count(2); left > 0; --left) {
    const ReplicaId* replica = origins.find(in.varint());
    const crdt::Stamp stamp = in.varint();
    if (replica == nullptr) return in.fail();
    item.observed.advance({*replica, stamp});
  }
}

std::size_t shared_prefix(ByteView a, ByteView b) noexcept {
  const auto end = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<std::size_t>(end.first - a.begin());
}

void read_key(Reader& in, LogItem& item, std::uint64_t shared, Bytes& last_key) {
  if (shared > last_key.size()) return in.fail();
  last_key.resize(static_cast<std::size_t>(shared));
  const ByteView rest = in.blob();
  last_key.insert(last_key.end(), rest.begin(), rest.end());
  item.key = last_key;
}

}  // namespace

void LogBlock::append(const LogItem& item, Origins& origins) {
  Writer out(body_);
  out.varint(item.dot.stamp - last_);
  last_ = item.dot.stamp;
  const auto type = static_cast<std::uint64_t>(item.type);
  if (item.type == LogItem::Type::remove_range) {
    out.varint(type);
    return write_range(out, item, origins);
  }
  const std::size_t shared = shared_prefix(last_key_, item.key);
  out.varint(std::uint64_t{shared} << 2 | type);
  out.blob(ByteView(item.key).subspan(shared));
  last_key_ = item.key;
}

bool LogBlock::full_for(const LogItem& item) const noexcept {
  constexpr std::size_t item_overhead = 12;
  const std::size_t unshared = item.key.size() - shared_prefix(last_key_, item.key);
  const std::size_t range = item.range.low.size() + item.range.high.size() + item.observed.items().size() * 12;
  return !empty() && size() + item_overhead + unshared + range + checksum_bytes > block_bytes_max;
}

Bytes LogBlock::row() const {
  Bytes row = body_;
  const std::uint32_t sum = checksum(key_, body_);
  for (unsigned i = 0; i < checksum_bytes; ++i) row.push_back(static_cast<std::byte>(sum >> (8 * i)));
  return row;
}

bool LogBlock::stands(const BlockKey& key, ByteView row) noexcept {
  if (row.size() <= checksum_bytes) return false;
  const ByteView items = row.first(row.size() - checksum_bytes);
  const std::uint32_t sum = checksum(key, items);
  for (unsigned i = 0; i < checksum_bytes; ++i)
    if (row[items.size() + i] != static_cast<std::byte>(sum >> (8 * i))) return false;
  return true;
}

std::optional<LogBlock> LogBlock::decode(const BlockKey& key, ByteView row, const Origins& origins,
                                         std::vector<LogItem>* items) {
  if (row.size() <= checksum_bytes) return std::nullopt;
  LogBlock block(key);
  block.body_ = to_bytes(row.first(row.size() - checksum_bytes));
  if (!equal(block.row(), row)) return std::nullopt;
  const ReplicaId* replica = origins.find(key.oid);
  Reader in(block.body_);
  while (replica != nullptr && in.left() > 0) {
    LogItem item;
    block.last_ += in.varint();
    item.dot = {*replica, block.last_};
    const std::uint64_t head = in.varint();
    item.type = static_cast<LogItem::Type>(head & 3);
    if (item.type > LogItem::Type::remove_range) return std::nullopt;
    if (item.type == LogItem::Type::remove_range)
      read_range(in, item, origins);
    else
      read_key(in, item, head >> 2, block.last_key_);
    if (items != nullptr && !in.failed()) items->push_back(std::move(item));
  }
  if (!in.done()) return std::nullopt;
  return block;
}

}  // namespace edgesync::store
