// SPDX-License-Identifier: Apache-2.0
// Status for people: what is where, and why not, in a table as wide as its contents.
#include "status.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace program {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t columns = 9;
using Row = std::array<std::string, columns>;

/// In the two largest units: "3 d 4 h", "12 min 5 s", "350 ms".
std::string span(milliseconds time) {
  struct Unit {
    const char* name;
    std::int64_t ms;
  };
  constexpr std::array units{Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"min", 60'000}, Unit{"s", 1'000}};
  std::int64_t left = time.count();
  std::string text;
  int shown = 0;
  for (const Unit& unit : units) {
    if (shown == 2) break;
    const std::int64_t count = left / unit.ms;
    left %= unit.ms;
    if (count == 0 && shown == 0) continue;
    ++shown;
    if (count > 0) text += (text.empty() ? "" : " ") + std::to_string(count) + ' ' + unit.name;
  }
  return text.empty() ? std::to_string(left) + " ms" : text;
}

const char* meaning(es::Why why) {
  switch (why) {
    case es::Why::in_sync:
      return "nothing is missing";
    case es::Why::syncing:
      return "on its way";
    case es::Why::local_only:
      return "stays on this node, as it was made to";
    case es::Why::closed:
      return "the node was closed";
    case es::Why::disk_full:
      return "this node's disk is full: free space, the rest goes on by itself";
    case es::Why::storage:
      return "this node's disk fails";
    case es::Why::corrupt:
      return "this node's database is damaged: edgesync verify tells where";
    case es::Why::clock:
      return "this node's clock is too far from the hub's: set it";
    case es::Why::identity_clash:
      return "another copy of this database, or another session, goes by this node's replica id";
    case es::Why::repairing:
      return "damaged rows were set aside and are fetched again: edgesync quarantine lists them";
    case es::Why::waiting_cut:
      return "a large change is arriving and shows when it is whole";
    case es::Why::refused:
      return "the hub does not let this node have or write it, or what it holds cannot be stored: see the scope's line";
    case es::Why::unauthorized:
      return "the hub does not accept the token";
    case es::Why::hub_storage:
      return "the hub's disk is full or fails";
    case es::Why::no_link:
      return "no link to a hub was asked for";
    case es::Why::connecting:
      return "the first attempt is under way";
    case es::Why::backoff:
      return "the link ended and is tried again";
    case es::Why::name_unknown:
      return "the hub's name does not resolve";
    case es::Why::no_route:
      return "no network, or no way from it to the hub";
    case es::Why::connection_refused:
      return "nobody listens at the hub's address";
    case es::Why::unreachable:
      return "the connection broke, or something else answers there";
    case es::Why::no_answer:
      return "the hub did not answer in time";
    case es::Why::untrusted:
      return "the hub's certificate does not verify";
    case es::Why::insecure:
      return "the hub offers no TLS that is good enough";
    case es::Why::protocol_mismatch:
      return "node and hub speak different protocol versions: update one";
    case es::Why::protocol_violation:
      return "node and hub disagree about the protocol";
    case es::Why::limit:
      return "a bound of the protocol was passed";
  }
  return "a reason that this program does not know";
}

std::string node_lines(const es::Status& status) {
  std::string text = status.name + ", replica " + es::to_string(status.replica) + '\n';
  text += std::string(es::name(status.why)) + ": " + meaning(status.why);
  if (status.retry_in > milliseconds(0)) text += "; next attempt in " + span(status.retry_in);
  if (status.last_error.code && !status.linked) text += "\nlast error: " + status.last_error.detail;
  if (status.peers > 0) text += "\nlinked nodes: " + std::to_string(status.peers);
  if (status.clock_offset && *status.clock_offset != milliseconds(0)) {
    const bool behind = *status.clock_offset > milliseconds(0);
    text += "\nclock: " + span(behind ? *status.clock_offset : -*status.clock_offset) +
            (behind ? " behind the hub's" : " ahead of the hub's");
  }
  return text + '\n';
}

std::string arriving(const es::Progress& progress) {
  constexpr std::uint64_t kib = 1024;
  const auto done = std::to_string((progress.done + kib - 1) / kib);
  if (progress.total == 0) return done + " KiB so far";
  return done + " of " + std::to_string((progress.total + kib - 1) / kib) + " KiB";
}

/// " (4000 quota, 2 age)"; nothing if nothing was dropped.
std::string reasons(const char* what, es::Drops drops) {
  std::string text;
  for (const auto why : {es::DropReason::quota, es::DropReason::age, es::DropReason::policy, es::DropReason::corrupt,
                         es::DropReason::refused})
    if (drops[why] > 0) text += (text.empty() ? "" : ", ") + std::to_string(drops[why]) + ' ' + es::name(why);
  return text.empty() ? text : std::string(what) + " (" + text + ')';
}

Row row_of(const es::ScopeStatus& scope) {
  const bool stream = scope.plane == es::Plane::stream;
  std::string detail;
  if (scope.version.number != 0) detail = "version " + std::to_string(scope.version.number);
  if (stream)
    detail = std::to_string(scope.counts.produced) + " = " + std::to_string(scope.counts.delivered) + " + " +
             std::to_string(scope.counts.pending) + " + " + std::to_string(scope.counts.dropped) +
             reasons("", scope.counts.drops) + reasons(", of others missing", scope.missing);
  if (scope.arriving) detail += (detail.empty() ? "" : ", ") + arriving(*scope.arriving);
  if (scope.version_refused) detail += (detail.empty() ? "" : ", ") + scope.version_refused->detail;
  if (scope.refusal) detail += (detail.empty() ? "refused: " : ", refused: ") + scope.refusal->detail;
  return {es::name(scope.plane),
          scope.scope,
          es::name(scope.why),
          std::to_string(scope.pending),
          scope.oldest_pending ? span(*scope.oldest_pending) : "-",
          std::to_string(scope.rejected),
          std::to_string(scope.conflicts),
          scope.digest.fingerprint.substr(0, 12),
          detail};
}

std::string line_of(const Row& row, const std::array<std::size_t, columns>& widths) {
  std::string line;
  for (std::size_t i = 0; i < columns; ++i) line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
  return line.substr(0, line.find_last_not_of(' ') + 1);
}

}  // namespace

std::string status_text(const es::Status& status) {
  std::vector<Row> rows{{"plane", "scope", "why", "pending", "oldest", "rejected", "conflicts", "digest", ""}};
  const bool streams = std::any_of(status.scopes.begin(), status.scopes.end(),
                                   [](const es::ScopeStatus& scope) { return scope.plane == es::Plane::stream; });
  if (streams) rows[0].back() = "produced = delivered + pending + dropped";
  for (const es::ScopeStatus& scope : status.scopes) rows.push_back(row_of(scope));
  std::array<std::size_t, columns> widths{};
  for (const Row& row : rows)
    for (std::size_t i = 0; i < columns; ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text = node_lines(status);
  for (const Row& row : rows) text += line_of(row, widths) + '\n';
  std::vector<es::Why> told{status.why};
  for (const es::ScopeStatus& scope : status.scopes) {
    if (std::count(told.begin(), told.end(), scope.why) > 0) continue;
    told.push_back(scope.why);
    text += std::string(es::name(scope.why)) + ": " + meaning(scope.why) + '\n';
  }
  text.pop_back();
  return text;
}

}  // namespace program
