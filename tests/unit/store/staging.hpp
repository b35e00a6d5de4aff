// SPDX-License-Identifier: Apache-2.0
// What the tests of stages share: a peer with a large scope, which tells it in chunks.
#pragma once

#include "damage.hpp"

namespace edgesync::store {

class Staging : public testing::Test {
 protected:
  void SetUp() override {
    fill(*peer);
    for (int i = 0; i < 200; ++i) set(*peer, there(), "more/" + std::to_string(i), "some text " + std::to_string(i));
    flush(*peer);
  }
  ScopeId there() { return state_scope(*peer); }

  /// The peer tells what the store lacks, or the next `chunks_max` of it, but for the cut. False if more is left.
  bool tell(Opened& opened, std::size_t chunks_max = SIZE_MAX) {
    const ScopeId id = state_scope(*opened);
    const auto stage = opened->stages(id).find(peer->replica());
    const bool begin = stage == opened->stages(id).end();
    RemoteChunk next{id, peer->replica(), begin, opened->context(id), peer->floors(there()), {}};
    crdt::Context reached = begin ? next.base : stage->second.reached;
    for (std::size_t told = 0; told < chunks_max; ++told, next.begin = false) {
      next.chunk = peer->chunk(there(), reached, 500).value();
      reached = next.chunk.reached;
      opened->keep(next);
      EXPECT_TRUE(flush(*opened).outcomes.at(0).applied);
      if (next.chunk.last()) return true;
    }
    return false;
  }
  Flushed join(Opened& opened) {
    RemoteCut cut;
    cut.stages.push_back({state_scope(*opened), peer->replica(), {}});
    opened->apply(std::move(cut));
    return flush(*opened);
  }

  Opened peer{8};
};

}  // namespace edgesync::store
