// SPDX-License-Identifier: Apache-2.0
#include "base/value_codec.hpp"

namespace edgesync {
namespace {

enum class Tag : std::uint8_t { null, no, yes, integer, real, text, bytes, json };

struct Put {
  Writer& out;
  ValueEnd end;

  void operator()(std::monostate) const { tag(Tag::null); }
  void operator()(bool value) const { tag(value ? Tag::yes : Tag::no); }
  void operator()(std::int64_t value) const { tag(Tag::integer), out.svarint(value); }
  void operator()(double value) const { tag(Tag::real), out.f64(value); }
  void operator()(const std::string& value) const { tag(Tag::text), run(as_view(value)); }
  void operator()(const Bytes& value) const { tag(Tag::bytes), run(value); }
  void operator()(const Json& value) const { tag(Tag::json), run(as_view(value.text)); }

 private:
  void tag(Tag tag) const { out.u8(static_cast<std::uint8_t>(tag)); }
  void run(ByteView bytes) const { end == ValueEnd::length ? out.blob(bytes) : out.raw(bytes); }
};

}  // namespace

void write_value(Writer& out, const Value& value, ValueEnd end) {
  if (value.valueless_by_exception()) return Put{out, end}(std::monostate());
  std::visit(Put{out, end}, value);
}

Value read_value(Reader& in, ValueEnd end) {
  const auto run = [&] { return end == ValueEnd::length ? in.blob() : in.raw(in.left()); };
  switch (static_cast<Tag>(in.u8())) {
    case Tag::null:
      return {};
    case Tag::no:
      return false;
    case Tag::yes:
      return true;
    case Tag::integer:
      return in.svarint();
    case Tag::real:
      return in.f64();
    case Tag::text:
      return std::string(as_text(run()));
    case Tag::bytes:
      return to_bytes(run());
    case Tag::json:
      return Json{std::string(as_text(run()))};
  }
  in.fail();
  return {};
}

}  // namespace edgesync
