// SPDX-License-Identifier: Apache-2.0
#include "wire/frame.hpp"

#include "wire/compression.hpp"
#include "wire/messages.hpp"

#include <algorithm>

namespace edgesync::wire {
namespace {

// The hard maxima of PROTOCOL.md, "Limits".
Limits bounded(const Limits& asked) noexcept {
  constexpr std::size_t mib = std::size_t{1} << 20;
  Limits limits = asked;
  limits.frame_bytes = std::min(asked.frame_bytes, 16 * mib);
  limits.decoded_bytes = std::min(asked.decoded_bytes, 64 * mib);
  limits.ratio = std::min<std::size_t>(asked.ratio, 1000);
  limits.ratio_free_bytes = std::min(asked.ratio_free_bytes, mib);
  limits.window_log = std::clamp(asked.window_log, 10U, 23U);
  limits.depth = std::clamp<std::size_t>(asked.depth, 1, 32);
  limits.elements = std::min(asked.elements, mib);
  limits.values = std::min(asked.values, mib);
  limits.allocation = std::min(asked.allocation, 256 * mib);
  limits.text_bytes = std::min<std::size_t>(asked.text_bytes, 65'536);
  limits.key_bytes = std::min<std::size_t>(asked.key_bytes, 65'536);
  limits.origins = std::min<std::size_t>(asked.origins, 65'536);
  return limits;
}

// A vector that doubles holds up to twice what was put in.
constexpr std::size_t message_bytes = 2 * sizeof(Message);

}  // namespace

struct Codec::Impl {
  explicit Impl(const Limits& asked) : limits(bounded(asked)), compression(limits) {}
  Limits limits;
  Compression compression;
};

Codec::Codec(const Limits& limits) : impl_(std::make_unique<Impl>(limits)) {}
Codec::~Codec() = default;

Bytes Codec::encode(std::span<const Message> messages) {
  Bytes body;
  FieldWriter out(body);
  for (const Message& message : messages) write_message(out, message);
  return impl_->compression.pack(body);
}

Result<std::vector<Message>> Codec::decode(ByteView frame) {
  const auto body = impl_->compression.unpack(frame);
  if (!body) return body.error();
  Budget budget(impl_->limits);
  FieldReader in(body->view, budget);
  std::vector<Message> messages;
  std::string where;
  std::size_t number = 0;
  while (in.more()) {
    ++number;
    if (auto message = read_message(in, budget, where); message && budget.memory(message_bytes))
      messages.push_back(std::move(*message));
  }
  if (budget.failed()) return budget.failure("message " + std::to_string(number) + ": " + where);
  return messages;
}

}  // namespace edgesync::wire
