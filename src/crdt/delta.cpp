// SPDX-License-Identifier: Apache-2.0
#include "crdt/delta.hpp"

#include "base/planted.hpp"
#include "crdt/chunk.hpp"

namespace edgesync::crdt {
namespace {

/// False if the keys and values have more than `bytes_max`.
bool list_all(ScopeTable& table, const Context& receiver, Delta& delta, std::size_t bytes_max) {
  std::size_t bytes = 0;
  table.scan({}, [&](ByteView key, const Cell& cell) {
    delta.keys.push_back(list(key, cell, receiver));
    bytes += cost(delta.keys.back());
    return bytes <= bytes_max;
  });
  return bytes <= bytes_max;
}

/// A complete delta names all keys of the sender: what it does not name and its context covers is gone.
void drop_unlisted(ScopeTable& table, const Delta& delta) {
  std::vector<std::pair<Bytes, Cell>> found;
  auto next = delta.keys.begin();
  table.scan({}, [&](ByteView key, const Cell& cell) {
    while (next != delta.keys.end() && compare(next->key, key) < 0) ++next;
    if (next == delta.keys.end() || !equal(next->key, key)) found.emplace_back(to_bytes(key), cell);
    return true;
  });
  for (const auto& [key, cell] : found) {
    const Cell rest = without(cell, delta.upto);
    if (rest.size() != cell.size()) table.replace(key, cell, rest);
  }
}

Delta begin_delta(ScopeTable& table, const Context& receiver) {
  Delta delta;
  delta.base = receiver;
  delta.upto = table.context();
  delta.summary = table.summary();
  return delta;
}

}  // namespace

bool below_floor(ScopeTable& table, const Context& receiver) {
  return !planted(Bug::ignore_floors) && !receiver.covers(table.floors());
}

Delta make_delta(ScopeTable& table, const Context& receiver) { return *make_small_delta(table, receiver, SIZE_MAX); }

std::optional<Delta> make_small_delta(ScopeTable& table, const Context& receiver, std::size_t bytes_max) {
  if (!receiver.empty() && !below_floor(table, receiver)) {
    Chunk all = make_chunk(table, receiver, bytes_max);
    if (!all.last()) return std::nullopt;
    return std::move(all.delta);
  }
  Delta delta = begin_delta(table, receiver);
  delta.complete = true;
  if (!list_all(table, receiver, delta, bytes_max)) return std::nullopt;
  return delta;
}

Delta make_fast_delta(ScopeTable& table, const Context& receiver) {
  return make_chunk(table, receiver, SIZE_MAX).delta;
}

bool applicable(const Delta& delta, const Context& mine) noexcept {
  return planted(Bug::skip_base_check) || mine.covers(delta.base);
}

Applied apply_delta(ScopeTable& table, const Delta& delta, const Removed* removed) {
  if (delta.complete) {
    drop_unlisted(table, delta);
    raise_jumped_floors(table, delta.upto);
  }
  Joining joining(table, delta.base, false, removed);
  joining.add(delta, delta.upto);
  return joining.finish(delta.upto, delta.summary);
}

}  // namespace edgesync::crdt
