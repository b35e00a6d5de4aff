// SPDX-License-Identifier: Apache-2.0
#include "sync/shared_deltas.hpp"

#include <algorithm>

namespace edgesync::sync {
namespace {

constexpr std::size_t told_max = 32, bytes_max = 4u << 20;

}  // namespace

const SharedDelta* SharedDeltas::find(store::ScopeId scope, const crdt::Context& from, const crdt::Context& upto,
                                      ByteView base) const {
  const auto at = std::find_if(told_.begin(), told_.end(), [&](const Told& told) {
    return told.scope == scope && told.delta.upto == upto && told.from == from && equal(told.base, base);
  });
  return at == told_.end() ? nullptr : &at->delta;
}

void SharedDeltas::put(store::ScopeId scope, crdt::Context from, Bytes base, SharedDelta delta) {
  bytes_ += delta.bytes;
  told_.push_back({scope, std::move(from), std::move(base), std::move(delta)});
  for (; told_.size() > told_max || (bytes_ > bytes_max && told_.size() > 1); told_.pop_front())
    bytes_ -= told_.front().delta.bytes;
}

}  // namespace edgesync::sync
