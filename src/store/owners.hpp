// SPDX-License-Identifier: Apache-2.0
// Owners: whose replica ids are, at a hub that believes some nodes of their own changes alone (Access::write_own). A
// context deletes what it covers and its delta does not list, and whoever claims stamps that a replica has yet to mint
// deletes what that will write. So of ids that are not its own such a node may say what is known here, and no more.
#pragma once

#include "crdt/dot.hpp"
#include "store/sqlite_db.hpp"
#include "store/terms.hpp"

#include <edgesync/error.hpp>

#include <map>
#include <set>
#include <string>

namespace edgesync::store {

class File;

class Owners {
 public:
  /// Ids of one name. Nobody has that many: one is taken when a file turns out to be a copy.
  static constexpr std::size_t ids_max = 256;

  /// Rows that are not what was written say nothing.
  void read(SqliteDb& db);
  /// Writes what was claimed since the last time. Requires: in a transaction.
  void write(SqliteDb& db);

  /// Whether all that is `told` beyond `mine` is the teller's to tell: of ids that are its own; or nobody's, and new in
  /// this file or what it goes by. Fails with: forbidden.
  Result<void> admit(const File& file, const Teller& teller, const crdt::Context& told,
                     const crdt::Context& mine) const;
  /// These are the teller's from now on. Requires: admit().
  void claim(const Teller& teller, const crdt::Context& told, const crdt::Context& mine);

 private:
  std::map<ReplicaId, std::string> names_{};
  std::map<std::string, std::size_t, std::less<>> counts_{};  // ids by name
  std::set<ReplicaId> unwritten_{};
};

}  // namespace edgesync::store
