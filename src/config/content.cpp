// SPDX-License-Identifier: Apache-2.0
#include "config/content.hpp"

#include "base/path.hpp"
#include "base/value_codec.hpp"

#include <bit>

namespace edgesync::config {
namespace {

Error malformed(std::string where) { return {Errc::protocol_violation, "content: " + std::move(where)}; }
Error too_much(const char* what) { return {Errc::limit_exceeded, std::string("content: more than ") + what}; }

Result<void> read_entry(Reader& in, Content& content) {
  const std::string key(as_text(in.blob()));
  const std::string where = "entry " + std::to_string(content.size() + 1);
  if (in.failed()) return malformed(where + " ends early");
  if (auto valid = check_path("key", key); !valid) return malformed(where + ": " + valid.error().detail);
  if (!content.empty() && !(content.rbegin()->first < key)) return malformed("key '" + key + "' is out of order");
  Value value = read_value(in, ValueEnd::length);
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
  if (canonical(content).size() > max_content_bytes) return too_much("504 KiB");
  return {};
}

Bytes canonical(const Content& content) {
  Bytes out;
  Writer writer(out);
  writer.varint(content.size());
  for (const auto& [key, value] : content) {
    writer.blob(as_view(key));
    write_value(writer, value, ValueEnd::length);
  }
  return out;
}

Result<Content> parse_content(ByteView bytes) {
  if (bytes.size() > max_content_bytes) return too_much("504 KiB");
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
