// SPDX-License-Identifier: Apache-2.0
// One fault at a time, everywhere: a hub and a node play six scripted operations, and the run is repeated with a fault
// at disk operation 1, 2, ... to the last, or with the first connection cut inside frame 1, 2, ...; every check of the
// simulator holds each time.
#include "sim/memory.hpp"
#include "sim/world.hpp"

#include <gtest/gtest.h>

namespace edgesync::sim {
namespace {

struct Where {
  NodeNumber node = 0;
  Fault as{};
};

void PrintTo(const Where& where, std::ostream* out) {
  *out << fault_names.at(static_cast<std::size_t>(where.as)) << " of node " << where.node;
}

class AtEveryOperation : public testing::TestWithParam<Where> {};

TEST_P(AtEveryOperation, KeepsEveryPromise) {
  const Report clean = run_plan(make_script());
  ASSERT_FALSE(clean.violation) << *clean.violation;
  const std::uint64_t last = clean.operations.at(static_cast<std::size_t>(GetParam().node));
  ASSERT_GT(last, 50u);
  std::uint64_t struck = 0;
  for (std::uint64_t operation = 1; operation <= last; ++operation) {
    Plan plan = make_script();
    plan.seed = operation;  // what a crash leaves of pending writes is drawn anew each time
    plan.blow = {GetParam().node, operation, GetParam().as};
    const Report report = run_plan(plan);
    ASSERT_FALSE(report.violation) << "operation " << operation << ": " << *report.violation;
    for (std::size_t i = 0; i < FaultCounts::size; ++i) struck += report.struck.at(i) > 0;
  }
  EXPECT_GT(struck, last / 3);
}

INSTANTIATE_TEST_SUITE_P(Exhaustive, AtEveryOperation,
                         testing::Values(Where{0, Fault::crashes}, Where{1, Fault::crashes},
                                         Where{0, Fault::power_cuts}, Where{1, Fault::power_cuts},
                                         Where{0, Fault::write_errors}, Where{1, Fault::write_errors},
                                         Where{0, Fault::disk_full}, Where{1, Fault::disk_full}));

TEST(Exhaustive, AnAllocationThatFailsLosesNothing) {
  install_memory();
  const std::uint64_t before = memory.allocations;
  ASSERT_FALSE(run_plan(make_script()).violation);
  const std::uint64_t count = memory.allocations - before, struck = memory.struck;
  const std::uint64_t step = count / 600 + 1;
  std::uint64_t runs = 0;
  for (std::uint64_t allocation = 1; allocation < count; allocation += step, ++runs) {
    Plan plan = make_script();
    plan.allocation = allocation;
    const Report report = run_plan(plan);
    ASSERT_FALSE(report.violation) << "allocation " << allocation << ": " << *report.violation;
  }
  EXPECT_GT(memory.struck - struck, runs / 3);
}

class InEveryFrame : public testing::TestWithParam<bool> {};

TEST_P(InEveryFrame, ACutConnectionLosesNothing) {
  const bool hub = GetParam();
  const std::uint64_t bytes = run_plan(make_script()).first_connection.at(hub ? 1 : 0);
  ASSERT_GT(bytes, 500u);
  constexpr std::uint64_t step = 7;  // no frame is as short, and where inside a frame the cut is makes no difference
  for (std::uint64_t at = 1; at < bytes; at += step) {  // at the last byte, all has arrived
    Plan plan = make_script();
    plan.cut_at = at;
    plan.cut_hub = hub;
    const Report report = run_plan(plan);
    ASSERT_FALSE(report.violation) << "byte " << at << ": " << *report.violation;
    ASSERT_EQ(report.struck[Fault::cuts], 1u) << "byte " << at;
  }
}

INSTANTIATE_TEST_SUITE_P(Exhaustive, InEveryFrame, testing::Bool(),
                         [](const auto& of) { return of.param ? "OfTheHub" : "OfTheNode"; });

}  // namespace
}  // namespace edgesync::sim
