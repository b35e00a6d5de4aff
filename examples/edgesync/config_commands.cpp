// SPDX-License-Identifier: Apache-2.0
// config publish, history, content, diff, rollback, tag, pin, uses: the config scopes of one database. publish may link
// to a hub and then ends when the hub holds what was published.
#include "commands.hpp"

#include <filesystem>

namespace program {
namespace {

constexpr std::chrono::seconds publish_within{60};

es::Result<es::Node> open_publisher(const Options& options) {
  es::NodeOptions node;
  node.database = options.db;
  if (!options.config_root.empty()) {
    auto root = read_file(options.config_root);
    if (!root) return root.error();
    node.config_root = std::move(*root);
  }
  auto opened = es::Node::open(std::move(node));
  if (!opened || options.hub.empty()) return opened;
  es::LinkOptions link;
  link.url = options.hub;
  if (!options.token.empty()) link.token = [token = options.token] { return token; };
  link.tls.ca_file = options.ca;
  link.insecure = options.insecure;
  if (auto linked = opened->link(std::move(link)); !linked) return linked.error();
  return opened;
}

/// A root document, or a signed version.
es::Result<json::object> publish_document(es::Config config, const es::Bytes& document) {
  if (const auto root = es::read_root(document)) {
    if (auto published = config.publish_root(document); !published) return published.error();
    return json::object{{"root", root->draft.version}};
  }
  const auto version = config.publish_signed(document);
  if (!version) return version.error();
  return from_version(*version);
}

/// The files of a directory.
es::Result<json::object> publish_files(es::Config config, const Options& options) {
  auto tree = es::read_tree(options.from);
  if (!tree) return tree.error();
  const auto version = config.publish_tree(std::move(*tree), options.note);
  if (!version) return version.error();
  return from_version(*version);
}

es::Result<int> publish(const Options& options, Output& output) {
  std::error_code none;
  const bool files = std::filesystem::is_directory(options.from, none);
  if (!files && !options.note.empty())
    return es::Error(es::Errc::invalid_argument, "--note: " + options.from + " has its own");
  const auto document = files ? es::Bytes() : read_file(options.from);
  if (!document) return document.error();
  auto node = open_publisher(options);
  if (!node) return node.error();
  const es::Config config = node->config(options.scope);
  auto line = files ? publish_files(config, options) : publish_document(config, *document);
  if (!line) return line.error();
  if (!options.hub.empty())
    if (auto held = node->flush(publish_within); !held) return held.error();
  output.line(*line);
  return 0;
}

es::Result<int> history(const es::Config& config, Output& output) {
  const auto known = config.history(everything);
  if (!known) return known.error();
  for (const es::Config::Known& one : *known) output.line(from_known(one));
  return 0;
}

es::Result<int> content(const es::Config& config, std::uint64_t version, Output& output) {
  const auto found = config.content(version);
  if (!found) return found.error();
  for (const auto& [key, value] : *found) output.line({{"key", key}, {"value", from_value(value)}});
  return 0;
}

es::Result<int> rollback(es::Config config, const Options& options, Output& output) {
  const auto version = config.rollback(options.numbers[0], options.note);
  if (!version) return version.error();
  output.line(from_version(*version));
  return 0;
}

/// The version as it is marked now.
es::Result<int> mark(es::Config config, const Options& options, Output& output) {
  const std::uint64_t number = options.numbers[0];
  const auto marked = options.command == "config tag" ? config.tag(number, options.name)
                                                      : config.pin(number, options.command == "config pin");
  if (!marked) return marked.error();
  const auto known = config.history(everything);
  if (!known) return known.error();
  for (const es::Config::Known& one : *known)
    if (one.version.number == number) output.line(from_known(one));
  return 0;
}

es::Result<int> untag(es::Config config, const Options& options, Output& output) {
  if (auto untagged = config.untag(options.name); !untagged) return untagged.error();
  output.line({{"untagged", options.name}});
  return 0;
}

es::Result<int> uses(const es::Config& config, const Options& options, Output& output) {
  if (!options.at.empty()) {
    const auto time = to_time(options.at, "--at");
    if (!time) return time.error();
    const auto use = config.active_at(*time);
    if (!use) return use.error();
    output.line(from_use(*use));
    return 0;
  }
  const auto all = config.uses(everything);
  if (!all) return all.error();
  for (const es::Use& use : *all) output.line(from_use(use));
  return 0;
}

}  // namespace

es::Result<int> run_config(const Options& options, Output& output) {
  if (options.command == "config diff") return run_diff(options, output);
  if (options.command == "config publish") return publish(options, output);
  if (options.db.empty()) return run_documents(options, output);
  auto node = open_existing(options.db);
  if (!node) return node.error();
  if (auto known = scopes_of(*node, options.scope); !known) return known.error();
  es::Config config = node->config(options.scope);
  if (options.command == "config history") return history(config, output);
  if (options.command == "config content") return content(config, options.numbers[0], output);
  if (options.command == "config uses") return uses(config, options, output);
  if (options.command == "config untag") return untag(std::move(config), options, output);
  if (options.command != "config rollback") return mark(std::move(config), options, output);
  return rollback(std::move(config), options, output);
}

}  // namespace program
