// SPDX-License-Identifier: Apache-2.0
// Any bytes as a frame: decoding ends in messages or a typed error, and what was decoded survives another round trip.
#include "wire/frame.hpp"

#include <cstdint>
#include <cstdlib>

using edgesync::wire::Codec;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Codec codec;
  const auto messages = codec.decode(std::as_bytes(std::span(data, size)));
  if (!messages) return messages.error().detail.empty() ? std::abort(), 0 : 0;
  const auto again = codec.decode(codec.encode(*messages));
  if (!again || *again != *messages) std::abort();
  return 0;
}
