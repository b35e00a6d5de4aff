// SPDX-License-Identifier: Apache-2.0
#include "at_hub.hpp"

#include "commands.hpp"

#include <algorithm>
#include <thread>

namespace program {
namespace {

constexpr std::chrono::seconds hub_within{60};

}  // namespace

es::Result<es::LinkOptions> link_to(const Options& options) {
  es::LinkOptions link;
  link.url = options.hub;
  if (!options.token.empty()) link.token = [token = options.token] { return token; };
  link.tls.ca_file = options.ca;
  link.insecure = options.insecure;
  if (options.secret.empty()) return link;
  auto key = read_key(options.secret);
  if (!key) return key.error();
  link.key = std::move(*key);
  return link;
}

es::Result<decltype(es::NodeOptions::schemas)> read_schemas(const Options& options) {
  decltype(es::NodeOptions::schemas) schemas;
  for (const auto& [scope, path] : options.schemas) {
    const auto text = read_file(path);
    if (!text) return text.error();
    auto schema = es::JsonSchema::parse({reinterpret_cast<const char*>(text->data()), text->size()});
    if (!schema) return es::Error(schema.error().code, path + ": " + schema.error().detail);
    schemas.insert_or_assign(scope, std::move(*schema));
  }
  return schemas;
}

es::Result<es::Node> open_linked(const Options& options, bool observes) {
  es::NodeOptions node;
  auto schemas = read_schemas(options);
  if (!schemas) return schemas.error();
  node.schemas = std::move(*schemas);
  node.database = options.db;
  node.name = options.name;
  node.observes = observes;
  if (!options.config_root.empty()) {
    auto root = read_file(options.config_root);
    if (!root) return root.error();
    node.config_root = std::move(*root);
  }
  auto opened = es::Node::open(std::move(node));
  if (!opened || options.hub.empty()) return opened;
  auto link = link_to(options);
  if (!link) return link.error();
  if (auto linked = opened->link(std::move(*link)); !linked) return linked.error();
  return opened;
}

es::Result<void> follow_hub(es::Node& node, const Options& options, es::Plane plane, const std::string& scope) {
  if (options.hub.empty()) return {};
  const auto deadline = std::chrono::steady_clock::now() + hub_within;
  while (true) {
    const auto scopes = node.status().scopes;
    const auto found = std::find_if(scopes.begin(), scopes.end(), [&](const es::ScopeStatus& one) {
      return one.plane == plane && one.scope == scope;
    });
    const es::Why why = found == scopes.end() ? es::Why::connecting : found->why;
    if (why == es::Why::in_sync) return {};
    if (why == es::Why::refused && found->refusal) return *found->refusal;
    if (why == es::Why::unauthorized || std::chrono::steady_clock::now() > deadline)
      return es::Error(why == es::Why::unauthorized ? es::Errc::unauthorized : es::Errc::timed_out,
                       options.hub + ": " + scope + ": " + es::name(why));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

es::Result<void> tell_hub(es::Node& node, const Options& options) {
  return options.hub.empty() ? es::Result<void>() : node.flush(hub_within);
}

}  // namespace program
