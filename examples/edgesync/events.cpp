// SPDX-License-Identifier: Apache-2.0
#include "events.hpp"

#include <string>

namespace program {
namespace {

void add_version(json::object& out, const es::Event& event) {
  if (event.kind == es::EventKind::rolled_back) {
    out["to"] = event.version.number;
  } else if (event.version.number != 0) {
    out["version"] = event.version.number;
    out["version_id"] = event.version.id;
  }
}

void add_error(json::object& out, const es::Error& error) {
  if (!error.code) return;
  out["code"] = code_name(error.code);
  out["reason"] = error.detail;
}

bool about_link(es::EventKind kind) { return kind == es::EventKind::linked || kind == es::EventKind::unlinked; }

}  // namespace

json::object from_event(const es::Event& event) {
  json::object out;
  out["event"] = es::name(event.kind);
  out["level"] = es::name(es::level(event));
  if (!event.scope.empty() && !about_link(event.kind)) {
    out["plane"] = es::name(event.plane);
    out["scope"] = event.scope;
  }
  if (!event.key.empty()) out["key"] = event.key;
  if (event.commit.stamp != 0) out["commit"] = std::to_string(event.commit.stamp);
  add_version(out, event);
  if (!event.peer.empty()) out["peer"] = event.peer;
  if (event.kind == es::EventKind::identity) {
    out["old"] = es::to_string(event.replica_before);
    out["new"] = es::to_string(event.replica_after);
  }
  add_error(out, event.error);
  return out;
}

json::object from_state_change(const es::Change& change) {
  json::object out;
  out["event"] = "change";
  out["plane"] = "state";
  out["scope"] = change.scope;
  out["key"] = change.key;
  if (change.before) out["before"] = from_value(*change.before);
  if (change.after) out["after"] = from_value(*change.after);
  out["author"] = es::to_string(change.author);
  out["at"] = from_time(change.at);
  return out;
}

}  // namespace program
