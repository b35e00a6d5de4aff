// SPDX-License-Identifier: Apache-2.0
// dump: a scope's content as JSON lines that two nodes with equal digests print alike, then the digest. One line per
// cell, per config version with its content, and per range of at most `range_records` records of one origin.
#include "commands.hpp"
#include "status.hpp"

#include <algorithm>
#include <utility>

namespace program {
namespace {

constexpr std::size_t range_records = 1000;

const char* type_name(es::Item::Type type) {
  switch (type) {
    case es::Item::Type::value:
      return "value";
    case es::Item::Type::counter:
      return "counter";
    case es::Item::Type::set:
      return "set";
  }
  return "unknown";
}

es::Result<es::Digest> dump_state(es::Node& node, const es::ScopeStatus& scope, Output& output) {
  const es::State state = node.state(scope.scope);
  auto items = state.scan();
  if (!items) return items.error();
  for (const es::Item& item : *items) {
    json::object line = tagged(scope);
    line["key"] = item.key;
    line["type"] = type_name(item.type);
    line["value"] = from_item(item);
    if (!item.conflicts.empty()) line["conflicts"] = from_conflicts(item.conflicts);
    output.line(line);
  }
  return state.digest();
}

json::object from_content(const std::map<std::string, es::Value>& content) {
  json::object out;
  for (const auto& [key, value] : content) out[key] = from_value(value);
  return out;
}

es::Result<es::Digest> dump_config(es::Node& node, const es::ScopeStatus& scope, Output& output) {
  const es::Config config = node.config(scope.scope);
  auto known = config.history(everything);
  if (!known) return known.error();
  std::reverse(known->begin(), known->end());
  for (const es::Config::Known& one : *known) {
    json::object line = tagged(scope, from_version(one.version));
    const auto content = config.content(one.version.number);
    // Old versions are known by name only; a dump that lacks anything else would not be one.
    if (!content && !content.error().is(es::Errc::not_found)) return content.error();
    if (content) line["content"] = from_content(*content);
    output.line(line);
  }
  return config.digest();
}

json::object range_line(const es::ScopeStatus& scope, const es::ReplicaId& origin, const es::RecordsRead& read) {
  json::object line = tagged(scope);
  line["origin"] = es::to_string(origin);
  line["first"] = read.records.front().sequence;
  line["last"] = read.records.back().sequence;
  json::array rows;
  for (const es::Record& record : read.records) rows.push_back(from_record(record));
  line["rows"] = std::move(rows);
  line["gaps"] = from_gaps(read.gaps);
  return line;
}

es::Result<es::Digest> dump_stream(es::Node& node, const es::ScopeStatus& scope, Output& output) {
  const es::Stream stream = node.stream(scope.scope);
  auto origins = stream.origins();
  if (!origins) return origins.error();
  std::sort(origins->begin(), origins->end());
  for (const auto& [origin, last] : *origins) {
    for (std::uint64_t from = 1; from <= last;) {
      auto read = stream.read(origin, from, range_records);
      if (!read) return read.error();
      if (read->records.empty()) break;
      output.line(range_line(scope, origin, *read));
      from = read->records.back().sequence + 1;
    }
  }
  return stream.digest();
}

}  // namespace

es::Result<int> run_dump(const Options& options, Output& output) {
  auto node = open_existing(options.db);
  if (!node) return node.error();
  auto scopes = scopes_of(*node, options.scope);
  if (!scopes) return scopes.error();
  for (const es::ScopeStatus& scope : *scopes) {
    const auto dump = of_plane(scope.plane, dump_state, dump_config, dump_stream);
    auto digest = dump(*node, scope, output);
    if (!digest) return digest.error();
    json::object line = tagged(scope);
    line["digest"] = from_digest(*digest);
    output.line(line);
  }
  return 0;
}

}  // namespace program
