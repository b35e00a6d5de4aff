// SPDX-License-Identifier: Apache-2.0
// quarantine: what was set aside, as lines for people and programs; put back, or dropped. An export has one JSON object
// per line: what it is, why it is there, what it held as far as that can be told, and the raw bytes.
#include "base64.hpp"
#include "commands.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

namespace program {
namespace {

bool wanted(const Options& options, std::uint64_t id) {
  return options.numbers.empty() || std::count(options.numbers.begin(), options.numbers.end(), id) > 0;
}

/// Calls `each` with all that is wanted.
es::Result<void> walk(const es::Node& node, const Options& options,
                      const es::Function<void(const es::Quarantined&)>& each) {
  for (std::uint64_t last = 0;;) {
    const auto items = node.quarantine(last);
    if (!items) return items.error();
    if (items->empty()) return {};
    last = items->back().id;
    for (const es::Quarantined& item : *items)
      if (wanted(options, item.id)) each(item);
  }
}

json::object from_item(const es::Quarantined& item) {
  json::object line{{"id", item.id},
                    {"kind", es::name(item.kind)},
                    {"plane", es::name(item.plane)},
                    {"scope", item.scope},
                    {"reason", item.reason},
                    {"origin", item.origin},
                    {"at", from_time(item.at)},
                    {"sound", item.sound},
                    {"bytes", item.body.size()}};
  if (!item.key.empty()) line["key"] = item.key;
  if (item.number != 0) line["number"] = item.number;
  if (!item.records.empty()) {
    line["first"] = item.records.front().sequence;
    line["last"] = item.records.back().sequence;
  }
  return line;
}

/// All there is to know of it.
json::object exported(const es::Quarantined& item) {
  json::object line = from_item(item);
  if (!item.values.empty()) line["values"] = from_values(item.values);
  if (!item.records.empty()) {
    json::array rows;
    for (const es::Record& record : item.records) rows.push_back(from_record(record));
    line["rows"] = std::move(rows);
  }
  line["place"] = to_base64(item.place);
  line["body"] = to_base64(item.body);
  return line;
}

json::object from_counts(const es::QuarantineCounts& counts) {
  return {{"held", counts.held},
          {"bytes", counts.bytes},
          {"lost", counts.lost},
          {"replayed", counts.replayed},
          {"dropped", counts.dropped}};
}

es::Result<int> tell_counts(const es::Node& node, Output& output) {
  const auto counts = node.quarantined();
  if (!counts) return counts.error();
  output.line(from_counts(*counts));
  return 0;
}

/// A new file, so that an export never overwrites another.
es::Result<int> export_to(const es::Node& node, const Options& options, Output& output) {
  std::ofstream file;
  std::error_code failure;
  if (std::filesystem::exists(options.to, failure))
    return es::Error(es::Errc::invalid_argument, options.to + ": there is such a file already");
  file.open(options.to, std::ios::binary);
  std::uint64_t count = 0;
  auto walked = walk(node, options, [&](const es::Quarantined& item) {
    file << json::serialize(exported(item)) << '\n';
    ++count;
  });
  if (!walked) return walked.error();
  file.close();
  if (!file) return es::Error(es::Errc::storage_io, options.to + ": cannot be written");
  output.line({{"exported", count}, {"to", options.to}});
  return 0;
}

}  // namespace

es::Result<int> run_quarantine_list(const Options& options, Output& output) {
  auto node = open_existing(options.db);
  if (!node) return node.error();
  auto walked = walk(*node, options, [&](const es::Quarantined& item) { output.line(from_item(item)); });
  if (!walked) return walked.error();
  return tell_counts(*node, output);
}

es::Result<int> run_quarantine_export(const Options& options, Output& output) {
  auto node = open_existing(options.db);
  if (!node) return node.error();
  if (!options.to.empty()) return export_to(*node, options, output);
  auto walked = walk(*node, options, [&](const es::Quarantined& item) { output.line(exported(item)); });
  if (!walked) return walked.error();
  return 0;
}

es::Result<int> run_quarantine_replay(const Options& options, Output& output) {
  auto node = open_existing(options.db);
  if (!node) return node.error();
  const auto results = node->replay(options.numbers);
  if (!results) return results.error();
  bool all = true;
  for (const es::Replayed& result : *results) {
    output.line({{"id", result.id}, {"replayed", result.done}, {"detail", result.detail}});
    all = all && result.done;
  }
  if (auto told = tell_counts(*node, output); !told) return told;
  return all ? 0 : 1;
}

es::Result<int> run_quarantine_drop(const Options& options, Output& output) {
  auto node = open_existing(options.db);
  if (!node) return node.error();
  const auto dropped = node->drop(options.numbers);
  if (!dropped) return dropped.error();
  if (auto told = tell_counts(*node, output); !told) return told;
  const bool all = *dropped == std::set<std::uint64_t>(options.numbers.begin(), options.numbers.end()).size();
  return all ? 0 : 1;
}

}  // namespace program
