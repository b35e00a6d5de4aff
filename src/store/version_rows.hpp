// SPDX-License-Identifier: Apache-2.0
// Version rows: the config versions a node knows, with their roles and, once fetched, their content (how that lies in
// its row: version_content.hpp); and memos, what else it has to remember about a scope.
#pragma once

#include "store/batch.hpp"

namespace edgesync::store {

/// A save without content leaves the content that is there; a role of an unknown version changes nothing.
void write_version(SqlTable& table, const VersionOp& op);

/// Newest first, without those whose rows are damaged. All answer for `pending` over the file.
Result<std::vector<VersionRow>> read_versions(SqlTable& table, const std::vector<VersionOp>& pending);
Result<config::Release> read_release(SqlTable& table, const VersionKey& key, const std::vector<VersionOp>& pending);
/// What all of them take in the file.
Result<std::uint64_t> read_version_bytes(SqlTable& table);
/// A damaged one counts as never written. Fails with: not_found, storage_io.
Result<Bytes> read_memo(SqlTable& table, std::string_view name, const std::vector<VersionOp>& pending);
Result<std::map<std::string, Bytes>> read_memos(SqlTable& table, std::string_view prefix,
                                                const std::vector<VersionOp>& pending);

/// What a row says of its version; nothing if it is not what was written. Says nothing of the content.
std::optional<VersionRow> prove_version(std::uint32_t sid, ByteView manifest, std::uint64_t role);

/// Sets damaged rows aside; how many. Requires: in a transaction.
std::size_t drop_damaged_versions(SqlTable& table);

}  // namespace edgesync::store
