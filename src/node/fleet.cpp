// SPDX-License-Identifier: Apache-2.0
#include "node/fleet.hpp"

#include "base/path.hpp"
#include "base/text.hpp"

#include <array>

namespace edgesync::node {
namespace {

constexpr std::size_t text_bytes_max = 256;  // of what is said for people

/// As a state scope can hold it.
std::string clipped(std::string_view text) { return as_utf8(text.substr(0, text_bytes_max)); }

/// A name as one segment of a path.
std::string to_segment(std::string_view name) {
  const bool dots = name == "." || name == "..";
  std::string segment;
  for (const char c : name) segment += c == '%' ? "%25" : c == '/' ? "%2F" : dots ? "%2E" : std::string(1, c);
  return segment;
}

/// The inverse; only what to_segment() writes is undone.
std::string from_segment(std::string_view segment) {
  static constexpr std::array<std::pair<std::string_view, char>, 3> codes{{{"%25", '%'}, {"%2F", '/'}, {"%2E", '.'}}};
  std::string name;
  while (!segment.empty()) {
    char c = segment.front();
    std::size_t taken = 1;
    for (const auto& [code, meant] : codes)
      if (segment.starts_with(code)) c = meant, taken = code.size();
    name += c;
    segment.remove_prefix(taken);
  }
  return name;
}

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/')) {
    segments.push_back(path.substr(0, slash));
    path.remove_prefix(slash + 1);
  }
  segments.push_back(path);
  return segments;
}

/// "key=value,key=value"
std::string to_text(const Labels& labels) {
  std::string text;
  for (const auto& [key, value] : labels) text += (text.empty() ? "" : ",") + key + "=" + value;
  return text;
}

std::optional<Labels> to_labels(std::string_view text) {
  Labels labels;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    const std::size_t equals = one.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    labels.insert_or_assign(std::string(one.substr(0, equals)), std::string(one.substr(equals + 1)));
  }
  return config::check(labels) ? std::optional(std::move(labels)) : std::nullopt;
}

/// The cells of a node.
std::string label_path(const std::string& node, const std::string& key) {
  return to_segment(node) + "/labels/" + to_segment(key);
}
std::string scope_path(const std::string& node, const std::string& scope, std::string_view field) {
  return to_segment(node) + "/config/" + to_segment(scope) + "/" + std::string(field);
}

/// Each number and text of `what` by the name of its cell.
template <class What, class Use>
void each_field(What& what, Use use) {
  use("version", what.version), use("id", what.id), use("role", what.role);
  use("active", what.active), use("active_id", what.active_id), use("error", what.error);
}

Value to_value(std::uint64_t number) { return static_cast<std::int64_t>(number); }
Value to_value(const std::string& text) { return text; }

void read(const Value& value, std::uint64_t& number) {
  const auto* found = std::get_if<std::int64_t>(&value);
  number = found != nullptr && *found >= 0 ? static_cast<std::uint64_t>(*found) : 0;
}
void read(const Value& value, std::string& text) {
  const auto* found = std::get_if<std::string>(&value);
  text = found != nullptr ? *found : std::string();
}

/// Which of the counts `what` adds to.
std::uint64_t& count_of(WaveCounts& counts, const ReportedScope& what, const config::Rollout& rollout) {
  const auto is = [&](VersionRole role) { return what.role == name(role); };
  if (rollout.is_of(what.active, what.active_id) && !is(VersionRole::trial)) return counts.active;
  // Content that a node has in quarantine it refuses under every number.
  if (is(VersionRole::quarantined) && what.id == to_hex(rollout.id)) return counts.failed;
  if (!rollout.is_of(what.version, what.id)) return counts.untouched;
  return is(VersionRole::rolled_back) || what.role == refused_role ? counts.failed : counts.staged;
}

}  // namespace

