// SPDX-License-Identifier: Apache-2.0
#include "laws/oracle.hpp"

#include "crdt/value_codec.hpp"

#include <algorithm>

namespace edgesync::laws {

/// One transaction while its operations are read: what it has seen, and what it will have written.
struct Oracle::Pending {
  crdt::Dot dot{};
  const crdt::Context& seen;
  std::map<Bytes, Bytes, BytesLess> written{};
};

bool Oracle::lives(const Write& write, const crdt::Context& context) {
  return context.covers(write.entry.dot) && std::none_of(write.observers.begin(), write.observers.end(),
                                                         [&](const crdt::Dot& dot) { return context.covers(dot); });
}

void Oracle::touch(Pending& pending, const crdt::KeyRange& range) {
  for (auto at = writes_.lower_bound(ByteView(range.low)); at != writes_.end() && range.contains(at->first); ++at)
    for (Write& write : at->second)
      if (lives(write, pending.seen)) write.observers.push_back(pending.dot);
  std::erase_if(pending.written, [&](const auto& item) { return range.contains(item.first); });
}

void Oracle::record(std::span<const Edit::Op> ops, const crdt::Dot& dot, const crdt::Context& seen) {
  Pending pending{dot, seen, {}};
  for (const Edit::Op& op : ops) {
    if (op.kind == Edit::Kind::erase) {
      touch(pending, crdt::cells_at(op.key));
    } else if (op.kind == Edit::Kind::erase_prefix) {
      touch(pending, crdt::cells_under(op.key));
    } else {
      const Bytes key = key_of(op);
      Bytes just_above = key;
      just_above.push_back(std::byte{0});
      touch(pending, {key, just_above});
      if (op.kind != Edit::Kind::remove) pending.written[key] = crdt::encode_value(op.value);
    }
  }
  for (const auto& [key, value] : pending.written) writes_[key].push_back({{dot, 0, value}, {}});
}

Cells Oracle::survivors(const crdt::Context& context) const {
  Cells cells;
  for (const auto& [key, writes] : writes_) {
    crdt::Cell cell;
    for (const Write& write : writes)
      if (lives(write, context)) cell.push_back(write.entry);
    std::sort(cell.begin(), cell.end(), [](const auto& a, const auto& b) { return a.dot < b.dot; });
    if (!cell.empty()) cells.emplace_hint(cells.end(), key, std::move(cell));
  }
  return cells;
}

Bytes key_of(const Edit::Op& op) {
  if (op.kind == Edit::Kind::set) return crdt::cell_key(op.key, crdt::Kind::value);
  const Bytes member = crdt::encode_value(op.value);
  if (member.size() <= 64) return crdt::cell_key(op.key, crdt::Kind::member, member);
  const Sha256Digest digest = sha256(member);
  Bytes suffix{std::byte{0xff}};
  suffix.insert(suffix.end(), digest.begin(), digest.begin() + 16);
  return crdt::cell_key(op.key, crdt::Kind::member, suffix);
}

crdt::Summary recomputed(const Cells& cells, const Hash128& fingerprint_key) {
  crdt::Summary summary;
  for (const auto& [key, cell] : cells)
    for (const crdt::Entry& entry : cell) {
      summary.sum += crdt::fingerprint(fingerprint_key, key, entry);
      ++summary.count;
    }
  return summary;
}

std::string describe(const Cells& cells) {
  std::string text;
  for (const auto& [key, cell] : cells) {
    const auto parts = crdt::split(key);
    text += parts ? parts->path + ' ' + static_cast<char>(parts->kind) + to_hex(parts->suffix) : to_hex(key);
    for (const crdt::Entry& entry : cell)
      text += ' ' + to_hex(entry.dot.replica.bytes).substr(0, 2) + ':' + std::to_string(entry.dot.stamp);
    text += "; ";
  }
  return text;
}

}  // namespace edgesync::laws
