// SPDX-License-Identifier: Apache-2.0
#include "config/uses.hpp"

#include "base/hash.hpp"

#include <algorithm>

namespace edgesync::config {
namespace {

void write_time(Writer& out, Timestamp at) { out.svarint(at.time_since_epoch().count()); }
Timestamp read_time(Reader& in) { return Timestamp(Timestamp::duration(in.svarint())); }
std::string read_text(Reader& in) { return std::string(as_text(in.blob())); }

/// Not within a character of UTF-8.
void cut(std::string& text) {
  if (text.size() <= max_use_text_bytes) return;
  std::size_t end = max_use_text_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
}

void write(Writer& out, const Use& use) {
  out.varint(use.version.number);
  out.blob(as_view(use.version.id));
  out.blob(as_view(use.version.parent));
  out.id(use.version.author);
  write_time(out, use.version.at);
  out.blob(as_view(use.version.note));
  out.varint(use.signed_by.size());
  for (const std::string& key : use.signed_by) out.blob(as_view(key));
  write_time(out, use.since);
  out.blob(as_view(use.reason));
}

Use read(Reader& in) {
  Use use;
  use.version.number = in.varint();
  use.version.id = read_text(in);
  use.version.parent = read_text(in);
  use.version.author = in.id();
  use.version.at = read_time(in);
  use.version.note = read_text(in);
  for (std::size_t keys = in.count(1); keys > 0 && !in.failed(); --keys) use.signed_by.push_back(read_text(in));
  use.since = read_time(in);
  use.reason = read_text(in);
  return use;
}

}  // namespace

void Uses::add(Use use) {
  cut(use.version.note), cut(use.reason);
  if (uses_.size() == max_uses) uses_.erase(uses_.begin());
  uses_.push_back(std::move(use));
}

bool Uses::last_is(std::uint64_t number, std::string_view id) const noexcept {
  return !uses_.empty() && uses_.back().version.number == number && uses_.back().version.id == id;
}

Result<Use> Uses::at(Timestamp time) const {
  const auto found = std::find_if(uses_.rbegin(), uses_.rend(),
                                  [time](const Use& use) { return use.since != Timestamp{} && use.since <= time; });
  if (found != uses_.rend()) return *found;
  return Error(Errc::not_found, uses_.size() < max_uses ? "nothing was in use at that time, as far as is known"
                                                        : "that is longer ago than is remembered");
}

Bytes Uses::encode() const {
  Bytes bytes;
  Writer out(bytes);
  out.varint(uses_.size());
  for (const Use& use : uses_) write(out, use);
  return bytes;
}

std::optional<Uses> Uses::decode(ByteView bytes) {
  Reader in(bytes);
  Uses uses;
  for (std::size_t left = in.count(24); left > 0 && !in.failed(); --left) uses.add(read(in));
  return in.done() ? std::optional(std::move(uses)) : std::nullopt;
}

}  // namespace edgesync::config
