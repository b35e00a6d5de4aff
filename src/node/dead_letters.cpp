// SPDX-License-Identifier: Apache-2.0
// Core: what was set aside is put back or dropped, durably.
#include "node/core.hpp"

#include <algorithm>

namespace edgesync::node {
namespace {

constexpr std::size_t letters_at_once = 100;

}  // namespace

Result<std::set<std::uint64_t>> Core::quarantined(const std::vector<std::uint64_t>& wanted) {
  std::set<std::uint64_t> ids;
  for (std::uint64_t last = 0;;) {
    const auto items = store_->quarantine(last, letters_at_once);
    if (!items) return items.error();
    if (items->empty()) return ids;
    last = items->back().id;
    for (const Quarantined& item : *items)
      if (wanted.empty() || std::find(wanted.begin(), wanted.end(), item.id) != wanted.end()) ids.insert(item.id);
  }
}

Result<std::vector<Replayed>> Core::replay(const std::vector<std::uint64_t>& ids) {
  auto lock = lock_idle();
  if (!lock) return std::move(lock).error();
  if (auto settled = settle_all(*lock); !settled) return std::move(settled).error();
  const auto there = quarantined(ids);
  if (!there) return there.error();
  std::vector<Replayed> results;
  for (const std::uint64_t id : ids)
    if (!there->contains(id)) results.push_back({id, false, "nothing has this number"});
  for (const std::uint64_t id : *there) {
    auto replayed = store_->replay(id, time());
    results.push_back(replayed ? *std::move(replayed) : Replayed{id, false, replayed.error().detail});
  }
  const store::Ticket ticket = store_->accepted();
  if (auto settled = settle(*lock, ticket); !settled) return settled.error();
  return results;
}

Result<std::size_t> Core::drop(const std::vector<std::uint64_t>& ids) {
  auto lock = lock_idle();
  if (!lock) return std::move(lock).error();
  if (ids.empty()) return std::size_t{0};
  const auto there = quarantined(ids);
  if (!there) return there.error();
  auto ticket = store_->drop({there->begin(), there->end()});
  if (!ticket) return ticket.error();
  if (auto settled = settle(*lock, *ticket); !settled) return settled.error();
  return there->size();
}

}  // namespace edgesync::node
