// SPDX-License-Identifier: Apache-2.0
// Any bytes as text, as JSON and as a value: what is shown is UTF-8, what is written as JSON is JSON, and a value that
// can be read has one encoding.
#include "base/text.hpp"

#include "base/json.hpp"
#include "base/value_codec.hpp"
#include "fuzz/input.hpp"

using namespace edgesync;
using fuzz::holds;

namespace {

void texts(const std::string& text) {
  holds(is_utf8(as_utf8(text)) && is_utf8(printable(text)), "what is shown is UTF-8");
  holds(!is_utf8(text) || as_utf8(text) == text, "UTF-8 stays as it is");
  holds(is_json(json_string(text)), "a JSON string is JSON");
  for (const Value& value : {Value(text), Value(Json{text}), Value(to_bytes(text))}) {
    const std::string written = to_json(value);
    holds(is_json(written), "a value is written as JSON");
    holds(written.find_first_of("\r\n") == std::string::npos, "on one line");
  }
  if (is_json(text)) holds(is_utf8(text), "JSON is UTF-8");
}

void values(ByteView bytes, ValueEnd end) {
  Reader in(bytes);
  const Value value = read_value(in, end);
  if (!in.done()) return;
  Bytes again;
  Writer out(again);
  write_value(out, value, end);
  holds(equal(again, bytes), "a value has one encoding");
  holds(is_json(to_json(value)), "and is written as JSON");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes = std::as_bytes(std::span(data, size));
  texts(std::string(as_text(bytes)));
  values(bytes, ValueEnd::input);
  values(bytes, ValueEnd::length);
  return 0;
}
