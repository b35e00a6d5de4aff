// SPDX-License-Identifier: Apache-2.0
// export and import: what is in a database, as the requests that would write it again, one per line. What is imported
// is written anew: by this database, at this time, beside what it holds already. Concurrent values that lost are not
// exported; dump shows them.
#include "commands.hpp"
#include "ops.hpp"
#include "status.hpp"

#include <algorithm>
#include <utility>

namespace program {
namespace {

constexpr std::size_t edits_per_line = 256;
constexpr std::size_t rows_per_line = 1000;

json::object request(const char* op, const es::ScopeStatus& scope) { return {{"op", op}, {"scope", scope.scope}}; }

void add_edits(const es::Item& item, json::array& edits) {
  if (item.type == es::Item::Type::set)
    for (const es::Value& member : item.members)
      edits.push_back(json::object{{"insert", item.key}, {"member", from_value(member)}});
  else
    edits.push_back(item.type == es::Item::Type::counter
                        ? json::object{{"add", item.key}, {"delta", from_value(item.value)}}
                        : json::object{{"set", item.key}, {"value", from_value(item.value)}});
}

es::Result<void> export_state(es::Node& node, const es::ScopeStatus& scope, Output& output) {
  const auto items = node.state(scope.scope).scan();
  if (!items) return items.error();
  json::array edits;
  const auto write = [&] {
    json::object line = request("state.transact", scope);
    line["edits"] = std::exchange(edits, {});
    output.line(line);
  };
  for (const es::Item& item : *items) {
    add_edits(item, edits);
    if (edits.size() >= edits_per_line) write();
  }
  if (!edits.empty()) write();
  return {};
}

es::Result<void> export_config(es::Node& node, const es::ScopeStatus& scope, Output& output) {
  const es::Config config = node.config(scope.scope);
  const auto known = config.history(1);
  if (!known) return known.error();
  for (const es::Config::Known& newest : *known) {
    const auto content = config.content(newest.version.number);
    if (!content) return content.error();
    json::object tree;
    for (const auto& [key, value] : *content) tree[key] = from_value(value);
    json::object line = request("config.publish", scope);
    line["tree"] = std::move(tree);
    line["note"] = newest.version.note;
    output.line(line);
  }
  return {};
}

es::Result<void> export_stream(es::Node& node, const es::ScopeStatus& scope, Output& output) {
  const es::Stream stream = node.stream(scope.scope);
  const auto columns = stream.columns();
  if (!columns) return columns.error();
  json::object open = request("stream.open", scope);
  json::array list;
  for (const es::Column& column : *columns) list.push_back(json::array{column.name, es::name(column.type)});
  open["columns"] = std::move(list);
  open["local_only"] = scope.why == es::Why::local_only;
  output.line(open);
  const auto origins = stream.origins();
  if (!origins) return origins.error();
  for (const auto& [origin, last] : *origins) {
    for (std::uint64_t from = 1; from <= last;) {
      const auto read = stream.read(origin, from, rows_per_line);
      if (!read) return read.error();
      if (read->records.empty()) break;
      json::array rows;
      for (const es::Record& record : read->records) rows.push_back(from_record(record));
      json::object line = request("stream.append", scope);
      line["rows"] = std::move(rows);
      output.line(line);
      from = read->records.back().sequence + 1;
    }
  }
  return {};
}

}  // namespace

es::Result<int> run_export(const Options& options, Output& output) {
  auto node = open_existing(options.db);
  if (!node) return node.error();
  const auto scopes = scopes_of(*node, options.scope);
  if (!scopes) return scopes.error();
  for (const es::ScopeStatus& scope : *scopes)
    if (auto done = of_plane(scope.plane, export_state, export_config, export_stream)(*node, scope, output); !done)
      return done.error();
  return 0;
}

es::Result<int> run_import(const Options& options, Input& input, Output& output) {
  auto session = Session::open(options, input, output);
  if (!session) return session.error();
  std::uint64_t lines = 0;
  while (const auto line = input.next_line()) {
    auto done = perform(**session, *line);
    if (!done) return es::Error(done.error().code, "line " + std::to_string(lines + 1) + ": " + done.error().detail);
    ++lines;
  }
  (*session)->close();
  output.line({{"imported", lines}});
  return 0;
}

}  // namespace program
