// SPDX-License-Identifier: Apache-2.0
// Any bytes as the outer shell of a frame, under limits that the input picks: what comes out keeps them, so does the
// heap on the way, and packing any body and taking it out again gives the body.
#include "wire/compression.hpp"

#include "fuzz/heap_meter.hpp"
#include "fuzz/input.hpp"

using namespace edgesync;
using fuzz::holds;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  wire::Limits limits;
  limits.decoded_bytes = std::size_t{1} << in.below(23);
  limits.ratio = 1 + in.u8();
  limits.ratio_free_bytes = 256U * in.u8();
  limits.window_log = static_cast<unsigned>(10 + in.below(12));
  wire::Compression compression(limits);
  const ByteView frame = in.rest();
  {
    const fuzz::HeapMeter heap;
    const auto body = compression.unpack(frame);
    if (!body) fuzz::is_told(body.error());
    if (body) {
      holds(body->view.size() <= limits.decoded_bytes, "the decoded size is bounded");
      const std::size_t by_ratio = limits.ratio_free_bytes + frame.size() * limits.ratio;
      holds(frame[0] == std::byte{0} || body->view.size() <= by_ratio, "the ratio is bounded");
    }
    holds(heap.peak() <= limits.decoded_bytes + 4096, "the heap is bounded by the decoded size");
  }
  wire::Compression honest{wire::Limits{}};
  const Bytes packed = honest.pack(frame);
  const auto again = honest.unpack(packed);
  holds(again && equal(again->view, frame), "a packed body comes out as it went in");
  return 0;
}
