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
constexpr std::size_t name_bytes_max = 64;
constexpr std::size_t batch_bytes_max = 4 << 20;  // of encoded records

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

Result<void> check_name(std::string_view name) {
  if (auto good = check_path("consumer", name); !good) return good;
  if (name.size() <= name_bytes_max && name.find('/') == std::string_view::npos) return {};
  return Error(Errc::invalid_argument, "consumer: \"" + std::string(name) + "\": longer than 64 bytes, or with a '/'");
}

std::string memo_of(std::string_view consumer) { return std::string(memo_prefix) + std::string(consumer) + "/"; }

Result<Cursor> committed_place(const node::ScopeHandle& scope, std::string_view name) {
  if (auto good = check_name(name); !good) return good.error();
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

/// What follows of one origin; nothing if nothing does.
Result<std::optional<Delivery>> follow(const node::ScopeHandle& scope, const store::StreamState& state,
                                       std::uint64_t after, std::size_t records_max, std::size_t& bytes_left,
                                       std::uint64_t& last) {
  if (state.last <= after) return std::optional<Delivery>();
  auto found = node::read_records(scope, state.origin, after + 1, records_max, bytes_left);
  if (!found) return std::move(found).error();
  bytes_left -= std::min(bytes_left, found->bytes);
  last = found->last;
  if (last <= after) return std::optional<Delivery>();
  std::uint64_t told = found->read.records.size();
  for (const Gap& gap : found->read.gaps) told += gap.last - gap.first + 1;
  return std::optional<Delivery>(
      {state.origin, std::move(found->read.records), std::move(found->read.gaps), last - after - told});
}

/// Origins from the one after `turn` on, and then the others.
std::vector<store::StreamState> in_turn(std::vector<store::StreamState> states, const ReplicaId& turn) {
  std::sort(states.begin(), states.end(), [](const auto& a, const auto& b) { return a.origin < b.origin; });
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

Result<Batch> Consumer::next(std::size_t limit) {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  if (!place_) {
    auto place = committed_place(*scope_, name_);
    if (!place) return std::move(place).error();
    place_ = *std::move(place);
  }
  Batch batch{{}, *place_};
  ReplicaId turn = turn_;
  std::size_t bytes_left = batch_bytes_max;
  const auto states = in_turn(scope_->core->store().stream(scope_->id), turn_);
  lock->unlock();
  for (const store::StreamState& state : states) {
    if (limit == 0 || bytes_left == 0) break;
    std::uint64_t& last = batch.upto.last[state.origin];
    auto delivery = follow(*scope_, state, last, limit, bytes_left, last);
    if (!delivery) return std::move(delivery).error();
    if (!*delivery) continue;
    turn = state.origin;
    limit -= (*delivery)->records.size();
    batch.deliveries.push_back(**std::move(delivery));
  }
  std::erase_if(batch.upto.last, [](const auto& one) { return one.second == 0; });
  place_ = batch.upto;
  turn_ = turn;
  return batch;
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
  if (auto good = check_name(name_); !good) return good;
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
