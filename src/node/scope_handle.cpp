// SPDX-License-Identifier: Apache-2.0
#include "node/core.hpp"

namespace edgesync::node {

ScopeHandle::ScopeHandle(std::shared_ptr<Core> held, Plane of, std::string_view named, const StreamOptions* stream)
    : core(std::move(held)), plane(of), name(named) {
  auto opened = core->open_scope(plane, name, stream);
  if (!opened) {
    bad = std::move(opened).error();
    return;
  }
  id = opened->id;
  whole = opened->whole;
}

Result<void> ScopeHandle::read(const Function<void(crdt::CellSource&)>& read) const {
  auto lock = lock_idle();
  if (!lock) return std::move(lock).error();
  auto done = core->store().read(id, read);
  if (!done) core->stir(*lock);  // what was found damaged is to be set aside
  return done;
}

Result<Digest> ScopeHandle::digest() const {
  auto lock = lock_idle();
  if (!lock) return std::move(lock).error();
  // The digest speaks of what is durable: only that can be equal on two nodes.
  if (auto settled = core->settle_all(*lock); !settled) return std::move(settled).error();
  const crdt::Summary summary = core->store().summary(id);
  return Digest{core->store().context(id).to_string(), to_hex(summary.sum), summary.count};
}

}  // namespace edgesync::node
