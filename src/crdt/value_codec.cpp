// SPDX-License-Identifier: Apache-2.0
#include "crdt/value_codec.hpp"

#include <type_traits>

namespace edgesync::crdt {
namespace {

enum class Tag : std::uint8_t { null, false_, true_, integer, real, text, bytes, json };

void put(Writer& out, Tag tag) { out.u8(static_cast<std::uint8_t>(tag)); }

Value take(Reader& in) {
  const auto rest = [&] { return in.raw(in.left()); };
  switch (static_cast<Tag>(in.u8())) {
    case Tag::null:
      return {};
    case Tag::false_:
      return false;
    case Tag::true_:
      return true;
    case Tag::integer:
      return in.svarint();
    case Tag::real:
      return in.f64();
    case Tag::text:
      return std::string(as_text(rest()));
    case Tag::bytes:
      return to_bytes(rest());
    case Tag::json:
      return Json{std::string(as_text(rest()))};
  }
  in.fail();
  return {};
}

}  // namespace

void encode_value(Writer& out, const Value& value) {
  std::visit(
      [&](const auto& held) {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, std::monostate>)
          put(out, Tag::null);
        else if constexpr (std::is_same_v<T, bool>)
          put(out, held ? Tag::true_ : Tag::false_);
        else if constexpr (std::is_same_v<T, std::int64_t>)
          put(out, Tag::integer), out.svarint(held);
        else if constexpr (std::is_same_v<T, double>)
          put(out, Tag::real), out.f64(held);
        else if constexpr (std::is_same_v<T, std::string>)
          put(out, Tag::text), out.raw(as_view(held));
        else if constexpr (std::is_same_v<T, Bytes>)
          put(out, Tag::bytes), out.raw(held);
        else
          put(out, Tag::json), out.raw(as_view(held.text));
      },
      value);
}

Bytes encode_value(const Value& value) {
  Bytes bytes;
  Writer out(bytes);
  encode_value(out, value);
  return bytes;
}

Result<Value> decode_value(ByteView bytes) {
  Reader in(bytes);
  Value value = take(in);
  if (!in.done())
    return Error(Errc::protocol_violation, "value: malformed encoding of " + std::to_string(bytes.size()) + " bytes");
  return value;
}

}  // namespace edgesync::crdt
