// SPDX-License-Identifier: Apache-2.0
// Content: what a config version holds, as a flat map from path to value, and its one canonical encoding, whose SHA-256
// names the version. Equal content means equal bytes means equal id; CONTENT.md specifies them. Doubles are compared
// and encoded by their bits.
#pragma once

#include "base/bytes.hpp"
#include "base/hash.hpp"

#include <edgesync/error.hpp>
#include <edgesync/versions.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace edgesync::config {

inline constexpr std::size_t max_keys = 65'536;
inline constexpr std::size_t max_content_bytes = std::size_t{16} << 20;  // canonical

/// Flat path -> value. std::string orders by unsigned bytes, which is the canonical order.
using Content = std::map<std::string, Value>;

/// The rule of base/path.hpp: 1 to 512 bytes of UTF-8, at most 16 segments divided by '/', none empty, "." or "..", and
/// no control bytes. Fails with: invalid_argument.
Result<void> valid_key(std::string_view key);

/// Whether every key is valid and the canonical bytes keep their limits: what a publisher asks first.
/// Fails with: invalid_argument, limit_exceeded.
Result<void> check(const Content& content);

/// The canonical bytes. Requires: check(content), or parse_content() will refuse them.
Bytes canonical(const Content& content);

/// The inverse. Fails with: protocol_violation (malformed, out of order, duplicate, invalid key), limit_exceeded.
Result<Content> parse_content(ByteView bytes);

/// 64 hexadecimal digits: SHA-256 of the canonical bytes.
std::string content_id(ByteView canonical_bytes);

/// Equal type and equal bits.
bool same(const Value& a, const Value& b) noexcept;

/// What turns `a` into `b`, in key order.
std::vector<KeyChange> diff(const Content& a, const Content& b);

/// `content` with the changes made: patch(a, diff(a, b)) is b.
Content patch(Content content, const std::vector<KeyChange>& changes);

}  // namespace edgesync::config
