// SPDX-License-Identifier: Apache-2.0
// Checks: what must hold, each as a question to one store or to all of them, answered with the first violation. They
// read only; each requires that the stores are not writing and that their files are open. Reads never fail on the
// simulated disk, so a store that cannot be read then is a finding, too.
#pragma once

#include "sim/truth.hpp"

namespace edgesync::sim {

inline constexpr std::size_t tags = 4;  ///< Keys that are only ever written together.
std::string tag_key(std::size_t number);

/// A multi-key transaction is visible whole: all tags are equal, or none is there.
Finding whole_tags(store::Store& store);

/// The scope holds exactly what the transactions in `context` amount to; `context`: of what a reader sees.
Finding equals_truth(store::Store& store, store::ScopeId scope, const StateTruth& truth, const crdt::Context& context);

/// Every record of every origin as it was appended, once, in order, none missing above what was trimmed. `authors`: all
/// replicas that ever appended.
Finding records_match(store::Store& store, const Truth& truth, const std::vector<ReplicaId>& authors, bool is_root);

/// At most one version is active; it is the one the plane reports; its content is what its id names.
Finding one_active_version(store::Store& store, const VersionInfo& reported);

/// Context, summary and every byte of every cell of each scope that both hold; of a stream the summary, if both hold
/// the same records.
Finding same_content(store::Store& a, store::Store& b, bool same_records = true);

/// The file's own checks find nothing.
Finding sound(store::Store& store);

}  // namespace edgesync::sim
