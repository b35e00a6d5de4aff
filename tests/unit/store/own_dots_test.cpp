// SPDX-License-Identifier: Apache-2.0
// Own dots that come from elsewhere: a file restored from an older copy is told by its peers what it wrote since.
#include "harness.hpp"

namespace edgesync::store {
namespace {

using testing::IsEmpty;

/// A store and a hub that has more of it than it has itself.
struct Restored {
  Opened edge{1}, hub{2};
  ScopeId id, at_hub;

  Restored() {
    id = state_scope(*edge);
    at_hub = state_scope(*hub);
    set(*edge, id, "a", 1, 1'000);
    flush(*edge);
    edge.close();
    const std::string older = edge.path() + ".older";
    std::filesystem::copy_file(edge.path(), older);
    edge.reopen();
    set(*edge, id, "b", 2, 900'000'000);  // later than any drift that is let through
    flush(*edge);
    pull(*hub, at_hub, *edge, id);
    edge.close();
    std::filesystem::copy_file(older, edge.path(), std::filesystem::copy_options::overwrite_existing);
    edge.reopen();
  }
};

TEST(OwnDots, WhatIsWrittenAfterTheyCameBackReachesThePeers) {
  Restored restored;
  Opened &edge = restored.edge, &hub = restored.hub;
  pull(*edge, restored.id, *hub, restored.at_hub);
  const crdt::Stamp known = edge->context(restored.id)[edge->replica()];
  EXPECT_GT(set(*edge, restored.id, "c", 3, 2'000).stamp, known);
  EXPECT_FALSE(flush(*edge).error);
  pull(*hub, restored.at_hub, *edge, restored.id);
  EXPECT_EQ(contents(*hub, restored.at_hub).size(), 3U);
  EXPECT_EQ(contents(*edge, restored.id), contents(*hub, restored.at_hub));
  EXPECT_THAT(findings(*edge), IsEmpty());
}

TEST(OwnDots, HoldForEveryScopeFromTheMomentTheyAreAccepted) {
  Restored restored;
  Opened &edge = restored.edge, &hub = restored.hub;
  const ScopeId other = state_scope(*edge, "other");
  RemoteCut cut;
  cut.deltas.push_back({restored.id, hub->delta(restored.at_hub, edge->context(restored.id)).value(), {}});
  const crdt::Stamp known = cut.deltas[0].delta.upto[edge->replica()];
  edge->apply(std::move(cut));
  EXPECT_GT(set(*edge, restored.id, "c", 3, 2'000).stamp, known);
  EXPECT_GT(set(*edge, other, "c", 3, 2'000).stamp, known);
  EXPECT_FALSE(flush(*edge).error);
  EXPECT_THAT(findings(*edge), IsEmpty());
}

}  // namespace
}  // namespace edgesync::store
