// SPDX-License-Identifier: Apache-2.0
#include "config/content.hpp"

#include "base/path.hpp"

#include <bit>
#include <type_traits>

namespace edgesync::config {
namespace {

enum Tag : std::uint8_t { null = 0, no = 1, yes = 2, integer = 3, real = 4, string = 5, blob = 6, json = 7 };

struct ValueWriter {
  Writer& out;
  void operator()(std::monostate) const { out.u8(Tag::null); }
  void operator()(bool value) const { out.u8(value ? Tag::yes : Tag::no); }
  void operator()(std::int64_t value) const { out.u8(Tag::integer), out.svarint(value); }
  void operator()(double value) const { out.u8(Tag::real), out.f64(value); }
  void operator()(const std::string& value) const { out.u8(Tag::string), out.blob(as_view(value)); }
  void operator()(const Bytes& value) const { out.u8(Tag::blob), out.blob(value); }
  void operator()(const Json& value) const { out.u8(Tag::json), out.blob(as_view(value.text)); }
};

Value read_value(Reader& in) {
  switch (in.u8()) {
    case Tag::null:
      return std::monostate{};
    case Tag::no:
      return false;
    case Tag::yes:
      return true;
    case Tag::integer:
      return in.svarint();
    case Tag::real:
      return in.f64();
    case Tag::string:
      return std::string(as_text(in.blob()));
    case Tag::blob:
      return to_bytes(in.blob());
    case Tag::json:
      return Json{std::string(as_text(in.blob()))};
    default:
      in.fail();
      return std::monostate{};
  }
}

Error malformed(std::string where) { return {Errc::protocol_violation, "content: " + std::move(where)}; }
Error too_much(const char* what) { return {Errc::limit_exceeded, std::string("content: more than ") + what}; }

Result<void> read_entry(Reader& in, Content& content) {
  const std::string key(as_text(in.blob()));
  const std::string where = "entry " + std::to_string(content.size() + 1);
  if (in.failed()) return malformed(where + " ends early");
  if (auto valid = check_path("key", key); !valid) return malformed(where + ": " + valid.error().detail);
  if (!content.empty() && !(content.rbegin()->first < key)) return malformed("key '" + key + "' is out of order");
  Value value = read_value(in);
  if (in.failed()) return malformed("key '" + key + "': bad value");
  content.emplace_hint(content.end(), key, std::move(value));
  return {};
}

}  // namespace

Result<void> check(const Content& content) {
  if (content.size() > max_keys) return too_much("65,536 keys");
  for (const auto& entry : content) {
    if (auto valid = check_path("key", entry.first); !valid) return valid;
  }
  if (canonical(content).size() > max_content_bytes) return too_much("16 MiB");
  return {};
}

Bytes canonical(const Content& content) {
  Bytes out;
  Writer writer(out);
  writer.varint(content.size());
  for (const auto& [key, value] : content) {
    writer.blob(as_view(key));
    if (value.valueless_by_exception()) {
      writer.u8(Tag::null);
    } else {
      std::visit(ValueWriter{writer}, value);
    }
  }
  return out;
}

Result<Content> parse_content(ByteView bytes) {
  if (bytes.size() > max_content_bytes) return too_much("16 MiB");
  Reader in(bytes);
  const std::size_t count = in.count(3);  // a key's length, one byte of it, a tag
  if (in.failed()) return malformed("count of keys");
  if (count > max_keys) return too_much("65,536 keys");
  Content content;
  for (std::size_t i = 0; i < count; ++i) {
    if (auto read = read_entry(in, content); !read) return std::move(read).error();
  }
  if (!in.done()) return malformed("bytes after the last key");
  return content;
}

bool same(const Value& a, const Value& b) noexcept {
  const auto *x = std::get_if<double>(&a), *y = std::get_if<double>(&b);
  if (x == nullptr || y == nullptr) return a == b;
  return std::bit_cast<std::uint64_t>(*x) == std::bit_cast<std::uint64_t>(*y);
}

std::vector<KeyChange> diff(const Content& a, const Content& b) {
  std::vector<KeyChange> changes;
  auto x = a.begin(), y = b.begin();
  while (x != a.end() || y != b.end()) {
    if (y == b.end() || (x != a.end() && x->first < y->first)) {
      changes.push_back({x->first, x->second, std::nullopt});
      ++x;
    } else if (x == a.end() || y->first < x->first) {
      changes.push_back({y->first, std::nullopt, y->second});
      ++y;
    } else {
      if (!same(x->second, y->second)) changes.push_back({x->first, x->second, y->second});
      ++x, ++y;
    }
  }
  return changes;
}

}  // namespace edgesync::config
