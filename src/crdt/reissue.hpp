// SPDX-License-Identifier: Apache-2.0
// Reissue: what a replica takes back when it learns that another copy of its database has minted under the same id. Its
// history forked somewhere after `kept`, the last of its stamps that is certainly everybody's; so what it did since is
// said again under a fresh id, with the same stamps, and nobody takes the two copies' writes for one another's:
// - live entries and removal records above `kept` get the fresh id;
// - range removals no longer observe what the old id wrote above `kept`, which may be the other copy's;
// - of a counter, whose cell holds a running sum, the fresh id takes over what was added since `kept`;
// - the context falls back to `kept`. What the other copy did comes from peers like anything that was missed.
// Nothing is lost. What both copies did between `kept` and the fork is there twice: of registers and sets that does not
// show, of counters it counts twice; and an element removed in that time may come back.
#pragma once

#include "crdt/scope_table.hpp"

#include <optional>
#include <span>
#include <vector>

namespace edgesync::crdt {

/// `context` with at most `to.stamp` of `to.replica`.
Context lowered(const Context& context, const Dot& to);

/// A scope of which a replica can take back the end of what it said.
class RewindableTable : public ScopeTable {
 public:
  /// Lowers the context and the floor of `to.replica` to `to.stamp`, and forgets the log items above.
  virtual void rewind(const Dot& to) = 0;
};

/// Versions of one counter cell of this replica that later ones have replaced, so that the sum at the time of `kept` is
/// known. Two are enough to follow the acknowledgements: the last that was stable, and one on its way to be.
class CounterVersions {
 public:
  /// `before` was replaced by the version of stamp `next`, while `stable` was everybody's.
  void replaced(const Entry& before, Stamp next, Stamp stable);

  struct Version {
    Stamp stamp = 0;  ///< 0: there was none.
    Stamp next = 0;   ///< The version after it; from there on this one was gone.
    Bytes value{};
    bool operator==(const Version&) const = default;
  };
  /// The version that stood at `kept`; nothing if that is not known.
  const Version* at(Stamp kept) const noexcept;
  /// The highest stamp up to `kept` for which at() knows.
  Stamp known(Stamp kept) const noexcept;

  Bytes encode() const;
  static std::optional<CounterVersions> decode(ByteView bytes);

 private:
  std::vector<Version> versions_;  // ascending, at most two
};

/// The counter versions of a key; nothing if none was ever replaced.
using VersionsOf = Function<std::optional<CounterVersions>(ByteView key)>;

/// True if `key` is the counter cell of `owner`.
bool is_counter_of(ByteView key, const ReplicaId& owner);

/// Makes `to` the author of all that `from` did above `kept`, or above less if a counter's past is not known that well.
/// `later`: other ids of the same replica, whose range removals observed what is taken back. Returns the stamp that was
/// kept. Requires: `to` is new to the table.
Stamp reissue(RewindableTable& table, const ReplicaId& from, const ReplicaId& to, Stamp kept,
              const VersionsOf& versions_of, std::span<const ReplicaId> later = {});

}  // namespace edgesync::crdt
