// SPDX-License-Identifier: Apache-2.0
#include "sim/truth.hpp"

#include "crdt/value_codec.hpp"
#include "sim/trace.hpp"

namespace edgesync::sim {
namespace {

const StateTruth nothing;
const std::map<std::uint64_t, std::uint64_t> no_records;

std::string short_id(const ReplicaId& id) { return to_string(id).substr(0, 6); }

}  // namespace

std::uint64_t record_hash(Timestamp at, std::span<const Value> fields) {
  Bytes bytes;
  Writer out(bytes);
  out.svarint(at.time_since_epoch().count());
  for (const Value& field : fields) out.raw(crdt::encode_value(field));
  return quick_hash(bytes);
}

void Truth::committed(const ReplicaId& who, const std::string& scope, const store::Committed& commit,
                      std::span<const Edit::Op> ops, const crdt::Context& seen) {
  states_[scope].record(ops, {who, commit.stamp}, seen);
  accepted_[who].push_back({commit.ticket, scope, commit.stamp, 0});
}

void Truth::appended(const ReplicaId& who, const std::string& scope, const store::Appended& appended,
                     std::span<const Record> rows) {
  auto& records = records_[{scope, who}];
  std::uint64_t sequence = appended.first;
  for (std::uint64_t left_out = appended.first + rows.size(); left_out <= appended.last; ++left_out)
    records.erase(left_out), numbered_[{scope, who, left_out}] = appended.ticket;
  for (const Record& row : rows) {
    numbered_[{scope, who, sequence}] = appended.ticket;
    records[sequence++] = record_hash(row.at, row.fields);
  }
  accepted_[who].push_back({appended.ticket, scope, appended.last, appended.first});
}

void Truth::forget(const ReplicaId& who, const Accepted& lost) {
  ++forgotten_;
  if (lost.first == 0) return states_[lost.scope].forget({who, lost.stamp});
  auto& records = records_[{lost.scope, who}];
  for (std::uint64_t sequence = lost.first; sequence <= lost.stamp; ++sequence)
    if (numbered_[{lost.scope, who, sequence}] == lost.ticket) records.erase(sequence);
}

void Truth::look(const ReplicaId& who, const store::Store& store) {
  for (const store::Scope& scope : store.scopes()) durable_[{who, scope.name}] = store.context(scope.id)[who];
}

bool Truth::in_doubt(const ReplicaId& who) const {
  const auto at = doubtful_.find(who);
  return at != doubtful_.end() && !at->second.empty();
}

void Truth::seen(const ReplicaId& who, const store::Store& store) {
  look(who, store);
  resolve(who, own_stamps(who, store));
}

Truth::Stamps Truth::own_stamps(const ReplicaId& who, const store::Store& store) {
  Stamps stamps;
  for (const store::Scope& scope : store.scopes()) stamps[scope.name] = store.context(scope.id)[who];
  return stamps;
}

void Truth::begun(const ReplicaId& who, const store::Store& store) { begun_[who] = own_stamps(who, store); }

void Truth::resolve(const ReplicaId& who, Stamps in_file) {
  // From the last to the first: if one is there, then what the file held when it began tells about those before it.
  auto doubts = std::exchange(doubtful_[who], {});
  for (auto doubt = doubts.rbegin(); doubt != doubts.rend(); ++doubt) {
    bool there = false;
    for (const Accepted& accepted : doubt->content) {
      const bool held = in_file[accepted.scope] >= accepted.stamp;
      if (!held) forget(who, accepted);
      there = there || held;
    }
    if (!doubt->content.empty()) ++(there ? doubts_kept_ : doubts_gone_);
    if (there) in_file = doubt->before;
  }
}

Finding Truth::settled(const ReplicaId& who, const store::Store& store, store::Ticket through, bool good) {
  look(who, store);
  if (good) resolve(who, begun_[who]);
  if (!good) doubtful_[who].push_back({begun_[who], {}});
  auto& accepted = accepted_[who];
  for (; !accepted.empty() && accepted.front().ticket <= through; accepted.pop_front()) {
    const Accepted& done = accepted.front();
    const bool held = durable(who, done.scope) >= done.stamp;
    if (good != held)
      return "a commit of " + done.scope +
             (good ? " was reported durable and is not in the context" : " was reported failed and is in the context");
    if (good)
      ++promised_;
    else
      doubtful_[who].back().content.push_back(done);
  }
  return std::nullopt;
}

Finding Truth::reopened(const ReplicaId& who, const store::Store& store) {
  for (const auto& [key, stamp] : durable_) {
    if (key.first != who) continue;
    crdt::Stamp held = 0;
    for (const store::Scope& scope : store.scopes())
      if (scope.name == key.second) held = store.context(scope.id)[who];
    if (held < stamp)
      return short_id(who) + " lost what was promised in " + key.second + ": " + std::to_string(held) + " of " +
             std::to_string(stamp);
  }
  look(who, store);
  resolve(who, own_stamps(who, store));
  auto& accepted = accepted_[who];
  for (; !accepted.empty(); accepted.pop_front())
    if (durable(who, accepted.front().scope) < accepted.front().stamp) forget(who, accepted.front());
  return std::nullopt;
}

crdt::Stamp Truth::durable(const ReplicaId& who, const std::string& scope) const {
  const auto at = durable_.find({who, scope});
  return at == durable_.end() ? 0 : at->second;
}

const StateTruth& Truth::state(const std::string& scope) const {
  const auto at = states_.find(scope);
  return at == states_.end() ? nothing : at->second;
}

const std::map<std::uint64_t, std::uint64_t>& Truth::records(const std::string& scope, const ReplicaId& who) const {
  const auto at = records_.find({scope, who});
  return at == records_.end() ? no_records : at->second;
}

Finding Truth::shipped_too_early(const store::Store& store, store::ScopeId id) const {
  const std::string scope = store.scope(id).name;
  for (const crdt::Context::Item& item : store.context(id).items())
    if (item.replica != store.replica() && item.stamp > durable(item.replica, scope))
      return "a node holds a dot of " + short_id(item.replica) + " in " + scope +
             " that its author never made durable: " + std::to_string(item.stamp) + " beyond " +
             std::to_string(durable(item.replica, scope));
  return std::nullopt;
}

}  // namespace edgesync::sim
