// SPDX-License-Identifier: Apache-2.0
#include "store/cell_codec.hpp"

namespace edgesync::store {

void encode_cell(Writer& out, const crdt::Cell& cell, Origins& origins) {
  if (cell.empty()) return;
  out.varint(cell.size());
  for (const crdt::Entry& entry : cell) {
    const bool ranked = entry.arbitration != 0;
    out.varint(origins.intern(entry.dot.replica) << 1 | static_cast<Oid>(ranked));
    out.u64(entry.dot.stamp);
    if (ranked) out.u64(entry.arbitration);
    if (&entry != &cell.back())
      out.blob(entry.value);
    else
      out.raw(entry.value);  // the last one, and almost always the only one, runs to the end
  }
}

std::optional<crdt::Cell> decode_cell(ByteView bytes, const Origins& origins) {
  crdt::Cell cell;
  if (bytes.empty()) return cell;
  Reader in(bytes);
  cell.resize(in.count(9));
  for (crdt::Entry& entry : cell) {
    const Oid head = in.varint();
    const ReplicaId* replica = origins.find(head >> 1);
    if (replica == nullptr) return std::nullopt;
    entry.dot = {*replica, in.u64()};
    if ((head & 1) != 0) entry.arbitration = in.u64();
    entry.value = to_bytes(&entry == &cell.back() ? in.raw(in.left()) : in.blob());
  }
  if (!in.done() || cell.empty()) return std::nullopt;
  return cell;
}

}  // namespace edgesync::store
