// SPDX-License-Identifier: Apache-2.0
#include "status.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace program {
namespace {

json::object from_drops(const es::Drops& drops) {
  return {{"quota", drops.quota},
          {"age", drops.age},
          {"policy", drops.policy},
          {"corrupt", drops.corrupt},
          {"refused", drops.refused}};
}

void add_counts(json::object& out, const es::StreamCounts& counts) {
  out["produced"] = counts.produced;
  out["delivered"] = counts.delivered;
  out["dropped"] = counts.dropped;
  if (counts.dropped > 0) out["drops"] = from_drops(counts.drops);
}

}  // namespace

json::object tagged(const es::ScopeStatus& scope, json::object members) {
  json::object out;
  out["plane"] = es::name(scope.plane);
  out["scope"] = scope.scope;
  for (auto& [name, value] : members) out[name] = std::move(value);
  return out;
}

json::object from_scope(const es::ScopeStatus& scope) {
  json::object out = tagged(scope);
  out["why"] = es::name(scope.why);
  out["pending"] = scope.pending;
  out["acked"] = scope.acked;
  out["stable"] = scope.stable;
  out["rejected"] = scope.rejected;
  if (scope.refusal) out["refusal"] = from_error(*scope.refusal);
  if (scope.version_refused) out["version_refused"] = from_error(*scope.version_refused);
  out["conflicts"] = scope.conflicts;
  if (scope.oldest_pending) out["oldest_pending_ms"] = scope.oldest_pending->count();
  if (scope.arriving) out["arriving_bytes"] = scope.arriving->done;
  if (scope.arriving && scope.arriving->total != 0) out["arriving_total"] = scope.arriving->total;
  if (scope.plane == es::Plane::config && scope.version.number != 0) {
    out["version"] = scope.version.number;
    out["version_id"] = scope.version.id;
  }
  if (scope.plane == es::Plane::stream) {
    add_counts(out, scope.counts);
    if (scope.missing.total() > 0) out["missing"] = from_drops(scope.missing);
    out["bytes"] = scope.bytes;
  }
  out["digest"] = from_digest(scope.digest);
  return out;
}

void sort_scopes(std::vector<es::ScopeStatus>& scopes) {
  std::sort(scopes.begin(), scopes.end(), [](const es::ScopeStatus& a, const es::ScopeStatus& b) {
    return std::tie(a.plane, a.scope) < std::tie(b.plane, b.scope);
  });
}

json::object from_status(es::Status status) {
  json::object out;
  out["name"] = status.name;
  out["replica"] = es::to_string(status.replica);
  if (!status.salvaged.empty()) out["salvaged"] = status.salvaged;
  out["linked"] = status.linked;
  out["why"] = es::name(status.why);
  out["retry_in_ms"] = status.retry_in.count();
  out["peers"] = status.peers;
  out["pending"] = status.pending;
  if (status.oldest_pending) out["oldest_pending_ms"] = status.oldest_pending->count();
  if (status.clock_offset) out["clock_offset_ms"] = status.clock_offset->count();
  if (status.last_error.code) out["last_error"] = from_error(status.last_error);
  sort_scopes(status.scopes);
  json::array scopes;
  for (const es::ScopeStatus& scope : status.scopes) scopes.push_back(from_scope(scope));
  out["scopes"] = std::move(scopes);
  return out;
}

json::object from_metrics(const es::Metrics& metrics) {
  json::object out;
  out["commits"] = metrics.commits;
  out["group_commits"] = metrics.group_commits;
  out["cuts_sent"] = metrics.cuts_sent;
  out["searches"] = metrics.searches;
  out["cuts_applied"] = metrics.cuts_applied;
  out["keys_sent"] = metrics.keys_sent;
  out["deltas_read"] = metrics.deltas_read;
  out["deltas_shared"] = metrics.deltas_shared;
  out["patches_sent"] = metrics.patches_sent;
  out["keys_received"] = metrics.keys_received;
  out["segments_sent"] = metrics.segments_sent;
  out["segments_received"] = metrics.segments_received;
  out["records_appended"] = metrics.records_appended;
  out["bytes_sent"] = metrics.bytes_sent;
  out["bytes_received"] = metrics.bytes_received;
  out["links"] = metrics.links;
  out["links_failed"] = metrics.links_failed;
  out["conflicts"] = metrics.conflicts;
  out["divergences"] = metrics.divergences;
  out["storage_faults"] = metrics.storage_faults;
  out["handler_faults"] = metrics.handler_faults;
  out["watchdogs"] = metrics.watchdogs;
  out["identities"] = metrics.identities;
  out["records_missing"] = metrics.records_missing;
  return out;
}

}  // namespace program
