// SPDX-License-Identifier: Apache-2.0
// audit: what serve and shell kept with --audit, entry by entry, and whether the chain of it is whole.
#include "commands.hpp"

namespace program {
namespace {

json::object from_entry(const es::AuditEntry& entry) {
  json::object line{{"sequence", entry.sequence}, {"at", from_time(entry.at)}, {"kind", entry.kind}};
  for (const auto& [name, text] : {std::pair("who", &entry.who), {"what", &entry.what}, {"detail", &entry.detail}})
    if (!text->empty()) line[name] = *text;
  return line;
}

}  // namespace

es::Result<int> run_audit(const Options& options, Output& output) {
  auto node = open_existing(options.db);
  if (!node) return node.error();
  const auto report = es::verify_audit(*node, [&](const es::AuditEntry& entry) { output.line(from_entry(entry)); });
  if (!report) return report.error();
  json::array problems;
  for (const std::string& problem : report->problems) problems.emplace_back(problem);
  if (!options.public_key.empty() && !report->signed_by.contains(options.public_key))
    problems.emplace_back("nothing is signed by " + options.public_key);
  json::object signed_by, unsigned_after;
  for (const auto& [key, through] : report->signed_by) signed_by[key] = through;
  for (const auto& [key, entries] : report->unsigned_after) unsigned_after[key] = entries;
  const bool whole = problems.empty();
  output.line({{"entries", report->entries},
               {"dropped", report->dropped.total()},
               {"signed_by", std::move(signed_by)},
               {"unsigned_after", std::move(unsigned_after)},
               {"problems", std::move(problems)}});
  return whole ? 0 : 1;
}

}  // namespace program
