// SPDX-License-Identifier: Apache-2.0
// Stream rules: what StreamOptions make of a stream, and the stream of whole records beside one that leaves masked.
#pragma once

#include "store/store.hpp"
#include "stream/masking.hpp"

#include <memory>

namespace edgesync::node {

/// Where the records of a masked stream are kept whole.
struct Whole {
  stream::Masking masking;
  store::ScopeId scope{};
};

/// Makes `scope` what the options say; without columns it stays what it is. `makes`: this node makes records, and does
/// not keep those of others. Requires: nobody was told of the scope yet if it is new, for it may be one that does not
/// leave this node.
Result<void> define(store::Store& store, store::ScopeId scope, const StreamOptions& options, bool makes);

/// Null if nothing of the stream is masked. Fails with: not_found (it was given up).
Result<std::shared_ptr<const Whole>> whole_of(const store::Store& store, store::ScopeId scope);

/// Of whole records: what may leave to `scope`, and all of it to `whole`, in one commit.
Result<store::Appended> append_masked(store::Store& store, store::ScopeId scope, const Whole& whole,
                                      std::span<const Record> records);

}  // namespace edgesync::node
