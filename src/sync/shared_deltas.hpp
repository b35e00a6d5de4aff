// SPDX-License-Identifier: Apache-2.0
// SharedDeltas: what several peers are told alike is read from the file, split and packed once. A version for a fleet,
// or a change of a scope that a thousand nodes follow, goes out to all of them from here: peers that have the same lack
// the same.
#pragma once

#include "sync/interests.hpp"
#include "wire/message.hpp"

#include <deque>
#include <memory>

namespace edgesync::sync {

struct SharedDelta {
  crdt::Context upto{};
  std::vector<std::shared_ptr<const Bytes>> parts{};
  std::vector<wire::PatchedPart> patches{};  ///< After the first of these.
  std::size_t bytes = 0;                     ///< As cuts count them.
  std::size_t keys = 0;
};

class SharedDeltas {
 public:
  /// `interests` outlive this.
  explicit SharedDeltas(const Interests& interests) noexcept : interests_(interests) {}

  /// Whether there is more than one peer to tell.
  bool wanted(store::ScopeId scope) const { return interests_.of(scope).size() > 1; }
  /// What leads from `from` to `upto` for those that patches are made for on `base`; null: nobody was told, or too long
  /// ago. Valid until the next put().
  const SharedDelta* find(store::ScopeId scope, const crdt::Context& from, const crdt::Context& upto,
                          ByteView base) const;
  /// The latest few are kept.
  void put(store::ScopeId scope, crdt::Context from, Bytes base, SharedDelta delta);

 private:
  struct Told {
    store::ScopeId scope{};
    crdt::Context from{};
    Bytes base{};
    SharedDelta delta{};
  };
  const Interests& interests_;
  std::deque<Told> told_{};
  std::size_t bytes_ = 0;
};

}  // namespace edgesync::sync
