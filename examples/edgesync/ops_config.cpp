// SPDX-License-Identifier: Apache-2.0
// Requests of the config plane.
#include "base64.hpp"
#include "edits.hpp"
#include "ops.hpp"
#include "rollouts.hpp"

#include <utility>

namespace program {
namespace {

json::object published(const es::VersionInfo& version) {
  json::object out;
  out["version"] = version.number;
  out["version_id"] = version.id;
  return out;
}

/// What is to be published: one of three members says it.
struct Wanted {
  const json::value* edits = nullptr;
  const json::value* tree = nullptr;
  const json::value* document = nullptr;
  std::string note{};
};

Wanted read_wanted(Fields& fields) {
  const Wanted wanted{fields.find("edits"), fields.find("tree"), fields.find("document"), fields.text_or("note", "")};
  if (wanted.document != nullptr && (wanted.edits != nullptr || wanted.tree != nullptr))
    fields.fail("document", "not together with others");
  if (wanted.document == nullptr && wanted.edits == nullptr && wanted.tree == nullptr)
    fields.fail("edits", "missing, and no tree");
  if (wanted.edits != nullptr && wanted.tree != nullptr) fields.fail("tree", "not together with edits");
  return wanted;
}

Answer publish_edits(es::Config config, const Wanted& wanted, const es::RolloutPlan* plan) {
  if (!wanted.edits->is_array()) return invalid("edits", "not a list");
  auto edit = to_edit(wanted.edits->get_array());
  if (!edit) return edit.error();
  auto version =
      plan != nullptr ? config.rollout().publish(*edit, *plan, wanted.note) : config.publish(*edit, wanted.note);
  if (!version) return version.error();
  return published(*version);
}

Answer publish_tree(es::Config config, const Wanted& wanted, const es::RolloutPlan* plan) {
  if (!wanted.tree->is_object()) return invalid("tree", "not an object");
  auto content = flatten(*wanted.tree);
  if (!content) return content.error();
  auto version = plan != nullptr ? config.rollout().publish_tree(*content, *plan, wanted.note)
                                 : config.publish_tree(std::move(*content), wanted.note);
  if (!version) return version.error();
  return published(*version);
}

Answer publish_document(es::Config config, const Wanted& wanted, const es::RolloutPlan* plan) {
  const json::string* text = wanted.document->if_string();
  const auto bytes = text != nullptr ? from_base64({text->data(), text->size()}) : std::nullopt;
  if (!bytes) return invalid("document", "not base64");
  if (const auto root = es::read_root(*bytes)) {
    if (plan != nullptr) return invalid("document", "a root is for everybody at once");
    if (auto done = config.publish_root(*bytes); !done) return done.error();
    return json::object{{"root", root->draft.version}};
  }
  auto version = plan != nullptr ? config.rollout().publish_signed(*bytes, *plan) : config.publish_signed(*bytes);
  if (!version) return version.error();
  return published(*version);
}

/// `plan`: null for everybody at once.
Answer publish(es::Config config, const Wanted& wanted, const es::RolloutPlan* plan) {
  if (wanted.document != nullptr) return publish_document(std::move(config), wanted, plan);
  return wanted.edits != nullptr ? publish_edits(std::move(config), wanted, plan)
                                 : publish_tree(std::move(config), wanted, plan);
}

Answer start_rollout(Session& session, Fields& fields, const std::string& scope) {
  const Wanted wanted = read_wanted(fields);
  const json::value* plan = fields.find("plan");
  if (plan == nullptr) fields.fail("plan", "missing");
  if (auto checked = fields.check(); !checked) return checked.error();
  const auto waves = to_plan(*plan);
  if (!waves) return waves.error();
  return publish(session.config(scope), wanted, &*waves);
}

}  // namespace

Answer config_publish(Session& session, Fields& fields) {
  const std::string scope = fields.text("scope");
  const Wanted wanted = read_wanted(fields);
  if (auto checked = fields.check(); !checked) return checked.error();
  return publish(session.config(scope), wanted, nullptr);
}

Answer config_rollout(Session& session, Fields& fields) {
  const std::string scope = fields.text("scope");
  const std::string what = fields.text("do");
  if (what == "start") return start_rollout(session, fields, scope);
  const std::uint64_t wave = what == "approve" ? fields.number("wave") : 0;
  if (wave > UINT32_MAX) fields.fail("wave", "too large");
  const std::string fleet = what == "status" ? fields.text_or("fleet", "fleet") : "";
  if (auto checked = fields.check(); !checked) return checked.error();
  const es::Rollout rollout = session.config(scope).rollout();
  if (what == "status") return from_rollout(rollout, session.node().state(fleet));
  if (auto done = order(rollout, what, static_cast<std::uint32_t>(wave)); !done) return done.error();
  return json::object{};
}

Answer config_get(Session& session, Fields& fields) {
  const std::string scope = fields.text("scope");
  const std::string key = fields.text("key");
  if (auto checked = fields.check(); !checked) return checked.error();
  const es::Config config = session.config(scope);
  auto value = config.get(key);
  if (!value) return value.error();
  json::object out;
  out["value"] = from_value(*value);
  out["version"] = config.active().number;
  return out;
}

Answer config_history(Session& session, Fields& fields) {
  const std::string scope = fields.text("scope");
  const std::uint64_t limit = fields.number_or("limit", 20);
  if (auto checked = fields.check(); !checked) return checked.error();
  auto known = session.config(scope).history(limit);
  if (!known) return known.error();
  json::array versions;
  for (const es::Config::Known& one : *known) versions.push_back(from_known(one));
  json::object out;
  out["versions"] = std::move(versions);
  return out;
}

Answer config_diff(Session& session, Fields& fields) {
  const std::string scope = fields.text("scope");
  const std::uint64_t from = fields.number("from");
  const std::uint64_t to = fields.number("to");
  if (auto checked = fields.check(); !checked) return checked.error();
  auto differing = session.config(scope).diff(from, to);
  if (!differing) return differing.error();
  json::array changes;
  for (const es::KeyChange& change : *differing) changes.push_back(from_change(change));
  json::object out;
  out["changes"] = std::move(changes);
  return out;
}

Answer config_rollback(Session& session, Fields& fields) {
  const std::string scope = fields.text("scope");
  const std::uint64_t to = fields.number("to");
  const std::string note = fields.text_or("note", "");
  if (auto checked = fields.check(); !checked) return checked.error();
  auto version = session.config(scope).rollback(to, note);
  if (!version) return version.error();
  return published(*version);
}

Answer config_confirm(Session& session, Fields& fields) {
  const std::string scope = fields.text("scope");
  const std::uint64_t version = fields.number_or("version", 0);
  if (auto checked = fields.check(); !checked) return checked.error();
  if (auto confirmed = session.config(scope).confirm(version); !confirmed) return confirmed.error();
  return json::object{};
}

Answer config_tag(Session& session, Fields& fields) {
  const std::string scope = fields.text("scope");
  const std::uint64_t version = fields.number("version");
  const std::string name = fields.text("name");
  if (auto checked = fields.check(); !checked) return checked.error();
  if (auto tagged = session.config(scope).tag(version, name); !tagged) return tagged.error();
  return json::object{};
}

Answer config_untag(Session& session, Fields& fields) {
  const std::string scope = fields.text("scope");
  const std::string name = fields.text("name");
  if (auto checked = fields.check(); !checked) return checked.error();
  if (auto untagged = session.config(scope).untag(name); !untagged) return untagged.error();
  return json::object{};
}

Answer config_pin(Session& session, Fields& fields) {
  const std::string scope = fields.text("scope");
  const std::uint64_t version = fields.number("version");
  const bool pinned = fields.flag_or("pinned", true);
  if (auto checked = fields.check(); !checked) return checked.error();
  if (auto done = session.config(scope).pin(version, pinned); !done) return done.error();
  return json::object{};
}

Answer config_uses(Session& session, Fields& fields) {
  const std::string scope = fields.text("scope");
  const std::uint64_t limit = fields.number_or("limit", 20);
  const std::uint64_t at_us = fields.number_or("at_us", 0);
  if (auto checked = fields.check(); !checked) return checked.error();
  json::array uses;
  if (at_us != 0) {
    const auto use = session.config(scope).active_at(es::Timestamp(es::Timestamp::duration(at_us)));
    if (!use) return use.error();
    uses.push_back(from_use(*use));
  } else {
    const auto all = session.config(scope).uses(limit);
    if (!all) return all.error();
    for (const es::Use& use : *all) uses.push_back(from_use(use));
  }
  return json::object{{"uses", std::move(uses)}};
}

Answer config_unhealthy(Session& session, Fields& fields) {
  const std::string scope = fields.text("scope");
  const std::string reason = fields.text("reason");
  const std::uint64_t version = fields.number_or("version", 0);
  if (auto checked = fields.check(); !checked) return checked.error();
  if (auto told = session.config(scope).report_unhealthy(reason, version); !told) return told.error();
  return json::object{};
}

}  // namespace program
