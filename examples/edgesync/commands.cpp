// SPDX-License-Identifier: Apache-2.0
#include "commands.hpp"

#include "status.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace program {
namespace {

es::Result<void> log_config(es::Node& node, const es::ScopeStatus& scope, Output& output) {
  auto known = node.config(scope.scope).history(everything);
  if (!known) return known.error();
  for (const es::Config::Known& one : *known) output.line(tagged(scope, from_known(one)));
  return {};
}

es::Result<void> log_state(es::Node& node, const es::ScopeStatus& scope, Output& output) {
  auto entries = node.state(scope.scope).journal(everything);
  if (!entries) return entries.error();
  for (const es::JournalEntry& entry : *entries) {
    json::object line = tagged(scope);
    line["version"] = entry.version;
    line["at"] = from_time(entry.at);
    json::array changes;
    for (const es::KeyChange& change : entry.changes) changes.push_back(from_change(change));
    line["changes"] = std::move(changes);
    output.line(line);
  }
  return {};
}

es::Result<void> log_stream(es::Node& node, const es::ScopeStatus& scope, Output& output) {
  auto origins = node.stream(scope.scope).origins();
  if (!origins) return origins.error();
  for (const auto& [origin, last] : *origins) {
    json::object line = tagged(scope);
    line["origin"] = es::to_string(origin);
    line["last"] = last;
    output.line(line);
  }
  return {};
}

}  // namespace

es::Result<es::Node> open_existing(const std::string& path) {
  std::error_code failure;
  if (!std::filesystem::exists(path, failure)) {
    return es::Error(es::Errc::not_found, path + ": no such database");
  }
  es::NodeOptions options;
  options.database = path;
  options.observes = true;
  return es::Node::open(std::move(options));
}

es::Result<es::Bytes> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file) return es::Error(es::Errc::not_found, path + ": cannot be read");
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return es::Bytes(first, first + text.size());
}

es::Result<std::vector<es::ScopeStatus>> scopes_of(const es::Node& node, const std::string& scope) {
  std::vector<es::ScopeStatus> scopes = node.status().scopes;
  if (!scope.empty()) std::erase_if(scopes, [&](const es::ScopeStatus& one) { return one.scope != scope; });
  if (!scope.empty() && scopes.empty()) return es::Error(es::Errc::not_found, scope + ": not in this database");
  sort_scopes(scopes);
  return scopes;
}

es::Result<int> run_status(const Options& options, Output& output) {
  auto node = open_existing(options.db);
  if (!node) return node.error();
  es::Status now = node->status();
  sort_scopes(now.scopes);
  if (output.human())
    output.text(status_text(now));
  else
    output.line(from_status(std::move(now)));
  return 0;
}

es::Result<int> run_log(const Options& options, Output& output) {
  auto node = open_existing(options.db);
  if (!node) return node.error();
  auto scopes = scopes_of(*node, options.scope);
  if (!scopes) return scopes.error();
  for (const es::ScopeStatus& scope : *scopes) {
    const auto log = of_plane(scope.plane, log_state, log_config, log_stream);
    if (auto done = log(*node, scope, output); !done) return done.error();
  }
  return 0;
}

es::Result<int> run_diff(const Options& options, Output& output) {
  auto node = open_existing(options.db);
  if (!node) return node.error();
  auto changes = node->config(options.scope).diff(options.numbers[0], options.numbers[1]);
  if (!changes) return changes.error();
  for (const es::KeyChange& change : *changes) output.line(from_change(change));
  return 0;
}

es::Result<int> run_verify(const Options& options, Output& output) {
  auto node = open_existing(options.db);
  if (!node) return node.error();
  auto findings = node->verify();
  if (!findings) return findings.error();
  for (const std::string& finding : *findings) output.line({{"finding", finding}});
  const char* result = findings->empty() ? "sound" : "damaged";
  if (!findings->empty()) {
    auto left = node->repair();
    if (!left) return left.error();
    for (const std::string& finding : *left) output.line({{"left", finding}});
    if (left->empty()) result = "repaired";
  }
  output.line({{"result", result}, {"findings", findings->size()}});
  if (findings->empty()) return 0;
  return std::string_view(result) == "repaired" ? 3 : 1;
}

es::Result<int> run_salvage(const Options& options, Output& output) {
  if (auto node = open_existing(options.db); node) {
    const auto findings = node->verify();
    node->close();
    if (findings && findings->empty()) {
      output.line({{"result", "sound"}});
      return 0;
    }
  } else if (!node.error().is(es::Errc::storage_corrupt)) {
    return node.error();
  }
  const auto report = es::salvage(options.db);
  if (!report) return report.error();
  output.line({{"result", "salvaged"}, {"detail", *report}});
  return 3;
}

es::Result<int> run_backup(const Options& options, Output& output) {
  auto node = open_existing(options.db);
  if (!node) return node.error();
  if (auto copied = node->backup(options.to); !copied) return copied.error();
  output.line({{"result", "copied"}, {"to", options.to}});
  return 0;
}

}  // namespace program
