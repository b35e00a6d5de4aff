// SPDX-License-Identifier: Apache-2.0
// Fleet: what nodes report of the config versions they have, as records of a stream; and the latest of each node, as
// the cells of a state scope that rollout.hpp describes.
#pragma once

#include "config/rollout.hpp"

#include <edgesync/records.hpp>
#include <edgesync/state.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace edgesync::node {

/// A version that the node did not let in: not signed, for another library, ...
inline constexpr const char* refused_role = "refused";

/// What one config scope is to a node.
struct ReportedScope {
  std::uint64_t version = 0;  ///< The one with the highest number that the node knows of.
  std::string id{};
  std::string role{};  ///< name(VersionRole), or refused_role.
  std::uint64_t active = 0;
  std::string active_id{};
  std::string error{};
  bool operator==(const ReportedScope&) const = default;
};

struct Report {
  config::Member member{};
  std::string scope{};
  ReportedScope what{};
};

const std::vector<Column>& report_columns();
Record to_record(const Report& report, Timestamp at);
/// Nothing if it is none, or of names that no state scope can hold: anybody may write records.
std::optional<Report> to_report(const Record& record);

class Fleet {
 public:
  /// Fails with: as State::scan().
  static Result<Fleet> load(const State& state);
  /// The latest of a node. What it changes in the state scope is added to `edit`.
  void take(const Report& report, Edit& edit);
  /// By wave.
  std::vector<WaveCounts> count(const config::Rollout& rollout, std::string_view scope) const;

 private:
  struct Member {
    Labels labels{};
    std::map<std::string, ReportedScope, std::less<>> scopes{};
  };
  std::map<std::string, Member> members_{};
};

}  // namespace edgesync::node
