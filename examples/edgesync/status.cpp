// SPDX-License-Identifier: Apache-2.0
#include "status.hpp"

namespace program {
namespace {

void add_counts(json::object& out, const es::StreamCounts& counts) {
  out["produced"] = counts.produced;
  out["delivered"] = counts.delivered;
  out["pending_records"] = counts.pending;
  out["dropped"] = counts.dropped;
}

}  // namespace

json::object from_scope(const es::ScopeStatus& scope) {
  json::object out;
  out["plane"] = es::name(scope.plane);
  out["scope"] = scope.scope;
  out["why"] = es::name(scope.why);
  out["pending"] = scope.pending;
  out["acked"] = scope.acked;
  out["stable"] = scope.stable;
  out["rejected"] = scope.rejected;
  out["conflicts"] = scope.conflicts;
  if (scope.oldest_pending) out["oldest_pending_ms"] = scope.oldest_pending->count();
  if (scope.plane == es::Plane::config && scope.version.number != 0) {
    out["version"] = scope.version.number;
    out["id"] = scope.version.id;
  }
  if (scope.plane == es::Plane::stream) add_counts(out, scope.counts);
  out["digest"] = from_digest(scope.digest);
  return out;
}

json::object from_status(const es::Status& status) {
  json::object out;
  out["name"] = status.name;
  out["replica"] = es::to_string(status.replica);
  out["linked"] = status.linked;
  out["why"] = es::name(status.why);
  out["retry_in_ms"] = status.retry_in.count();
  out["peers"] = status.peers;
  if (status.last_error.code) out["last_error"] = from_error(status.last_error);
  return out;
}

json::object from_metrics(const es::Metrics& metrics) {
  json::object out;
  out["commits"] = metrics.commits;
  out["group_commits"] = metrics.group_commits;
  out["cuts_sent"] = metrics.cuts_sent;
  out["cuts_applied"] = metrics.cuts_applied;
  out["keys_sent"] = metrics.keys_sent;
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
  return out;
}

}  // namespace program
