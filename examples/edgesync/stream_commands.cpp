// SPDX-License-Identifier: Apache-2.0
// stream export, aggregate, consumers: the records in one database, as other programs read them.
#include "commands.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace program {
namespace {

constexpr std::size_t records_at_once = 1000;

/// Those asked for, else all.
es::Result<std::vector<std::string>> columns_of(const es::Stream& stream, const Options& options) {
  const auto columns = stream.columns();
  if (!columns) return columns.error();
  std::vector<std::string> all, asked;
  for (const es::Column& column : *columns) all.push_back(column.name);
  for (std::size_t at = 0; at < options.columns.size();) {
    const std::size_t end = std::min(options.columns.find(',', at), options.columns.size());
    asked.push_back(options.columns.substr(at, end - at));
    if (std::find(all.begin(), all.end(), asked.back()) == all.end())
      return es::Error(es::Errc::not_found, stream.name() + ": no column '" + asked.back() + "'");
    at = end + 1;
  }
  return asked.empty() ? all : asked;
}

es::Result<es::Range> range_of(const Options& options) {
  es::Range range;
  if (!options.since.empty()) {
    const auto since = to_time(options.since, "--since");
    if (!since) return since.error();
    range.from = *since;
  }
  if (!options.until.empty()) {
    const auto until = to_time(options.until, "--until");
    if (!until) return until.error();
    range.to = *until;
  }
  return range;
}

/// RFC 3339, to the microsecond.
std::string iso(es::Timestamp at) {
  const auto day_second = std::chrono::floor<std::chrono::seconds>(at);
  const std::time_t seconds = day_second.time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64], whole[96];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(whole, sizeof whole, "%s.%06dZ", text, static_cast<int>((at - day_second).count()));
  return whole;
}

/// One field after RFC 4180. Null is nothing; bytes are base64.
std::string csv(const es::Value& value) {
  if (std::holds_alternative<std::monostate>(value)) return {};
  if (const auto* real = std::get_if<double>(&value)) {
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, *real).ptr};
  }
  const json::value plain = from_value(value);
  const json::value* boxed = plain.is_object() ? plain.get_object().if_contains("base64") : nullptr;
  const json::value& shown = boxed != nullptr ? *boxed : plain;
  if (!shown.is_string()) return json::serialize(shown);
  std::string text(shown.get_string());
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string::npos) return text;
  for (std::size_t at = 0; (at = text.find('"', at)) != std::string::npos; at += 2) text.insert(at, 1, '"');
  return '"' + text + '"';  // so is an empty text, which null is not
}

/// Lines of one format.
class Format {
 public:
  Format(bool csv, std::vector<std::string> columns) : csv_(csv), columns_(std::move(columns)) {}

  std::string head() const {
    if (!csv_) return {};
    std::string line = "origin,sequence,at";
    for (const std::string& column : columns_) line += ',' + csv(column);
    return line + "\n";
  }
  std::string line(const es::ReplicaId& origin, const es::Record& record) const {
    return csv_ ? csv_line(origin, record) : json::serialize(json_line(origin, record)) + "\n";
  }
  std::string line(const es::ReplicaId& origin, const es::Gap& gap) const {
    if (csv_) return {};
    const json::array gaps = from_gaps({gap});
    return json::serialize(json::object{{"origin", es::to_string(origin)}, {"gap", gaps.at(0)}}) + "\n";
  }

 private:
  std::string csv_line(const es::ReplicaId& origin, const es::Record& record) const {
    std::string line = es::to_string(origin) + ',' + std::to_string(record.sequence) + ',' + iso(record.at);
    for (const es::Value& field : record.fields) line += ',' + csv(field);
    return line + "\n";
  }
  json::object json_line(const es::ReplicaId& origin, const es::Record& record) const {
    json::object line{{"origin", es::to_string(origin)}, {"sequence", record.sequence}, {"at", iso(record.at)}};
    json::object& fields = line["fields"].emplace_object();
    for (std::size_t i = 0; i < columns_.size(); ++i) fields[columns_[i]] = from_value(record.fields[i]);
    return line;
  }

