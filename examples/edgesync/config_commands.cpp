// SPDX-License-Identifier: Apache-2.0
// config publish, rollout, history, content, diff, rollback, tag, pin, uses: the config scopes of one database. publish
// and rollout may link to a hub: then they begin with what is there, and end when the hub holds what was said.
#include "at_hub.hpp"
#include "commands.hpp"
#include "rollouts.hpp"

#include <algorithm>
#include <filesystem>

namespace program {
namespace {

/// A root document, or a signed version. `plan`: null for everybody at once.
es::Result<json::object> publish_document(es::Config config, const es::Bytes& document, const es::RolloutPlan* plan) {
  if (const auto root = plan == nullptr ? es::read_root(document) : es::Error(es::Errc::invalid_argument, {})) {
    if (auto published = config.publish_root(document); !published) return published.error();
    return json::object{{"root", root->draft.version}};
  }
  const auto version =
      plan != nullptr ? config.rollout().publish_signed(document, *plan) : config.publish_signed(document);
  if (!version) return version.error();
  return from_version(*version);
}

/// The files of a directory.
es::Result<json::object> publish_files(es::Config config, const Options& options, const es::RolloutPlan* plan) {
  auto tree = es::read_tree(options.from);
  if (!tree) return tree.error();
  const auto version = plan != nullptr ? config.rollout().publish_tree(*tree, *plan, options.note)
                                       : config.publish_tree(std::move(*tree), options.note);
  if (!version) return version.error();
  return from_version(*version);
}

es::Result<int> publish(const Options& options, const es::RolloutPlan* plan, Output& output) {
  std::error_code none;
  const bool files = std::filesystem::is_directory(options.from, none);
  if (!files && !options.note.empty())
    return es::Error(es::Errc::invalid_argument, "--note: " + options.from + " has its own");
  const auto document = files ? es::Bytes() : read_file(options.from);
  if (!document) return document.error();
  auto node = open_linked(options, false);
  if (!node) return node.error();
  const es::Config config = node->config(options.scope);
  if (auto here = follow_hub(*node, options, es::Plane::config, options.scope); !here) return here.error();
  auto line = files ? publish_files(config, options, plan) : publish_document(config, *document, plan);
  if (!line) return line.error();
  if (auto told = tell_hub(*node, options); !told) return told.error();
  output.line(*line);
  return 0;
}

es::Result<int> start_rollout(const Options& options, Output& output) {
  const auto file = read_file(options.plan);
  if (!file) return file.error();
  const auto from = parse({reinterpret_cast<const char*>(file->data()), file->size()});
  if (!from) return es::Error(from.error().code, options.plan + ": " + from.error().detail);
  const auto plan = to_plan(*from);
  if (!plan) return es::Error(plan.error().code, options.plan + ": " + plan.error().detail);
  return publish(options, &*plan, output);
}

es::Result<int> run_rollout(const Options& options, Output& output) {
  const std::string what = options.command.substr(options.command.rfind(' ') + 1);
  if (what == "start") return start_rollout(options, output);
  auto node = open_linked(options, true);
  if (!node) return node.error();
  const es::Rollout rollout = node->config(options.scope).rollout();
  if (auto here = follow_hub(*node, options, es::Plane::config, options.scope); !here) return here.error();
  if (what == "status") {
    const std::string scope = options.fleet.empty() ? "fleet" : options.fleet;
    const es::State fleet = node->state(scope);
    if (auto here = follow_hub(*node, options, es::Plane::state, scope); !here) return here.error();
    const auto line = from_rollout(rollout, fleet);
    if (!line) return line.error();
    output.line(*line);
    return 0;
  }
  const auto wave =
      static_cast<std::uint32_t>(options.numbers.empty() ? 0 : std::min<std::uint64_t>(options.numbers[0], UINT32_MAX));
  if (auto done = order(rollout, what, wave); !done) return done.error();
  if (auto told = tell_hub(*node, options); !told) return told.error();
  const auto status = rollout.status();
  if (!status) return status.error();
  output.line(from_rollout(*status));
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
  if (options.command == "config publish") return publish(options, nullptr, output);
  if (options.command.starts_with("config rollout")) return run_rollout(options, output);
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
