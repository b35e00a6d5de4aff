// SPDX-License-Identifier: Apache-2.0
// Patches: a new config version is little else than the one before, which the receiver has among its version rows. What
// a peer told of a delta as patches on such contents becomes part of it again here, where these can be read.
#pragma once

#include "store/remote.hpp"
#include "store/sql_table.hpp"
#include "wire/budget.hpp"

namespace edgesync::store {

/// The content with this id, of whichever version, proved. Fails with: not_found, storage_corrupt.
Result<Bytes> find_content(SqlTable& table, ByteView id);

/// The keys that the patches hold, in their place among those of the delta; the patches are gone. What the keys take
/// counts against `budget`, of the whole cut: bodies are small beside it. Requires: all patches are on one content.
/// Fails with: not_found (that is not here, or is damaged: the peer has to tell it all), protocol_violation, storage_*.
Result<void> lay_patches(SqlTable& table, RemoteDelta& remote, wire::Budget& budget);

}  // namespace edgesync::store
