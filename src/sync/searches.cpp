// SPDX-License-Identifier: Apache-2.0
#include "sync/searches.hpp"

#include <algorithm>

namespace edgesync::sync {
namespace {

/// Roughly what a message of a search takes in memory.
std::size_t weight(const wire::Message& message) {
  std::size_t bytes = sizeof message;
  if (const auto* inspect = std::get_if<wire::Inspect>(&message)) bytes += sync::weight(inspect->ranges);
  if (const auto* findings = std::get_if<wire::Findings>(&message))
    for (const crdt::Finding& finding : findings->findings)
      bytes += sizeof finding + finding.range.low.size() + finding.range.high.size() +
               finding.hashes.size() * sizeof(std::uint64_t);
  return bytes;
}

}  // namespace

bool Searches::needed(const Channel& channel) const {
  // Where rows were lost, what is not there has not been removed.
  return !channel.peer.empty() && talk_.store.damaged(channel.scope).empty() &&
         !channel.peer.covers(talk_.store.floors(channel.scope)) &&
         talk_.store.summary(channel.scope).count >= talk_.limits.search_entries_min && talk_.peer_can("search");
}

void Searches::begin(wire::Channel number, const Channel& channel) {
  if (current_ && current_->channel != number) {
    later_.insert(number);
    return;
  }
  crdt::Measure measure{talk_.store.fingerprint_key(channel.scope), crdt::meet(channel.peer, talk_.mine(channel))};
  current_.emplace(
      Current{number, next_++, channel.peer, talk_.store.floors(channel.scope), crdt::Survey(std::move(measure))});
  ++talk_.metrics.searches;
  looks_.push_back({wire::Inspect{number, current_->id, {crdt::KeyRange{}}}});
}

void Searches::end(wire::Channel number) {
  if (!under_way(number)) return;
  talk_.awaits.over(Awaited::search, number);
  current_.reset();
  retry_later();
}

void Searches::retry_later() {
  for (const wire::Channel number : std::exchange(later_, {})) talk_.mark_dirty(number);
}

std::optional<crdt::Removed> Searches::take_removed(wire::Channel number) {
  auto found = searched_.extract(number);
  return found.empty() ? std::nullopt : std::optional(found.mapped().search.take_removed());
}

void Searches::on(wire::Findings&& findings) {
  if (!talk_.may_receive(findings.channel, talk_.find(findings.channel), false)) return;
  look_later(std::move(findings));
}

void Searches::on(wire::Inspect&& inspect) {
  const bool ours = under_way(inspect.channel) && current_->id == inspect.search && current_->told;
  if (!ours || current_->done) return;  // of a search that has begun again meanwhile
  if (inspect.ranges.size() > talk_.limits.inspect_ranges)
    return talk_.end({Errc::limit_exceeded, "inspect: too many ranges at a time"});
  talk_.awaits.over(Awaited::search, inspect.channel);
  look_later(std::move(inspect));
}

bool Searches::may_look() const {
  return !looks_.empty() && look_on_ == never && !talk_.ending && !talk_.store.writing();
}

void Searches::on_timer(Now now) {
  if (now.monotonic >= look_on_) look_on_ = never;  // may_look() again
}

void Searches::look_later(wire::Message message) {
  const std::size_t bytes = weight(message);
  looks_bytes_ += bytes;
  looks_.push_back({std::move(message), bytes});
  const std::size_t most = talk_.limits.inspects * 2 + talk_.limits.searches;  // both directions, and beginnings
  if (looks_.size() > most || looks_bytes_ > talk_.limits.staged_bytes)
    talk_.end({Errc::limit_exceeded, "searches: more messages than are answered"});
}

void Searches::look(Now now) {
  Look& look = looks_.front();
  const auto* findings = std::get_if<wire::Findings>(&look.message);
  const auto* inspect = std::get_if<wire::Inspect>(&look.message);
  if (!(findings != nullptr ? this->look(*findings, look.at) : this->look(*inspect, look))) {
    look_on_ = now.monotonic + talk_.limits.look_pause;
    return;
  }
  looks_bytes_ -= look.bytes;
  looks_.pop_front();
}

Searches::Searched* Searches::searched(const wire::Findings& findings) {
  auto at = searched_.find(findings.channel);
  if (at != searched_.end() && at->second.id == findings.search) {
    if (at->second.asked > 0) return &at->second;
    talk_.end({Errc::protocol_violation, "findings that nobody asked for"});
    return nullptr;
  }
  if (at == searched_.end() && searched_.size() >= talk_.limits.searches) {
    talk_.end({Errc::limit_exceeded, "searches: more at once than are needed"});
    return nullptr;
  }
  crdt::Measure measure{talk_.store.fingerprint_key(talk_.at(findings.channel).scope), findings.common};
  Searched begun{findings.search, crdt::Search(std::move(measure)), {}};
  return &searched_.insert_or_assign(findings.channel, std::move(begun)).first->second;
}

/// True once all of it has been looked at.
bool Searches::look(const wire::Findings& findings, std::size_t& at) {
  Searched* const searched = this->searched(findings);
  if (searched == nullptr) return true;
  crdt::Survey& survey = searched->search.survey();
  const std::uint64_t enough = survey.read() + talk_.limits.look_entries;
  auto looked = talk_.store.look(talk_.at(findings.channel).scope, [&](crdt::CellSource& cells) {
    if (!survey.walk(cells, talk_.limits.look_entries)) return;
    for (; at < findings.findings.size() && survey.read() < enough; ++at)
      if (searched->search.take(cells, findings.findings[at])) searched->wanted.push_back(findings.findings[at].range);
  });
  if (!looked) return talk_.end_for_now(std::move(looked).error()), true;
  if (searched->search.bytes() > talk_.limits.staged_bytes) {
    talk_.end({Errc::limit_exceeded,
               "a search found more than " + std::to_string(talk_.limits.staged_bytes) + " bytes of removed entries"});
    return true;
  }
  if (!survey.done() || at < findings.findings.size()) return false;
  --searched->asked;
  ask_on(findings.channel, *searched);
  return true;
}

void Searches::ask_on(wire::Channel channel, Searched& searched) {
  if (searched.asked == 0 && searched.wanted.empty()) return talk_.send(wire::Inspect{channel, searched.id, {}});
  while (!searched.wanted.empty() && searched.asked < talk_.limits.inspects) {
    wire::Inspect next{channel, searched.id, {}};
    for (; !searched.wanted.empty() && next.ranges.size() < talk_.limits.inspect_ranges; searched.wanted.pop_front())
      next.ranges.push_back(std::move(searched.wanted.front()));
    std::sort(next.ranges.begin(), next.ranges.end(),
              [](const crdt::KeyRange& a, const crdt::KeyRange& b) { return compare(a.low, b.low) < 0; });
    ++searched.asked;
    talk_.send(std::move(next));
  }
}

/// True once all of it has been answered.
bool Searches::look(const wire::Inspect& inspect, Look& look) {
  if (!under_way(inspect.channel) || current_->id != inspect.search) return true;
  if (inspect.ranges.empty()) {
    current_->done = true;
    talk_.mark_dirty(inspect.channel);
    return true;
  }
  crdt::Survey& survey = current_->survey;
  const std::uint64_t enough = survey.read() + talk_.limits.look_entries;
  auto looked = talk_.store.look(talk_.at(inspect.channel).scope, [&](crdt::CellSource& cells) {
    if (!survey.walk(cells, talk_.limits.look_entries)) return;
    for (; look.at < inspect.ranges.size() && survey.read() < enough; ++look.at)
      for (crdt::Finding& finding : crdt::inspect(survey, cells, inspect.ranges[look.at]))
        look.told.findings.push_back(std::move(finding));
  });
  if (!looked) return talk_.end_for_now(std::move(looked).error()), true;
  if (!survey.done() || look.at < inspect.ranges.size()) return false;
  look.told.channel = inspect.channel;
  look.told.search = inspect.search;
  if (!std::exchange(current_->told, true)) look.told.common = *survey.measure().common;
  talk_.send(std::move(look.told));
  return true;
}

}  // namespace edgesync::sync
