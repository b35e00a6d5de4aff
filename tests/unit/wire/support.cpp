// SPDX-License-Identifier: Apache-2.0
#include "unit/wire/support.hpp"

#include <algorithm>

namespace edgesync::wire::testing {

Bytes hex(std::string_view text) {
  std::string digits(text);
  std::erase(digits, ' ');
  return from_hex(digits).value();
}

Bytes raw_frame(ByteView body) {
  Bytes frame;
  frame.reserve(1 + body.size());
  frame.push_back(std::byte{0});
  frame.insert(frame.end(), body.begin(), body.end());
  return frame;
}

std::error_code error_of(const Result<std::vector<Message>>& decoded) {
  return decoded ? std::error_code{} : decoded.error().code;
}

ReplicaId replica(unsigned fill) {
  ReplicaId id;
  id.bytes.fill(static_cast<std::byte>(fill));
  return id;
}

crdt::Context context(std::initializer_list<crdt::Dot> dots) {
  crdt::Context context;
  for (const crdt::Dot& dot : dots) context.advance(dot);
  return context;
}

Bytes part_frame(ByteView packed, bool first) {
  Bytes body = hex(first ? "95 05 01 01 c3 c6" : "95 05 01 01 c2 c6");
  for (int shift = 24; shift >= 0; shift -= 8) body.push_back(static_cast<std::byte>(packed.size() >> shift));
  body.insert(body.end(), packed.begin(), packed.end());
  return raw_frame(body);
}

}  // namespace edgesync::wire::testing
