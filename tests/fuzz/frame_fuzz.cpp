// SPDX-License-Identifier: Apache-2.0
// Any bytes as a frame: decoding ends in messages or a typed error and costs no more than its limit on memory; what was
// decoded has one encoding, which decodes to the same.
#include "wire/frame.hpp"

#include "fuzz/heap_meter.hpp"
#include "fuzz/input.hpp"

using namespace edgesync;
using fuzz::holds;

namespace {

/// Beside what the decoder charges for: the messages themselves, while their vector grows from n to 2n.
constexpr std::size_t slack = 64 * 1024;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const wire::Limits limits;
  wire::Codec codec(limits);
  const ByteView frame = std::as_bytes(std::span(data, size));
  const fuzz::HeapMeter heap;
  const auto messages = codec.decode(frame);
  // A raw frame is its own body; a compressed one holds the body beside what it becomes.
  const std::size_t body_max = size > 0 && data[0] == 1 ? limits.decoded_bytes : 0;
  holds(heap.peak() <= limits.allocation + body_max + slack, "the heap is bounded by the limit");
  if (!messages) return fuzz::is_told(messages.error()), 0;
  const Bytes encoded = codec.encode(*messages);
  const auto again = codec.decode(encoded);
  if (!again) std::fprintf(stderr, "%s\n", again.error().detail.c_str());
  holds(again && *again == *messages, "what was decoded survives another round trip");
  holds(codec.encode(*again) == encoded, "one list of messages has one encoding");
  return 0;
}
