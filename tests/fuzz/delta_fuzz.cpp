// SPDX-License-Identifier: Apache-2.0
// Any bytes as the body of a DeltaPart: what is accepted is the one encoding of what it says, and memory was charged
// for before it was taken.
#include "fuzz/heap_meter.hpp"
#include "fuzz/input.hpp"
#include "wire/packed_delta.hpp"

using namespace edgesync;
using fuzz::holds;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  wire::Limits limits;
  limits.allocation = std::size_t{1024} << in.below(15);
  limits.elements = std::size_t{1} << in.below(17);
  wire::DeltaPart part;
  part.first = (in.u8() & 1) != 0;
  const ByteView body = in.rest();
  const fuzz::HeapMeter heap;
  wire::Budget budget(limits);
  wire::unpack(body, part, budget);
  holds(heap.peak() <= 2 * limits.allocation + 4096, "memory is charged for");
  if (budget.failed()) return fuzz::is_told(budget.failure("delta")), 0;
  holds(equal(wire::pack(part), body), "one delta has one encoding, and no other is accepted");
  return 0;
}
