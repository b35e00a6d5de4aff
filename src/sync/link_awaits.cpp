// SPDX-License-Identifier: Apache-2.0
// Link: patience. Whatever is asked of the peer has a deadline and a name. A deadline begins when the frame that asks
// has been written: over a slow network that is long after it was made. Silence is measured in bytes, not in frames.
#include "base/planted.hpp"
#include "sync/link.hpp"

#include <algorithm>

namespace edgesync::sync {
namespace {

const char* name(Awaited awaited) {
  switch (awaited) {
    case Awaited::subscribed:
      return "the answer to subscribe ";
    case Awaited::proof:
      return "the proof of records in ";
    case Awaited::records:
      return "the ack of records in ";
    case Awaited::search:
      return "the end of a search in ";
    case Awaited::repair:
      return "the repair of ";
  }
  return "";
}

std::string others(std::size_t scopes) {
  if (scopes < 2) return {};
  return " and " + std::to_string(scopes - 1) + (scopes == 2 ? " other scope" : " other scopes");
}

}  // namespace

std::string Link::described(wire::Channel number) const {
  const store::Scope scope = context_.store.scope(channels_.at(number).scope);
  return std::string(edgesync::name(scope.plane)) + ' ' + scope.name;
}

void Link::await_answer(const wire::Message& sent) {
  const auto begin = [&](Awaited what, wire::Channel channel) { awaits_.try_emplace({what, channel}, never); };
  if (const auto* subscribe = std::get_if<wire::Subscribe>(&sent)) begin(Awaited::subscribed, subscribe->channel);
  if (const auto* prove = std::get_if<wire::Prove>(&sent)) begin(Awaited::proof, prove->channel);
  if (const auto* segment = std::get_if<wire::Segment>(&sent)) begin(Awaited::records, segment->channel);
  if (const auto* lost = std::get_if<wire::Lost>(&sent)) begin(Awaited::repair, lost->channel);
  if (const auto* findings = std::get_if<wire::Findings>(&sent)) begin(Awaited::search, findings->channel);
}

void Link::written(Now now) {
  const Instant due = now.monotonic + context_.limits.ack;
  for (auto& [lane, outgoing] : outgoing_)
    if (outgoing.parts.empty()) outgoing.ack_due = std::min(outgoing.ack_due, now.monotonic + outgoing.ack_within);
  for (auto& [lane, transfer] : transfers_)
    for (Transfer::InFlight& chunk : transfer.in_flight)
      if (chunk.whole) chunk.due = std::min(chunk.due, due);
  for (auto& [what, at] : awaits_) at = std::min(at, due);
}

void Link::on_timer(Now now) {
  if (ending_) return;
  if (!linked_) {
    if (now.monotonic >= opened_ + context_.limits.hello) end({Errc::timed_out, "waiting for hello"});
    return;
  }
  for (const auto& [lane, outgoing] : outgoing_)
    if (now.monotonic >= outgoing.ack_due)
      return end({Errc::timed_out, "waiting for the ack of cut " + std::to_string(outgoing.id) + " in " +
                                       described(outgoing.upto.front().first) + others(outgoing.upto.size())});
  for (const auto& [lane, transfer] : transfers_)
    if (!transfer.in_flight.empty() && now.monotonic >= transfer.in_flight.front().due)
      return end(
          {Errc::timed_out, "waiting for the ack of a chunk of " + described(transfer.in_flight.front().channel)});
  for (const auto& [what, due] : awaits_)
    if (now.monotonic >= due)
      return end({Errc::timed_out, std::string("waiting for ") + name(what.first) + described(what.second)});
  for (const wire::Channel number : refusals_.take_due(now.monotonic)) mark_dirty(number);
  if (now.monotonic >= look_on_) look_on_ = never;  // next_frame() goes on
  mend_on(now);
  if (now.monotonic < ping_due()) return;
  if (pings_ >= context_.limits.heartbeats_lost && !planted(Bug::trust_silence))
    return end({Errc::timed_out, "the peer went silent"});
  ++pings_;
  asked_ = now.monotonic;
  send(wire::Ping{context_.random.next()});
}

/// Who hears or says nothing pings. The second is for a peer that is writing one long message: it hears nothing else.
Instant Link::ping_due() const noexcept { return std::max(std::min(heard_, said_), asked_) + context_.heartbeat; }

Instant Link::deadline() const noexcept {
  if (ending_) return never;
  if (!linked_) return opened_ + context_.limits.hello;
  Instant due = std::min({ping_due(), look_on_, refusals_.deadline()});
  for (const auto& [lane, outgoing] : outgoing_) due = std::min(due, outgoing.ack_due);
  for (const auto& [lane, transfer] : transfers_)
    if (!transfer.in_flight.empty()) due = std::min(due, transfer.in_flight.front().due);
  for (const auto& [what, at] : awaits_) due = std::min(due, at);
  for (const auto& [number, mending] : mending_) due = std::min(due, mending.again);
  return due;
}

}  // namespace edgesync::sync