const std::vector<Column>& report_columns() {
  static const std::vector<Column> columns{{"name", text},   {"labels", text},    {"scope", text},
                                           {"version", i64}, {"id", text},        {"role", text},
                                           {"active", i64},  {"active_id", text}, {"error", text}};
  return columns;
}

Record to_record(const Report& report, Timestamp at) {
  Record record{0, at, {report.member.name, to_text(report.member.labels), report.scope}};
  each_field(report.what, [&](const char*, const auto& field) { record.fields.push_back(to_value(field)); });
  record.fields.back() = clipped(report.what.error);
  return record;
}

std::optional<Report> to_report(const Record& record) {
  if (record.fields.size() != report_columns().size()) return std::nullopt;
  Report report;
  std::string labels;
  auto field = record.fields.begin();
  read(*field++, report.member.name), read(*field++, labels), read(*field++, report.scope);
  each_field(report.what, [&](const char*, auto& member) { read(*field++, member); });
  auto found = to_labels(labels);
  const auto fits = [&](const std::string& path) { return check_path("report", path).has_value(); };
  if (!found || report.member.name.empty() || report.scope.empty()) return std::nullopt;
  if (!fits(scope_path(report.member.name, report.scope, "active_id"))) return std::nullopt;
  for (const auto& [key, value] : *found)
    if (!fits(label_path(report.member.name, key))) return std::nullopt;
  report.member.labels = *std::move(found);
  for (std::string* text : {&report.what.id, &report.what.role, &report.what.active_id, &report.what.error})
    *text = clipped(*text);
  return report;
}

Result<Fleet> Fleet::load(const State& state) {
  const auto items = state.scan();
  if (!items) return items.error();
  Fleet fleet;
  for (const Item& item : *items) {
    const auto segments = segments_of(item.key);
    if (segments.size() == 3 && segments[1] == "labels") {
      read(item.value, fleet.members_[from_segment(segments[0])].labels[from_segment(segments[2])]);
    } else if (segments.size() == 4 && segments[1] == "config") {
      ReportedScope& what = fleet.members_[from_segment(segments[0])].scopes[from_segment(segments[2])];
      each_field(what, [&](std::string_view name, auto& field) {
        if (segments[3] == name) read(item.value, field);
      });
    }
  }
  return fleet;
}

void Fleet::take(const Report& report, Edit& edit) {
  const std::string& name = report.member.name;
  Member& member = members_[name];
  for (const auto& [key, value] : member.labels)
    if (!report.member.labels.contains(key)) edit.erase(label_path(name, key));
  for (const auto& [key, value] : report.member.labels)
    if (const auto at = member.labels.find(key); at == member.labels.end() || at->second != value)
      edit.set(label_path(name, key), value);
  member.labels = report.member.labels;
  const auto known = member.scopes.find(report.scope);
  ReportedScope what = report.what;
  // A node that was started again does not know any more why.
  const bool same = known != member.scopes.end() && known->second.version == what.version &&
                    known->second.id == what.id && known->second.role == what.role;
  if (same && what.error.empty()) what.error = known->second.error;
  std::map<std::string_view, Value> before;
  if (known != member.scopes.end())
    each_field(known->second, [&](const char* field, const auto& value) { before.emplace(field, to_value(value)); });
  each_field(what, [&](const char* field, const auto& value) {
    const auto at = before.find(field);
    if (at == before.end() || at->second != to_value(value))
      edit.set(scope_path(name, report.scope, field), to_value(value));
  });
  member.scopes.insert_or_assign(report.scope, std::move(what));
}

std::vector<WaveCounts> Fleet::count(const config::Rollout& rollout, std::string_view scope) const {
  std::vector<WaveCounts> counts(rollout.plan.waves.size());
  for (const auto& [name, member] : members_)
    if (const auto what = member.scopes.find(scope); what != member.scopes.end())
      ++count_of(counts[config::wave_of(rollout, {name, member.labels})], what->second, rollout);
  return counts;
}

}  // namespace edgesync::node
