// SPDX-License-Identifier: Apache-2.0
// Link: searches. A peer that was away beyond a scope's floors is not told everything again: by range fingerprints it
// finds what it still holds and we have seen removed, then it gets an ordinary delta. See crdt/search.hpp. A scope of
// any size is looked at a few thousand entries at a time, so that a search never holds up what else the node has to do.
#include "sync/link.hpp"

#include <algorithm>

namespace edgesync::sync {

namespace {

std::size_t weight(const crdt::KeyRange& range) { return sizeof range + range.low.size() + range.high.size(); }

/// Roughly what a message of a search takes in memory.
std::size_t weight(const wire::Message& message) {
  std::size_t bytes = sizeof message;
  if (const auto* inspect = std::get_if<wire::Inspect>(&message))
    for (const crdt::KeyRange& range : inspect->ranges) bytes += weight(range);
  if (const auto* findings = std::get_if<wire::Findings>(&message))
    for (const crdt::Finding& finding : findings->findings)
      bytes += sizeof finding + weight(finding.range) + finding.hashes.size() * sizeof(std::uint64_t);
  return bytes;
}

}  // namespace

bool Link::needs_search(const Channel& channel) const {
  // Where rows were lost, what is not there has not been removed.
  return !channel.peer.empty() && context_.store.damaged(channel.scope).empty() &&
         !channel.peer.covers(context_.store.floors(channel.scope)) &&
         context_.store.summary(channel.scope).count >= context_.limits.search_entries_min && peer_can("search");
}

void Link::begin_search(wire::Channel number, const Channel& channel) {
  if (search_ && search_->channel != number) {
    search_later_.insert(number);
    return;
  }
  crdt::Measure measure{context_.store.fingerprint_key(channel.scope),
                        crdt::meet(channel.peer, context_.store.context(channel.scope))};
  search_.emplace(Searching{number, next_search_++, channel.peer, context_.store.floors(channel.scope),
                            crdt::Survey(std::move(measure))});
  ++context_.metrics.searches;
  looks_.push_back({wire::Inspect{number, search_->id, {crdt::KeyRange{}}}});
}

void Link::end_search() {
  if (search_) awaited(Awaited::search, search_->channel);
  search_.reset();
  for (const wire::Channel number : std::exchange(search_later_, {})) mark_dirty(number);
}

void Link::on(wire::Findings&& findings) {
  if (!may_receive(findings.channel, find(findings.channel), false)) return;
  look_later(std::move(findings));
}

void Link::on(wire::Inspect&& inspect) {
  const bool ours = search_ && search_->channel == inspect.channel && search_->id == inspect.search && search_->told;
  if (!ours || search_->done) return;  // of a search that has begun again meanwhile
  if (inspect.ranges.size() > context_.limits.inspect_ranges)
    return end({Errc::limit_exceeded, "inspect: too many ranges at a time"});
  awaited(Awaited::search, inspect.channel);
  look_later(std::move(inspect));
}

void Link::look_later(wire::Message message) {
  const std::size_t bytes = weight(message);
  looks_bytes_ += bytes;
  looks_.push_back({std::move(message), bytes});
  const std::size_t most = context_.limits.inspects * 2 + context_.limits.searches;  // both directions, and beginnings
  if (looks_.size() > most || looks_bytes_ > context_.limits.staged_bytes)
    end({Errc::limit_exceeded, "searches: more messages than are answered"});
}

void Link::look(Now now) {
  Look& look = looks_.front();
  const auto* findings = std::get_if<wire::Findings>(&look.message);
  const auto* inspect = std::get_if<wire::Inspect>(&look.message);
  if (!(findings != nullptr ? this->look(*findings, look.at) : this->look(*inspect, look))) {
    look_on_ = now.monotonic + context_.limits.look_pause;
    return;
  }
  looks_bytes_ -= look.bytes;
  looks_.pop_front();
}

Link::Searched* Link::searched(const wire::Findings& findings) {
  auto at = searched_.find(findings.channel);
  if (at != searched_.end() && at->second.id == findings.search) {
    if (at->second.asked > 0) return &at->second;
    end({Errc::protocol_violation, "findings that nobody asked for"});
    return nullptr;
  }
  if (at == searched_.end() && searched_.size() >= context_.limits.searches) {
    end({Errc::limit_exceeded, "searches: more at once than are needed"});
    return nullptr;
  }
  crdt::Measure measure{context_.store.fingerprint_key(channels_.at(findings.channel).scope), findings.common};
  Searched begun{findings.search, crdt::Search(std::move(measure)), {}};
  return &searched_.insert_or_assign(findings.channel, std::move(begun)).first->second;
}

/// True once all of it has been looked at.
bool Link::look(const wire::Findings& findings, std::size_t& at) {
  Searched* const searched = this->searched(findings);
  if (searched == nullptr) return true;
  crdt::Survey& survey = searched->search.survey();
  const std::uint64_t enough = survey.read() + context_.limits.look_entries;
  auto looked = context_.store.look(channels_.at(findings.channel).scope, [&](crdt::CellSource& cells) {
    if (!survey.walk(cells, context_.limits.look_entries)) return;
    for (; at < findings.findings.size() && survey.read() < enough; ++at)
      if (searched->search.take(cells, findings.findings[at])) searched->wanted.push_back(findings.findings[at].range);
  });
  if (!looked) return end(std::move(looked).error(), std::chrono::seconds(5)), true;
  if (searched->search.bytes() > context_.limits.staged_bytes) {
    end({Errc::limit_exceeded,
         "a search found more than " + std::to_string(context_.limits.staged_bytes) + " bytes of removed entries"});
    return true;
  }
  if (!survey.done() || at < findings.findings.size()) return false;
  --searched->asked;
  ask_on(findings.channel, *searched);
  return true;
}

void Link::ask_on(wire::Channel channel, Searched& searched) {
  if (searched.asked == 0 && searched.wanted.empty()) return send(wire::Inspect{channel, searched.id, {}});
  while (!searched.wanted.empty() && searched.asked < context_.limits.inspects) {
    wire::Inspect next{channel, searched.id, {}};
    for (; !searched.wanted.empty() && next.ranges.size() < context_.limits.inspect_ranges; searched.wanted.pop_front())
      next.ranges.push_back(std::move(searched.wanted.front()));
    std::sort(next.ranges.begin(), next.ranges.end(),
              [](const crdt::KeyRange& a, const crdt::KeyRange& b) { return compare(a.low, b.low) < 0; });
    ++searched.asked;
    send(std::move(next));
  }
}

/// True once all of it has been answered.
bool Link::look(const wire::Inspect& inspect, Look& look) {
  if (!search_ || search_->channel != inspect.channel || search_->id != inspect.search) return true;
  if (inspect.ranges.empty()) {
    search_->done = true;
    mark_dirty(inspect.channel);
    return true;
  }
  crdt::Survey& survey = search_->survey;
  const std::uint64_t enough = survey.read() + context_.limits.look_entries;
  auto looked = context_.store.look(channels_.at(inspect.channel).scope, [&](crdt::CellSource& cells) {
    if (!survey.walk(cells, context_.limits.look_entries)) return;
    for (; look.at < inspect.ranges.size() && survey.read() < enough; ++look.at)
      for (crdt::Finding& finding : crdt::inspect(survey, cells, inspect.ranges[look.at]))
        look.told.findings.push_back(std::move(finding));
  });
  if (!looked) return end(std::move(looked).error(), std::chrono::seconds(5)), true;
  if (!survey.done() || look.at < inspect.ranges.size()) return false;
  look.told.channel = inspect.channel;
  look.told.search = inspect.search;
  if (!std::exchange(search_->told, true)) look.told.common = *survey.measure().common;
  send(std::move(look.told));
  return true;
}

}  // namespace edgesync::sync
