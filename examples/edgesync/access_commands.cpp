// SPDX-License-Identifier: Apache-2.0
// keys, enroll, revoke, acl: who may do what at a hub that serves with --access. The list is edited in the hub's own
// database while it is stopped, or over a link to it by whom the list lets.
#include "at_hub.hpp"
#include "commands.hpp"

#include <chrono>

namespace program {
namespace {

constexpr std::uint64_t claim_hours = 24, claim_hours_max = 24 * 366;

template <class Texts>
json::array from_texts(const Texts& texts) {
  json::array out;
  for (const auto& text : texts) out.emplace_back(text);
  return out;
}

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    parts.emplace_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return parts;
}

es::Result<int> keys(const Options& options, Output& output) {
  if (options.command == "keys new") return run_documents(options, output);
  const auto key = read_key(options.secret);
  if (!key) return key.error();
  output.line({{"key", key->id()}});
  return 0;
}

/// The time that a claim made now is good until.
es::Result<es::Timestamp> until(const Options& options) {
  const auto hours = options.hours.empty() ? claim_hours : to_number(options.hours, "--hours");
  if (!hours) return hours.error();
  if (*hours == 0 || *hours > claim_hours_max) return invalid("--hours", "not from 1 to those of a year");
  const auto now = std::chrono::time_point_cast<es::Timestamp::duration>(std::chrono::system_clock::now());
  return now + std::chrono::hours(*hours);
}

es::Result<json::object> enroll(es::AccessList& list, const Options& options) {
  const es::Device device{options.device, split(options.roles), options.tenant};
  json::object line{{"device", device.name}, {"roles", from_texts(device.roles)}};
  if (!device.tenant.empty()) line["tenant"] = device.tenant;
  if (!options.public_key.empty() || options.certificate_only) {
    if (auto enrolled = list.enroll(device, options.public_key); !enrolled) return enrolled.error();
    if (!options.public_key.empty()) line["key"] = options.public_key;
    return line;
  }
  const auto end = until(options);
  if (!end) return end.error();
  const auto code = list.claim(device, *end);
  if (!code) return code.error();
  line["claim"] = *code;
  line["until"] = from_time(*end);
  return line;
}

es::Result<json::object> revoke(es::AccessList& list, const Options& options) {
  if (options.device.empty() == options.public_key.empty())
    return invalid("--device", "either this or --public-key says what is revoked");
  const bool device = !options.device.empty();
  const auto done =
      device ? list.revoke(options.device, options.note) : list.revoke_key(options.public_key, options.note);
  if (!done) return done.error();
  return json::object{{"revoked", device ? options.device : options.public_key}};
}

es::Result<void> show(const es::AccessList& list, Output& output) {
  const auto roles = list.roles();
  if (!roles) return roles.error();
  for (const auto& [role, rules] : *roles) {
    std::vector<std::string> texts;
    for (const es::AccessRule& rule : rules) texts.push_back(es::to_string(rule));
    output.line({{"role", role}, {"rules", from_texts(texts)}});
  }
  const auto devices = list.devices();
  if (!devices) return devices.error();
  for (const es::DeviceEntry& entry : *devices) {
    json::object line{{"device", entry.device.name}, {"roles", from_texts(entry.device.roles)}};
    if (!entry.device.tenant.empty()) line["tenant"] = entry.device.tenant;
    line["keys"] = from_texts(entry.keys);
    output.line(line);
  }
  const auto revoked = list.revoked();
  if (!revoked) return revoked.error();
  for (const auto& [key, why] : *revoked) output.line({{"revoked", key}, {"why", why}});
  return {};
}

es::Result<void> edit_rule(es::AccessList& list, const Options& options) {
  const auto rule = es::access_rule(options.rule);
  if (!rule) return es::Error(rule.error().code, "--rule: " + rule.error().detail);
  const auto done =
      options.command == "acl allow" ? list.allow(options.role, *rule) : list.disallow(options.role, *rule);
  return done ? es::Result<void>() : done.error();
}

}  // namespace

es::Result<int> run_access(const Options& options, Output& output) {
  if (options.command.starts_with("keys ")) return keys(options, output);
  auto node = open_linked(options, true);
  if (!node) return node.error();
  es::AccessList list(*node);
  if (auto here = follow_hub(*node, options, es::Plane::state, es::AccessList::scope); !here) return here.error();
  if (options.command == "acl list") {
    if (auto shown = show(list, output); !shown) return shown.error();
    return 0;
  }
  es::Result<json::object> line = json::object{};
  if (options.command == "enroll") line = enroll(list, options);
  if (options.command == "revoke") line = revoke(list, options);
  if (options.command.starts_with("acl ")) {
    if (auto done = edit_rule(list, options); !done) return done.error();
    line = json::object{{"role", options.role}, {"rule", options.rule}};
  }
  if (!line) return line.error();
  // A code is told once it works.
  if (auto told = tell_hub(*node, options); !told) return told.error();
  output.line(*line);
  return 0;
}

}  // namespace program
