// SPDX-License-Identifier: Apache-2.0
// Requests of the state plane.
#include "edits.hpp"
#include "ops.hpp"

#include <utility>

namespace program {
namespace {

/// A set has members instead of a value.
es::Result<json::value> read(const es::State& state, const std::string& key) {
  auto value = state.get(key);
  if (value) return from_value(*value);
  if (!value.error().is(es::Errc::type_mismatch)) return value.error();
  auto members = state.members(key);
  if (!members) return members.error();
  return json::value(from_values(*members));
}

}  // namespace

Answer state_transact(Session& session, Fields& fields) {
  const std::string scope = fields.text("scope");
  const json::array* list = fields.array("edits");
  const es::Durability durability = fields.durability();
  if (auto checked = fields.check(); !checked) return checked.error();
  auto edit = to_edit(*list);
  if (!edit) return edit.error();
  auto commit = session.node().state(scope).commit(*edit, durability);
  if (!commit) return commit.error();
  json::object out;
  out["commit"] = std::to_string(commit->stamp);
  return out;
}

Answer state_get(Session& session, Fields& fields) {
  const std::string scope = fields.text("scope");
  const std::string key = fields.text("key");
  if (auto checked = fields.check(); !checked) return checked.error();
  const es::State state = session.node().state(scope);
  auto value = read(state, key);
  if (!value) return value.error();
  json::object out;
  out["value"] = std::move(*value);
  out["conflicts"] = from_conflicts(state.conflicts(key));
  return out;
}

Answer state_scan(Session& session, Fields& fields) {
  const std::string scope = fields.text("scope");
  const std::string prefix = fields.text_or("prefix", "");
  if (auto checked = fields.check(); !checked) return checked.error();
  auto items = session.node().state(scope).scan(prefix);
  if (!items) return items.error();
  json::object cells;
  for (const es::Item& item : *items) cells[item.key] = from_item(item);
  json::object out;
  out["cells"] = std::move(cells);
  return out;
}

Answer watch(Session& session, Fields& fields) {
  const es::Plane plane = fields.plane();
  const std::string scope = fields.text("scope");
  const std::string prefix = fields.text_or("prefix", "");
  if (plane != es::Plane::state) fields.fail("plane", "only state can be watched", es::Errc::unsupported);
  if (auto checked = fields.check(); !checked) return checked.error();
  if (auto readable = session.node().state(scope).digest(); !readable) return readable.error();
  session.watch(scope, prefix);
  return json::object();
}

}  // namespace program
