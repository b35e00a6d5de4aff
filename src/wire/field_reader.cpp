// SPDX-License-Identifier: Apache-2.0
#include "stream/drops.hpp"
#include "wire/fields.hpp"
#include "wire/packed_delta.hpp"

#include <msgpack.hpp>

#include <algorithm>
#include <array>
#include <limits>

namespace edgesync::wire {

struct FieldReader::Token {
  enum class Type : std::uint8_t { none, other, boolean, natural, negative, text, binary, array, map };
  Type type = Type::none;
  std::uint64_t number = 0;  // boolean, natural, negative (two's complement); array, map: how many
  ByteView bytes{};          // text, binary; into the body
};

// msgpack calls this for each token. A container's start stops it, so every call of parse() yields one token.
struct FieldReader::Visitor : msgpack::null_visitor {
  using Type = Token::Type;
  Token token{};

  bool set(Type type, std::uint64_t number) { return token = {type, number, {}}, true; }
  bool set(Type type, const char* data, std::uint32_t size) {
    return token = {type, 0, as_view(std::string_view(data, size))}, true;
  }

  bool visit_nil() { return set(Type::other, 0); }
  bool visit_boolean(bool value) { return set(Type::boolean, value ? 1 : 0); }
  bool visit_positive_integer(std::uint64_t value) { return set(Type::natural, value); }
  bool visit_negative_integer(std::int64_t value) {
    return set(value < 0 ? Type::negative : Type::natural, static_cast<std::uint64_t>(value));
  }
  bool visit_float32(float) { return set(Type::other, 0); }
  bool visit_float64(double) { return set(Type::other, 0); }
  bool visit_str(const char* data, std::uint32_t size) { return set(Type::text, data, size); }
  bool visit_bin(const char* data, std::uint32_t size) { return set(Type::binary, data, size); }
  bool visit_ext(const char*, std::uint32_t) { return set(Type::other, 0); }
  bool start_array(std::uint32_t count) { return set(Type::array, count), false; }
  bool start_map(std::uint32_t count) { return set(Type::map, count), false; }
  void parse_error(std::size_t, std::size_t) { token = {}; }
  void insufficient_bytes(std::size_t, std::size_t) { token = {}; }
};

// What stands before the elements: array 16 and map 16 have a two-byte count, array 32 and map 32 a four-byte one.
static std::size_t container_header_bytes(std::byte first) noexcept {
  if (first == std::byte{0xdc} || first == std::byte{0xde}) return 3;
  return first == std::byte{0xdd} || first == std::byte{0xdf} ? 5 : 1;
}

FieldReader::Token FieldReader::next() {
  if (!budget_.value()) return {};
  const std::size_t start = offset_;
  Visitor visitor;
  try {
    msgpack::parse(as_text(body_).data(), body_.size(), offset_, visitor);
  } catch (const msgpack::unpack_error&) {
    visitor.token = {};
  }
  const Token& token = visitor.token;
  if (token.type == Token::Type::none) budget_.malformed("not msgpack, or cut short");
  // Where msgpack stands after a visitor stopped it depends on its version.
  if (token.type == Token::Type::array || token.type == Token::Type::map)
    offset_ = start + container_header_bytes(body_[start]);
  return token;
}

// Each element needs at least one byte; a map's two.
bool FieldReader::sized(const Token& container) {
  const std::uint64_t left = body_.size() - offset_;
  if (container.number > budget_.limits().elements) return budget_.exceeded("elements");
  const bool fits = container.number <= (container.type == Token::Type::map ? left / 2 : left);
  return fits || budget_.malformed("a container is longer than the frame");
}

std::size_t FieldReader::array() {
  const Token token = next();
  if (budget_.failed()) return 0;
  if (token.type != Token::Type::array) return budget_.malformed("not an array"), 0;
  return sized(token) ? static_cast<std::size_t>(token.number) : 0;
}

void FieldReader::skip(std::uint64_t count) {
  // How many values are left at each level: the loop's stack, of bounded size.
  std::array<std::uint64_t, 33> left{count};
  std::size_t depth = 0;
  const std::size_t depth_max = std::min(budget_.limits().depth, left.size()) - 1;  // the message is the first level
  while (!budget_.failed()) {
    if (left[depth] == 0) {
      if (depth == 0) return;
      --depth;
      continue;
    }
    --left[depth];
    const Token token = next();
    const bool map = token.type == Token::Type::map;
    if (!map && token.type != Token::Type::array) continue;
    if (depth + 1 > depth_max) {
      budget_.exceeded("nesting");
      return;
    }
    if (!sized(token)) return;
    left[++depth] = map ? token.number * 2 : token.number;
  }
}

std::uint64_t FieldReader::number(std::uint64_t max) {
  const Token token = next();
  if (budget_.failed()) return 0;
  if (token.type != Token::Type::natural) return budget_.malformed("not a natural number"), 0;
  if (token.number > max) return budget_.malformed("number out of range"), 0;
  return token.number;
}

ByteView FieldReader::binary() {
  const Token token = next();
  if (!budget_.failed() && token.type != Token::Type::binary) budget_.malformed("not binary");
  return budget_.failed() ? ByteView{} : token.bytes;
}

void FieldReader::get(bool& value) {
  const Token token = next();
  if (!budget_.failed() && token.type != Token::Type::boolean) budget_.malformed("not a boolean");
  value = !budget_.failed() && token.number != 0;
}

void FieldReader::get(std::uint32_t& value) {
  value = static_cast<std::uint32_t>(number(std::numeric_limits<std::uint32_t>::max()));
}

void FieldReader::get(std::uint64_t& value) { value = number(std::numeric_limits<std::uint64_t>::max()); }

void FieldReader::get(Timestamp& value) {
  constexpr std::uint64_t max = std::numeric_limits<std::int64_t>::max();
  const Token token = next();
  const bool fits = token.type == Token::Type::negative || (token.type == Token::Type::natural && token.number <= max);
  if (!budget_.failed() && !fits) budget_.malformed("not a time");
  if (!budget_.failed()) value = Timestamp(Timestamp::duration(static_cast<std::int64_t>(token.number)));
}

void FieldReader::get(std::chrono::milliseconds& value) {
  std::uint32_t count = 0;
  get(count);
  value = std::chrono::milliseconds(count);
}

void FieldReader::get(Plane& value) {
  const std::uint64_t plane = number(std::numeric_limits<std::uint8_t>::max());
  if (!budget_.failed() && plane == 0) budget_.malformed("plane 0");
  value = static_cast<Plane>(plane);
}

void FieldReader::get(Errc& value) {
  const std::uint64_t code = number(std::numeric_limits<std::uint16_t>::max());
  if (!budget_.failed() && code == 0) budget_.malformed("error code 0");
  value = static_cast<Errc>(code);
}

void FieldReader::get(std::string& value) {
  const Token token = next();
  if (!budget_.failed() && token.type != Token::Type::text) budget_.malformed("not a text");
  if (!budget_.failed() && token.bytes.size() > budget_.limits().text_bytes) budget_.exceeded("text");
  if (!budget_.failed() && budget_.memory(token.bytes.size())) value = std::string(as_text(token.bytes));
}

void FieldReader::get(std::vector<std::string>& value) {
  const std::size_t count = array();
  if (budget_.failed() || !budget_.container(count, sizeof(std::string) + block_bytes)) return;
  value.resize(count);
  for (std::string& text : value) get(text);
}

void FieldReader::get(Bytes& value) {
  const ByteView bytes = binary();
  if (!budget_.failed() && budget_.memory(bytes.size())) value = to_bytes(bytes);
}

void FieldReader::get(ReplicaId& value) {
  const ByteView bytes = binary();
  if (!budget_.failed() && bytes.size() != value.bytes.size()) budget_.malformed("not a replica id");
  if (!budget_.failed()) std::copy(bytes.begin(), bytes.end(), value.bytes.begin());
}

void FieldReader::get(crdt::Context& value) {
  Reader in(binary());
  if (budget_.failed()) return;
  if (Reader peek = in; peek.varint() > budget_.limits().origins)
    return void(budget_.exceeded("replicas in a context"));
  if (!budget_.memory(in.left() / 17 * sizeof(crdt::Context::Item) * 2)) return;
  value = crdt::Context::decode(in);
  if (!in.done()) budget_.malformed("not a context");
}

void FieldReader::get(crdt::Summary& value) {
  Reader in(binary());
  if (budget_.failed()) return;
  value = read_summary(in);
  if (!in.done()) budget_.malformed("not a summary");
}

void FieldReader::get(DropReason& value) {
  const std::uint64_t reason = number(std::numeric_limits<std::uint8_t>::max());
  if (!budget_.failed() && reason == 0) budget_.malformed("reason 0");
  const bool known = reason <= static_cast<std::uint64_t>(DropReason::refused);
  value = known ? static_cast<DropReason>(reason) : DropReason::policy;
}

void FieldReader::get(Drops& value) {
  Reader in(binary());
  if (budget_.failed() || in.done()) return;
  value = stream::read_drops(in);
  if (!in.done()) budget_.malformed("not counts of drops");
}

void FieldReader::get(std::vector<Missing>& value) {
  constexpr std::size_t bytes_min = sizeof(ReplicaId) + 5;
  Reader in(binary());
  if (budget_.failed()) return;
  if (in.left() / bytes_min > budget_.limits().origins) return void(budget_.exceeded("replicas with drops"));
  if (!budget_.memory(in.left() / bytes_min * sizeof(Missing) * 2)) return;
  while (in.left() > 0) {
    Missing& missing = value.emplace_back();
    missing.origin = in.id();
    missing.drops = stream::read_drops(in);
  }
  if (!in.done()) budget_.malformed("not counts of drops");
}

void FieldReader::get(DeltaPart& value) {
  const ByteView body = binary();
  if (!budget_.failed()) unpack(body, value, budget_);
}

}  // namespace edgesync::wire
