// SPDX-License-Identifier: Apache-2.0
// A consumer's place is kept as one memo per origin, so that a commit writes what has moved and not the whole fleet.
#include <edgesync/consumer.hpp>

#include "base/path.hpp"
#include "base/text.hpp"
#include "node/core.hpp"
#include "node/record_reads.hpp"

#include <algorithm>
#include <charconv>

namespace edgesync {
namespace {

constexpr std::string_view memo_prefix = "consumer/";
constexpr std::size_t delivery_bytes_max = 4 << 20;  // of encoded records

std::optional<ReplicaId> parse_origin(std::string_view text) {
  const auto bytes = from_hex(text);
  ReplicaId id;
  if (!bytes || bytes->size() != id.bytes.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), id.bytes.begin());
  return id;
}

std::uint64_t at(const Cursor& cursor, const ReplicaId& origin) {
  const auto found = cursor.last.find(origin);
  return found == cursor.last.end() ? 0 : found->second;
}

std::string memo_of(std::string_view consumer) { return std::string(memo_prefix) + std::string(consumer) + "/"; }

Result<Cursor> committed_place(const node::ScopeHandle& scope, std::string_view name) {
  if (auto good = check_name("consumer", name); !good) return good.error();
  const std::string prefix = memo_of(name);
  const auto memos = scope.core->store().memos(scope.id, prefix);
  if (!memos) return memos.error();
  Cursor cursor;
  for (const auto& [memo, body] : *memos) {
    Reader in(body);
    const std::uint64_t last = in.varint();
    if (const auto origin = parse_origin(std::string_view(memo).substr(prefix.size())); origin && in.done())
      cursor.last[*origin] = last;
  }
  return cursor;
}

Bytes encode(std::uint64_t sequence) {
  Bytes body;
  Writer(body).varint(sequence);
  return body;
}

/// What follows of one origin; nothing (`last` is `after`) if nothing does.
Result<OriginRecords> follow(const node::ScopeHandle& scope, const store::StreamState& state, std::uint64_t after,
                             std::size_t records_max, std::size_t& bytes_left) {
  OriginRecords next{state.origin, {}, {}, 0, after};
  if (state.last <= after) return next;
  auto found = node::read_records(scope, state.origin,
                                  {.range = {.first = after + 1}, .records_max = records_max, .bytes_max = bytes_left});
  if (!found) return std::move(found).error();
  bytes_left -= std::min(bytes_left, found->bytes);
  next.records = std::move(found->read.records);
  next.gaps = std::move(found->read.gaps);
  next.last = found->last;
  std::uint64_t told = next.records.size();
  for (const Gap& gap : next.gaps) told += gap.last - gap.first + 1;
  next.trimmed = next.last - after - told;
  return next;
}

/// Origins, which are ascending, from the one after `turn` on, and then the others.
std::vector<store::StreamState> in_turn(std::vector<store::StreamState> states, const ReplicaId& turn) {
  const auto first = std::find_if(states.begin(), states.end(), [&](const auto& state) { return turn < state.origin; });
  std::rotate(states.begin(), first, states.end());
  return states;
}

}  // namespace

std::string to_string(const Cursor& cursor) {
  std::string text;
  for (const auto& [origin, last] : cursor.last)
    text += (text.empty() ? "" : ",") + to_string(origin) + ":" + std::to_string(last);
  return text;
}

Result<Cursor> parse_cursor(std::string_view text) {
  const auto bad = [text] { return Error(Errc::invalid_argument, "cursor: \"" + printable(text) + "\""); };
  Cursor cursor;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    const std::size_t colon = one.find(':');
    const auto origin = parse_origin(one.substr(0, colon));
    std::uint64_t last = 0;
    if (!origin || colon == std::string_view::npos) return bad();
    const auto [end, error] = std::from_chars(one.data() + colon + 1, one.data() + one.size(), last);
    if (error != std::errc() || end != one.data() + one.size()) return bad();
    if (last > INT64_MAX || !cursor.last.emplace(*origin, last).second) return bad();
    if (one.size() + 1 == text.size()) return bad();  // nothing follows the comma
    text.remove_prefix(std::min(text.size(), one.size() + 1));
  }
  return cursor;
}

Result<Delivery> Consumer::next(std::size_t limit) {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  if (!place_) {
    auto place = committed_place(*scope_, name_);
    if (!place) return std::move(place).error();
    place_ = *std::move(place);
  }
  const auto states = in_turn(scope_->core->store().stream(scope_->id), turn_);
  lock->unlock();
  Delivery delivery{{}, *place_};
  std::size_t bytes_left = delivery_bytes_max;
  for (const store::StreamState& state : states) {
    if (limit == 0 || bytes_left == 0) break;
    const std::uint64_t after = at(*place_, state.origin);
    auto next = follow(*scope_, state, after, limit, bytes_left);
    if (!next) return std::move(next).error();
    if (next->last == after) continue;
    limit -= next->records.size();
    delivery.upto.last[state.origin] = next->last;
    delivery.origins.push_back(*std::move(next));
  }
  place_ = delivery.upto;
  if (!delivery.empty()) turn_ = delivery.origins.back().origin;
  return delivery;
}

Result<void> Consumer::commit(const Cursor& upto) {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  const auto known = committed_place(*scope_, name_);
  if (!known) return known.error();
  store::Store& store = scope_->core->store();
  store::Ticket ticket = 0;
  for (const auto& [origin, last] : upto.last)
    if (at(*known, origin) != last)
      ticket = store.put_memo(scope_->id, memo_of(name_) + to_string(origin), encode(last));
  for (const auto& [origin, last] : known->last)
    if (!upto.last.contains(origin)) ticket = store.put_memo(scope_->id, memo_of(name_) + to_string(origin), {});
  return ticket == 0 ? Result<void>() : scope_->core->settle(*lock, ticket);
}

Result<void> Consumer::seek(Cursor to) {
  if (auto good = check_name("consumer", name_); !good) return good;
  place_ = std::move(to);
  return {};
}

Result<Cursor> Consumer::committed() const {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  return committed_place(*scope_, name_);
}

Result<std::uint64_t> Consumer::behind() const {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  const auto place = place_ ? Result<Cursor>(*place_) : committed_place(*scope_, name_);
  if (!place) return place.error();
  std::uint64_t behind = 0;
  for (const store::StreamState& state : scope_->core->store().stream(scope_->id))
    behind += state.last - std::min(state.last, at(*place, state.origin));
  return behind;
}

Result<std::vector<std::string>> Stream::consumers() const {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  const auto memos = scope_->core->store().memos(scope_->id, memo_prefix);
  if (!memos) return memos.error();
  std::vector<std::string> names;
  for (const auto& [memo, body] : *memos) {
    const std::string_view rest = std::string_view(memo).substr(memo_prefix.size());
    const std::string_view name = rest.substr(0, rest.find('/'));
    if (names.empty() || names.back() != name) names.emplace_back(name);
  }
  return names;
}

Result<void> Stream::forget_consumer(std::string_view name) { return consumer(name).commit({}); }

}  // namespace edgesync
