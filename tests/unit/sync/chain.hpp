// SPDX-License-Identifier: Apache-2.0
// A hub, a relay that may be linked to it, and a node that may be linked to either: engines on real files, joined by
// hand.
#pragma once

#include "unit/sync/pair.hpp"

namespace edgesync::sync {

class Chain : public testing::Test {
 protected:
  Chain() {
    directory = std::filesystem::temp_directory_path() / ("edgesync-chain-" + std::to_string(::getpid()));
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory);
    hub = std::make_unique<Side>(directory / "hub.db", Role::hub, 1);
    relay = std::make_unique<Side>(directory / "relay.db", Role::hub, 2, Limits{}, true);
    node = std::make_unique<Side>(directory / "node.db", Role::node, 3);
  }
  ~Chain() override {
    node.reset(), relay.reset(), hub.reset();
    std::filesystem::remove_all(directory);
  }

  struct Joint {
    Side *above = nullptr, *below = nullptr;
    LinkId from_above = 0, from_below = 0;
  };

  void join(Side& below, Side& above, Introduction below_is = {"good", "chain"}) {
    Joint joint{&above, &below, 0, 0};
    Introduction above_is{{}, "chain"};
    above_is.binding = binding;
    joint.from_above = above.engine->open_link(Role::hub, std::move(above_is), now);
    joint.from_below = below.engine->open_link(Role::node, std::move(below_is), now);
    joints_.push_back(joint);
  }
  void part(Side& below) {
    std::erase_if(joints_, [&](const Joint& joint) {
      if (joint.below != &below) return false;
      joint.above->engine->closed(joint.from_above, {Errc::unreachable, "cut"}, now);
      joint.below->engine->closed(joint.from_below, {Errc::unreachable, "cut"}, now);
      return true;
    });
  }

  static bool carry(Side& from, LinkId out, Side& to, LinkId in, Now at) {
    const auto frame = from.engine->next_frame(out, at);
    if (frame) to.engine->received(in, *frame, at);
    return frame.has_value();
  }
  void settle() {
    for (bool moved = true; moved;) {
      moved = false;
      for (const Joint& joint : joints_) {
        moved |= carry(*joint.above, joint.from_above, *joint.below, joint.from_below, now);
        moved |= carry(*joint.below, joint.from_below, *joint.above, joint.from_above, now);
      }
      for (Side* side : {hub.get(), relay.get(), node.get()}) moved |= side->commit();
    }
  }

  void write(store::ScopeId scope) {
    ASSERT_TRUE(node->store->commit(scope, Edit().set("a", 1).ops(), now.wall));
    node->commit();
  }

  const Bytes binding = Bytes(32, std::byte{7});  // of every link
  Now now{Instant(std::chrono::seconds(100)), Timestamp(std::chrono::seconds(1'790'000'000))};
  std::filesystem::path directory;
  std::unique_ptr<Side> hub, relay, node;

 private:
  std::vector<Joint> joints_;
};

}  // namespace edgesync::sync
