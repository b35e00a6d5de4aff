// SPDX-License-Identifier: Apache-2.0
// A history of three replicas whose every choice is a byte of the input: transactions, flushes, deltas in any order,
// late and twice, searches, forgotten removals. After each step every replica is what the oracle says, and at the end
// all are equal. The reference is tests/laws/oracle.hpp, which merges nothing.
#include "fuzz/input.hpp"
#include "laws/history.hpp"
#include "laws/memory_replica.hpp"

using namespace edgesync;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  const laws::MakeReplica make = [](std::uint8_t number) { return std::make_unique<laws::MemoryReplica>(number); };
  // A step takes four choices or more, so that few come after the end of the input.
  laws::History history(in, {3, std::min<std::size_t>(size / 4 + 1, 150)}, make);
  if (const auto violation = history.run()) fuzz::holds(false, violation->c_str());
  return 0;
}
