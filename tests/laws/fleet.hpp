// SPDX-License-Identifier: Apache-2.0
// Fleet: a few memory replicas with short words for what scenarios do with them. Clocks stand still unless a test
// says otherwise, so that ties and logical counters are the rule here.
#pragma once

#include "crdt/value_codec.hpp"
#include "crdt/view.hpp"
#include "laws/memory_replica.hpp"

#include <gtest/gtest.h>

#include <deque>

namespace edgesync::laws {

/// The members of a fleet, as scenarios call them.
inline constexpr std::size_t a = 0, b = 1, c = 2, d = 3;

class Fleet {
 public:
  explicit Fleet(std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) replicas_.emplace_back(static_cast<std::uint8_t>(i + 1));
  }

  std::size_t size() const noexcept { return replicas_.size(); }
  MemoryReplica& operator[](std::size_t at) { return replicas_[at]; }

  /// Commits and flushes; the dot of the transaction.
  crdt::Dot commit(std::size_t at, const Edit& edit, std::int64_t ms = 0) {
    const auto stamp = replicas_[at].commit(edit.ops(), wall(ms));
    EXPECT_TRUE(stamp) << (stamp ? "" : stamp.error().detail);
    replicas_[at].flush();
    return {replicas_[at].id(), stamp.value_or(0)};
  }

  /// `to` learns all that `from` knows.
  crdt::Delta pull(std::size_t to, std::size_t from) {
    crdt::Delta delta = replicas_[from].delta_for(replicas_[to].stored_context());
    const auto applied = replicas_[to].offer(delta, wall(0));
    EXPECT_TRUE(applied && !applied->diverged);
    return delta;
  }

  void converge() {
    for (int round = 0; round < 2; ++round)
      for (std::size_t to = 0; to < size(); ++to)
        for (std::size_t from = 0; from < size(); ++from)
          if (to != from) pull(to, from);
    for (MemoryReplica& replica : replicas_) {
      EXPECT_EQ(replica.stored_context(), replicas_[0].stored_context());
      EXPECT_EQ(describe(replica.stored()), describe(replicas_[0].stored()));
      EXPECT_EQ(replica.summary(), replicas_[0].summary());
    }
  }

  std::optional<crdt::Shown> show(std::size_t at, std::string_view path) {
    return crdt::show(replicas_[at].table(), path);
  }
  /// The value at `path`; a text that no test writes if there is none.
  Value value(std::size_t at, std::string_view path) {
    const auto shown = show(at, path);
    return shown ? shown->value : Value("nothing");
  }
  std::vector<Value> members(std::size_t at, std::string_view path) {
    const auto shown = show(at, path);
    return shown ? shown->members : std::vector<Value>{};
  }

  static Timestamp wall(std::int64_t ms) { return Timestamp(std::chrono::milliseconds(1'800'000'000'000 + ms)); }

 private:
  std::deque<MemoryReplica> replicas_;
};

}  // namespace edgesync::laws
