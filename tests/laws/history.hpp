// SPDX-License-Identifier: Apache-2.0
// Random histories of one scope on several replicas, checked against the oracle after every step. A history is a
// function of the numbers drawn and of how replicas are made, so a failure is a seed.
#pragma once

#include "base/random.hpp"
#include "laws/oracle.hpp"

#include <deque>
#include <memory>
#include <string>

namespace edgesync::laws {

using MakeReplica = Function<std::unique_ptr<Replica>(std::uint8_t number)>;

struct Shape {
  std::size_t replicas = 5;
  std::size_t steps = 120;
};

class History {
 public:
  /// `random` outlives the history.
  History(Random& random, const Shape& shape, const MakeReplica& make);

  /// The first violation with its step, or nothing.
  std::optional<std::string> run();

 private:
  using Violation = std::optional<std::string>;

  Violation step();
  Violation commit(Replica& at);
  Violation pull(Replica& to, Replica& from);
  /// A pull below the floors: a search while both sides go on, then a delta.
  Violation search(Replica& to, Replica& from);
  /// Surveys `at` step by step, while both sides go on.
  Violation walk(Replica& at, crdt::Survey& survey, Replica& to, Replica& from);
  Violation meddle(Replica& to, Replica& from);
  Violation offer(Replica& to, const crdt::Delta& delta, const crdt::Removed* removed = nullptr);
  Violation offer_old(Replica& to);
  void forget(Replica& at);
  Violation converge();
  /// I1, I3, I12 for one replica, and I4 between it and the others.
  Violation check(Replica& at);
  Violation check_equals(Replica& at);

  Edit random_edit();
  void random_op(Edit& edit);
  Timestamp wall();
  Replica& any() { return *replicas_[random_.below(replicas_.size())]; }

  Random& random_;
  Shape shape_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  Oracle oracle_;
  std::deque<crdt::Delta> old_;  // made for anybody at any time, delivered late, twice or never
  std::int64_t now_ms_ = 0;
};

}  // namespace edgesync::laws
