// SPDX-License-Identifier: Apache-2.0
// The answers' building blocks: edgesync's plain structs as JSON. Members that say nothing are left out.
#include "json.hpp"

#include <utility>

namespace program {

json::value from_time(es::Timestamp at) { return json::value(std::int64_t{at.time_since_epoch().count()}); }

json::object from_error(const es::Error& error) {
  json::object out;
  out["code"] = code_name(error.code);
  out["detail"] = error.detail;
  return out;
}

json::object from_digest(const es::Digest& digest) {
  json::object out;
  out["context"] = digest.context;
  out["fingerprint"] = digest.fingerprint;
  out["count"] = digest.count;
  return out;
}

json::object from_version(const es::VersionInfo& version) {
  json::object out;
  out["version"] = version.number;
  out["version_id"] = version.id;  // `id` is the request's in every answer
  if (!version.parent.empty()) out["parent"] = version.parent;
  out["author"] = es::to_string(version.author);
  out["at"] = from_time(version.at);
  if (!version.note.empty()) out["note"] = version.note;
  return out;
}

json::object from_known(const es::Config::Known& known) {
  json::object out = from_version(known.version);
  out["role"] = es::name(known.role);
  if (!known.tags.empty()) out["tags"] = json::array(known.tags.begin(), known.tags.end());
  if (known.pinned) out["pinned"] = true;
  return out;
}

json::object from_use(const es::Use& use) {
  json::object out = from_version(use.version);
  if (!use.signed_by.empty()) out["signed_by"] = json::array(use.signed_by.begin(), use.signed_by.end());
  out["since_us"] = use.since.time_since_epoch().count();
  out["reason"] = use.reason;
  return out;
}

json::object from_change(const es::KeyChange& change) {
  json::object out;
  out["key"] = change.key;
  if (change.before) out["before"] = from_value(*change.before);
  if (change.after) out["after"] = from_value(*change.after);
  return out;
}

json::array from_values(const std::vector<es::Value>& values) {
  json::array out;
  for (const es::Value& value : values) out.push_back(from_value(value));
  return out;
}

json::array from_conflicts(const std::vector<es::Conflict>& conflicts) {
  json::array out;
  for (const es::Conflict& conflict : conflicts) {
    json::object one;
    one["value"] = from_value(conflict.value);
    one["author"] = es::to_string(conflict.author);
    one["at"] = from_time(conflict.at);
    out.push_back(std::move(one));
  }
  return out;
}

json::value from_item(const es::Item& item) {
  if (item.type == es::Item::Type::set) return from_values(item.members);
  return from_value(item.value);
}

json::array from_record(const es::Record& record) {
  json::array out;
  out.push_back(from_time(record.at));
  for (const es::Field& field : record.fields) out.push_back(from_value(field));
  return out;
}

json::object from_aggregate(const es::Aggregate& aggregate) {
  json::object out{{"records", aggregate.records}, {"values", aggregate.values}};
  if (aggregate.values == 0) return out;
  out["min"] = from_value(aggregate.min);
  out["max"] = from_value(aggregate.max);
  out["sum"] = from_value(aggregate.sum);
  out["mean"] = aggregate.mean();
  return out;
}

json::array from_gaps(const std::vector<es::Gap>& gaps) {
  json::array out;
  for (const es::Gap& gap : gaps) out.push_back(json::array{gap.first, gap.last, es::name(gap.why)});
  return out;
}

}  // namespace program