  bool csv_;
  std::vector<std::string> columns_;
};

/// How many records are missing.
es::Result<std::uint64_t> export_origin(const es::Stream& stream, const es::ReplicaId& origin, es::Range range,
                                        const std::vector<std::string>& columns, const Format& format, Output& output) {
  std::uint64_t missing = 0;
  for (bool more = true; more;) {
    const auto read = stream.read(origin, range, columns, records_at_once);
    if (!read) return read.error();
    std::string lines;
    for (const es::Gap& gap : read->gaps) {
      missing += gap.last - gap.first + 1;
      lines += format.line(origin, gap);
    }
    for (const es::Record& record : read->records) lines += format.line(origin, record);
    output.raw(lines);
    more = read->records.size() == records_at_once;
    if (more) range.first = read->records.back().sequence + 1;
  }
  return missing;
}

es::Result<int> run_stream_export(const es::Stream& stream, const Options& options, Output& output) {
  const bool csv = options.format.empty() || options.format == "csv";
  if (!csv && options.format != "jsonl") return invalid("--format", "not csv or jsonl");
  const auto columns = columns_of(stream, options);
  if (!columns) return columns.error();
  const auto range = range_of(options);
  if (!range) return range.error();
  const auto origins = stream.origins();
  if (!origins) return origins.error();
  const Format format(csv, *columns);
  output.raw(format.head());
  std::uint64_t missing = 0;
  for (const auto& [origin, last] : *origins) {
    const auto lacks = export_origin(stream, origin, *range, *columns, format, output);
    if (!lacks) return lacks.error();
    missing += *lacks;
  }
  if (csv && missing > 0)
    std::fprintf(stderr, "edgesync: stream export: %s: %llu records were dropped before they came here\n",
                 stream.name().c_str(), static_cast<unsigned long long>(missing));
  return 0;
}

es::Result<int> run_stream_aggregate(const es::Stream& stream, const Options& options, Output& output) {
  const auto columns = columns_of(stream, options);
  if (!columns) return columns.error();
  const auto range = range_of(options);
  if (!range) return range.error();
  for (const std::string& column : *columns) {
    const auto found = stream.aggregate(column, *range);
    if (!found && options.columns.empty() && found.error().is(es::Errc::type_mismatch)) continue;  // no numbers
    if (!found) return found.error();
    json::object line{{"column", column}};
    for (auto& [name, value] : from_aggregate(*found)) line[name] = std::move(value);
    output.line(line);
  }
  return 0;
}

es::Result<int> run_stream_consumers(const es::Stream& stream, Output& output) {
  const auto names = stream.consumers();
  if (!names) return names.error();
  for (const std::string& name : *names) {
    const es::Consumer consumer = stream.consumer(name);
    const auto behind = consumer.behind();
    const auto place = consumer.committed();
    if (!behind) return behind.error();
    if (!place) return place.error();
    output.line({{"consumer", name}, {"behind", *behind}, {"committed", es::to_string(*place)}});
  }
  return 0;
}

}  // namespace

es::Result<int> run_stream(const Options& options, Output& output) {
  auto node = open_existing(options.db);
  if (!node) return node.error();
  const auto scopes = scopes_of(*node, options.scope);
  if (!scopes) return scopes.error();
  const auto known = std::find_if(scopes->begin(), scopes->end(),
                                  [](const es::ScopeStatus& scope) { return scope.plane == es::Plane::stream; });
  if (known == scopes->end()) return es::Error(es::Errc::not_found, "stream: " + options.scope);
  const es::Stream stream = node->stream(options.scope);
  if (options.command == "stream export") return run_stream_export(stream, options, output);
  if (options.command == "stream aggregate") return run_stream_aggregate(stream, options, output);
  return run_stream_consumers(stream, output);
}

}  // namespace program
