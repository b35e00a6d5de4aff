// SPDX-License-Identifier: Apache-2.0
// The commands that look at one database and end: status, log, diff, dump, export, import, verify, quarantine. None
// but import creates a database.
#pragma once

#include "input.hpp"
#include "options.hpp"
#include "output.hpp"

#include <cstdint>

namespace program {

/// As a limit: no limit.
inline constexpr std::size_t everything = SIZE_MAX;

/// What to do with a scope of this plane.
template <class Call>
Call of_plane(es::Plane plane, Call state, Call config, Call stream) {
  if (plane == es::Plane::stream) return stream;
  return plane == es::Plane::config ? config : state;
}

/// Each returns the exit code. Fails with: whatever opening and reading the database fails with.
es::Result<int> run_status(const Options& options, Output& output);
es::Result<int> run_log(const Options& options, Output& output);
es::Result<int> run_diff(const Options& options, Output& output);
es::Result<int> run_dump(const Options& options, Output& output);
es::Result<int> run_export(const Options& options, Output& output);
es::Result<int> run_verify(const Options& options, Output& output);
es::Result<int> run_quarantine_list(const Options& options, Output& output);
es::Result<int> run_quarantine_export(const Options& options, Output& output);
es::Result<int> run_quarantine_replay(const Options& options, Output& output);
es::Result<int> run_quarantine_drop(const Options& options, Output& output);
es::Result<int> run_salvage(const Options& options, Output& output);
es::Result<int> run_backup(const Options& options, Output& output);

/// What `edgesync stream ...` does: stream_commands.cpp.
es::Result<int> run_stream(const Options& options, Output& output);
/// What `edgesync config ...` does: config_commands.cpp, config_documents.cpp.
es::Result<int> run_config(const Options& options, Output& output);
/// 0 if `text` is empty. Fails with: invalid_argument.
es::Result<std::uint64_t> to_number(const std::string& text, const char* option);
/// YYYY-MM-DD, or YYYY-MM-DDTHH:MM:SSZ; 0 if `text` is empty. Fails with: invalid_argument.
es::Result<es::Timestamp> to_time(const std::string& text, const char* option);
/// Those of them that need no database: keygen, root, sign, show; and keys new.
es::Result<int> run_documents(const Options& options, Output& output);

/// What `edgesync audit` does: audit_command.cpp. Exit code 1 if the log is not whole.
es::Result<int> run_audit(const Options& options, Output& output);
/// What `edgesync keys|enroll|revoke|acl ...` do: access_commands.cpp.
es::Result<int> run_access(const Options& options, Output& output);
/// A secret key's file. Fails with: not_found, invalid_argument.
es::Result<es::SigningKey> read_key(const std::string& path);

/// A whole file. Fails with: not_found.
es::Result<es::Bytes> read_file(const std::string& path);

/// Writes what run_export() told, read from `input`, into a database, which may be new. Stops at the first failure.
es::Result<int> run_import(const Options& options, Input& input, Output& output);

/// Opens a database that exists. Fails with: not_found; as Node::open.
es::Result<es::Node> open_existing(const std::string& path);

/// The node's scopes by plane and name; only `scope` if it is not empty, and then not_found if there is none.
es::Result<std::vector<es::ScopeStatus>> scopes_of(const es::Node& node, const std::string& scope);

}  // namespace program
