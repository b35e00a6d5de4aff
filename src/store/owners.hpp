// SPDX-License-Identifier: Apache-2.0
// Owners: whose replica ids are, at a hub that believes some nodes of their own changes alone (Access::write_own). A
// context deletes what it covers and its delta does not list, and whoever claims stamps that a replica has yet to mint
// deletes what that will write. So of ids that are not its own such a node may say what is known here, and no more.
//
// An id belongs to the name that first told of it while going by it. Of one that nobody here has heard of, whoever
// brings it may tell, until somebody comes who goes by it: else a hub that has lost its file would get back from each
// node what all of them made, and find that it is another's.
#pragma once

#include "crdt/dot.hpp"
#include "store/sqlite_db.hpp"
#include "store/terms.hpp"

#include <edgesync/error.hpp>

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace edgesync::store {

class File;

class Owners {
 public:
  /// Of their rows in `meta`.
  static constexpr std::string_view prefix = "owner/";
  /// Ids of one name, a quarter of what a scope may know (crdt::context_items_max).
  static constexpr std::size_t ids_max = 1024;

  /// Rows that are not what was written say nothing.
  void read(SqliteDb& db);
  /// Writes what was claimed since the last time. Requires: in a transaction.
  void write(SqliteDb& db);

  /// Whether all that is `told` beyond `mine` is the teller's to tell. Fails with: forbidden.
  Result<void> admit(const File& file, const Teller& teller, const crdt::Context& told,
                     const crdt::Context& mine) const;
  /// It has been told, by who may tell it.
  void note(const Teller& teller, const crdt::Context& told, const crdt::Context& mine);

 private:
  struct Owner {
    std::string name{};
    bool goes_by = false;  ///< It went by the id; else it brought it, and whoever goes by it may have it.
  };
  void put(const ReplicaId& id, Owner owner);
  std::size_t ids_of(const std::string& name) const;

  std::map<ReplicaId, Owner> owners_{};
  std::map<std::string, std::size_t> counts_{};  // ids by name
  std::set<ReplicaId> unwritten_{};
};

}  // namespace edgesync::store
