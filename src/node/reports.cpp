// SPDX-License-Identifier: Apache-2.0
// Core: what this node tells its hub about the config versions it has, once for each change.
#include "node/core.hpp"
#include "node/fleet.hpp"

namespace edgesync::node {

Result<void> Core::open_reports() {
  if (options_.fleet.empty() || kind_ == Kind::root) return {};
  StreamOptions stream;
  stream.columns = report_columns();
  stream.retention = std::chrono::seconds(0);  // nothing is said twice
  stream.quota = 1 * MiB;
  stream.priority = Priority::urgent;
  const auto opened = open_scope(Plane::stream, options_.fleet, &stream);
  if (!opened) return opened.error();
  Lock lock(mutex_);
  reports_ = opened->id;
  stir(lock);  // there may be something to say already
  return {};
}

void Core::report_versions(Lock& lock) {
  unreported_.merge(engine_->config().take_moved());
  if (options_.fleet.empty() || kind_ == Kind::root) unreported_.clear();
  if (!reports_) return;
  bool said = false;
  for (const store::ScopeId id : std::exchange(unreported_, {})) {
    const auto standing = engine_->config().standing(id);
    if (const auto last = reported_.find(id); last != reported_.end() && last->second == standing) continue;
    const char* role = standing.refused ? refused_role : edgesync::name(standing.role);
    const Record record = to_record({{name_, options_.labels},
                                     store_->scope(id).name,
                                     {standing.number, standing.id, standing.number > 0 ? role : "", standing.active,
                                      standing.active_id, standing.error}},
                                    time());
    if (!store_->append(*reports_, {&record, 1})) {
      unreported_.insert(id);  // with the next chance
      continue;
    }
    reported_.insert_or_assign(id, standing);
    said = true;
  }
  if (!said) return;
  engine_->commit_soon();
  stir(lock);
}

}  // namespace edgesync::node
