// SPDX-License-Identifier: Apache-2.0
// Requests of the config plane.
#include "base64.hpp"
#include "edits.hpp"
#include "ops.hpp"

#include <utility>

namespace program {
namespace {

json::object published(const es::VersionInfo& version) {
  json::object out;
  out["version"] = version.number;
  out["version_id"] = version.id;
  return out;
}

Answer publish_edits(es::Config config, const json::value& edits, const std::string& note) {
  if (!edits.is_array()) return invalid("edits", "not a list");
  auto edit = to_edit(edits.get_array());
  if (!edit) return edit.error();
  auto version = config.publish(*edit, note);
  if (!version) return version.error();
  return published(*version);
}

Answer publish_tree(es::Config config, const json::value& tree, const std::string& note) {
  if (!tree.is_object()) return invalid("tree", "not an object");
  auto content = flatten(tree);
  if (!content) return content.error();
  auto version = config.publish_tree(std::move(*content), note);
  if (!version) return version.error();
  return published(*version);
}

Answer publish_document(es::Config config, const json::value& document) {
  const json::string* text = document.if_string();
  const auto bytes = text != nullptr ? from_base64({text->data(), text->size()}) : std::nullopt;
  if (!bytes) return invalid("document", "not base64");
  if (const auto root = es::read_root(*bytes)) {
    if (auto done = config.publish_root(*bytes); !done) return done.error();
    return json::object{{"root", root->draft.version}};
  }
  auto version = config.publish_signed(*bytes);
  if (!version) return version.error();
  return published(*version);
}

}  // namespace

Answer config_publish(Session& session, Fields& fields) {
  const std::string scope = fields.text("scope");
  const json::value* edits = fields.find("edits");
  const json::value* tree = fields.find("tree");
  const json::value* document = fields.find("document");
  if (document != nullptr && (edits != nullptr || tree != nullptr)) fields.fail("document", "not together with others");
  const std::string note = fields.text_or("note", "");
  if (document == nullptr && edits == nullptr && tree == nullptr) fields.fail("edits", "missing, and no tree");
  if (edits != nullptr && tree != nullptr) fields.fail("tree", "not together with edits");
  if (auto checked = fields.check(); !checked) return checked.error();
  es::Config config = session.config(scope);
  if (document != nullptr) return publish_document(std::move(config), *document);
  return edits != nullptr ? publish_edits(std::move(config), *edits, note)
                          : publish_tree(std::move(config), *tree, note);
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
