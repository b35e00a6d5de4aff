// SPDX-License-Identifier: Apache-2.0
// Chunks: a delta of any size, told piece by piece while its sender goes on, and joined as one step at the end. The
// sender reads its log from a receiver's context on, replica by replica, dot by dot; what it has told so far is itself
// a context ("reached"), so whoever knows it can go on from there, after any interruption.
//
// Each chunk is read from one state of the table, and holds for that state alone: its lists are complete as of its own
// context, not of the last one's, because what the sender has learned of the receiver's own past since is told nowhere
// ("each key with its own context"). So chunks are joined in the order they were read: a range removal meets what
// earlier chunks brought, and a later list of a key replaces an earlier one. For the same reason a chunk lists a key at
// every row that has not been told, whatever earlier chunks listed.
//
// Requires of the sender, at every chunk: nothing untold has been evicted from its log since the first one, that is,
// reached and the floors at the start together cover the floors.
#pragma once

#include "crdt/delta.hpp"

#include <unordered_set>

namespace edgesync::crdt {

struct Chunk {
  Delta delta{};      ///< `base`: what earlier chunks told, `upto`: the sender's context as it read this one.
  Context reached{};  ///< What is told with it.

  bool last() const noexcept { return reached.covers(delta.upto); }  ///< As of `delta.upto` nothing is untold.
  bool operator==(const Chunk&) const = default;
};

/// What `table` has and `told` does not cover, up to about `bytes_max`, whole transactions. Values are left out of
/// entries that `told` covers.
Chunk make_chunk(ScopeTable& table, const Context& told, std::size_t bytes_max);

/// Joins the chunks of one delta into a table, in their order. Nothing is claimed before finish().
class Joining {
 public:
  /// `base`: the receiver's context when the first chunk was made; covered by the table's. `removed`: what a search
  /// from there on found. `judge`: the sender's log does not tell of all removals, so what came here from others since
  /// goes, if the sender has it in its context and lists it nowhere.
  Joining(ScopeTable& table, const Context& base, bool judge, const Removed* removed);

  void add(const Delta& delta, const Context& reached);
  /// Claims `upto`, the context of the last chunk.
  Applied finish(const Context& upto, const Summary& summary);

 private:
  void join(const KeyState& state, const Delta& delta, const Context& reached, std::vector<LogItem>& news);
  void note(const KeyState& state);
  void drop_unlisted(const Context& upto);

  ScopeTable& table_;
  const Context& base_;
  bool judge_;
  Applied applied_;
  std::unordered_set<std::uint64_t> listed_;  // entries that both sides hold and that are not in base_
};

/// For a table that jumps to `upto` without the records of all removals in between: it cannot tell of them either.
void raise_jumped_floors(ScopeTable& table, const Context& upto);

/// Drops `dots` of the cell at `key`.
void drop(ScopeTable& table, ByteView key, const std::vector<Dot>& dots);

/// What a key takes in a frame, about.
std::size_t cost(const KeyState& state) noexcept;

/// A key as it is told to a receiver of which `told` is known.
KeyState list(ByteView key, const Cell& cell, const Context& told);

}  // namespace edgesync::crdt
