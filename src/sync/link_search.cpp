// SPDX-License-Identifier: Apache-2.0
// Link: searches. A peer that was away beyond a scope's floors is not told everything again: by range fingerprints it
// finds what it still holds and we have seen removed, then it gets an ordinary delta. See crdt/search.hpp.
#include "sync/link.hpp"

#include <algorithm>
#include <array>

namespace edgesync::sync {

bool Link::needs_search(const Channel& channel) const {
  const auto& known = peer_.capabilities;
  // Where rows were lost, what is not there has not been removed.
  return !channel.peer.empty() && context_.store.damaged(channel.scope).empty() &&
         !channel.peer.covers(context_.store.floors(channel.scope)) &&
         context_.store.summary(channel.scope).count >= context_.limits.search_entries_min &&
         std::find(known.begin(), known.end(), "search") != known.end();
}

bool Link::begin_search(wire::Channel number, const Channel& channel, Now now) {
  if (search_ && search_->channel != number) {
    search_later_.insert(number);
    return true;
  }
  Searching begun;
  begun.channel = number;
  begun.id = next_search_++;
  begun.base = channel.peer;
  begun.common = crdt::meet(channel.peer, context_.store.context(channel.scope));
  begun.floors = context_.store.floors(channel.scope);
  search_ = std::move(begun);
  ++context_.metrics.searches;
  const std::array everything{crdt::KeyRange{}};
  return tell(channel, everything, now);
}

bool Link::tell(const Channel& channel, std::span<const crdt::KeyRange> ranges, Now now) {
  wire::Findings told{search_->channel, search_->id, {}, {}};
  const bool first = search_->due == never;
  if (first) told.common = search_->common;
  auto looked = context_.store.look(channel.scope, [&](crdt::CellSource& cells) {
    for (const crdt::KeyRange& range : ranges)
      for (crdt::Finding& finding :
           crdt::inspect(cells, context_.store.fingerprint_key(channel.scope), range, search_->common))
        told.findings.push_back(std::move(finding));
  });
  if (!looked) return end(std::move(looked).error(), std::chrono::seconds(5)), false;
  search_->due = now.monotonic + context_.limits.ack;
  send(std::move(told));
  return true;
}

void Link::end_search() {
  search_.reset();
  for (const wire::Channel number : std::exchange(search_later_, {})) mark_dirty(number);
}

void Link::on(wire::Findings&& findings) {
  if (!may_receive(findings.channel, find(findings.channel), false)) return;
  look_later(std::move(findings));
}

void Link::on(wire::Inspect&& inspect) {
  const bool ours = search_ && search_->channel == inspect.channel && search_->id == inspect.search && !search_->done;
  if (!ours) return;  // of a search that has begun again meanwhile
  if (inspect.ranges.size() > context_.limits.inspect_ranges)
    return end({Errc::limit_exceeded, "inspect: too many ranges at a time"});
  look_later(std::move(inspect));
}

/// An honest peer has one message of a search under way per direction.
void Link::look_later(wire::Message message) {
  looks_.push_back(std::move(message));
  if (looks_.size() > context_.limits.searches)
    end({Errc::limit_exceeded, "searches: more messages than are answered"});
}

void Link::look(Now now) {
  const wire::Message message = std::move(looks_.front());
  looks_.pop_front();
  if (const auto* findings = std::get_if<wire::Findings>(&message)) look(*findings);
  if (const auto* inspect = std::get_if<wire::Inspect>(&message)) look(*inspect, now);
}

void Link::look(const wire::Findings& findings) {
  const Channel& channel = channels_.at(findings.channel);
  const Hash128 key = context_.store.fingerprint_key(channel.scope);
  auto at = searched_.find(findings.channel);
  if (at == searched_.end() && searched_.size() >= context_.limits.searches)
    return end({Errc::limit_exceeded, "searches: more at once than are needed"});
  if (at == searched_.end() || at->second.id != findings.search)
    at = searched_.insert_or_assign(findings.channel, Searched{findings.search, crdt::Search(key, findings.common), {}})
             .first;
  Searched& searched = at->second;
  auto looked = context_.store.look(channel.scope, [&](crdt::CellSource& cells) {
    for (crdt::KeyRange& range : searched.search.take(cells, findings.findings))
      searched.wanted.push_back(std::move(range));
  });
  if (!looked) return end(std::move(looked).error(), std::chrono::seconds(5));
  if (searched.search.bytes() > context_.limits.staged_bytes)
    return end({Errc::limit_exceeded, "a search found more than " + std::to_string(context_.limits.staged_bytes) +
                                          " bytes of removed entries"});
  wire::Inspect next{findings.channel, findings.search, {}};
  for (; !searched.wanted.empty() && next.ranges.size() < context_.limits.inspect_ranges; searched.wanted.pop_front())
    next.ranges.push_back(std::move(searched.wanted.front()));
  std::sort(next.ranges.begin(), next.ranges.end(),
            [](const crdt::KeyRange& a, const crdt::KeyRange& b) { return compare(a.low, b.low) < 0; });
  send(std::move(next));
}

void Link::look(const wire::Inspect& inspect, Now now) {
  if (!search_ || search_->channel != inspect.channel || search_->id != inspect.search) return;
  if (!inspect.ranges.empty()) {
    tell(channels_.at(inspect.channel), inspect.ranges, now);
    return;
  }
  search_->done = true;
  search_->due = never;
  mark_dirty(inspect.channel);
}

}  // namespace edgesync::sync
