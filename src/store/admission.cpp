// SPDX-License-Identifier: Apache-2.0
#include "store/admission.hpp"

#include "crdt/transaction.hpp"
#include "store/range_set.hpp"

#include <algorithm>
#include <map>

namespace edgesync::store {
namespace {

Error malformed(const char* what) { return {Errc::protocol_violation, std::string("cut: ") + what}; }
Error too_large(const char* what) { return {Errc::limit_exceeded, std::string("cut: ") + what}; }

bool fits_column(const crdt::Context& context) noexcept {
  return std::all_of(context.items().begin(), context.items().end(),
                     [](const crdt::Context::Item& item) { return item.stamp <= INT64_MAX; });
}

Result<void> admit_key(const crdt::KeyState& state, const crdt::Context& upto) {
  if (state.key.empty()) return malformed("an empty key");
  if (state.listed.size() > crdt::cell_entries_max) return too_large("more entries than a cell holds");
  std::size_t bytes = 0;
  crdt::Dot last;
  for (const crdt::Listed& listed : state.listed) {
    if (listed.entry.dot <= std::exchange(last, listed.entry.dot)) return malformed("entries do not ascend");
    if (!upto.covers(listed.entry.dot)) return malformed("an entry beyond its context");
    if (listed.entry.value.size() > crdt::value_bytes_max) return too_large("a value above 512 KiB");
    bytes += listed.entry.value.size();
  }
  if (bytes > cell_bytes_max) return too_large("more bytes than a cell holds");
  return {};
}

Result<void> admit_removals(const std::vector<crdt::LogItem>& removals, const crdt::Context& upto) {
  std::map<ReplicaId, crdt::Stamp> last;
  for (const crdt::LogItem& item : removals) {
    const bool range = item.type == crdt::LogItem::Type::remove_range;
    if (!range && item.type != crdt::LogItem::Type::remove) return malformed("a removal that is none");
    if (!range && item.key.empty()) return malformed("an empty key");
    if (!upto.covers(item.dot)) return malformed("a removal beyond its context");
    crdt::Stamp& before = last[item.dot.replica];
    if (item.dot.stamp < std::exchange(before, item.dot.stamp)) return malformed("removals do not ascend");
  }
  return {};
}

Result<void> admit_keys(const std::vector<crdt::KeyState>& keys, const crdt::Context& upto) {
  const Bytes* last = nullptr;
  for (const crdt::KeyState& state : keys) {
    if (auto good = admit_key(state, upto); !good) return good;
    if (last != nullptr && compare(*last, state.key) >= 0) return malformed("keys do not ascend");
    last = &state.key;
  }
  return {};
}

bool has_room(const crdt::Context& mine, const crdt::Context& upto, const ReplicaId& self) {
  if (mine.items().size() + upto.items().size() < crdt::context_items_max) return true;
  crdt::Context joined = mine;
  joined.join(upto);
  joined.advance({self, 1});
  return joined.items().size() <= crdt::context_items_max;
}

}  // namespace

Result<void> admit(const crdt::Delta& delta, const crdt::Context& mine, const ReplicaId& self) {
  if (!fits_column(delta.upto)) return malformed("a stamp above 2^63 - 1");
  if (!has_room(mine, delta.upto, self)) return too_large("more replicas than one scope holds");
  if (auto good = admit_removals(delta.removals, delta.upto); !good) return good;
  return admit_keys(delta.keys, delta.upto);
}

void bound_removals(crdt::Delta& delta) {
  for (crdt::LogItem& item : delta.removals)
    if (!delta.upto.covers(item.observed)) item.observed = crdt::meet(item.observed, delta.upto);
}

Result<void> admit(const crdt::Repair& repair) {
  RangeSet ranges;
  for (const crdt::KeyRange& range : repair.ranges) ranges.add(range);
  for (const crdt::KeyState& state : repair.keys) {
    if (!ranges.contains(state.key)) return Error(Errc::protocol_violation, "repair: a key in none of its ranges");
    for (const crdt::Listed& listed : state.listed)
      if (listed.reference) return Error(Errc::protocol_violation, "repair: an entry without its value");
  }
  return admit_keys(repair.keys, repair.upto);
}

}  // namespace edgesync::store
