// SPDX-License-Identifier: Apache-2.0
// Content: what a config version holds, as a flat map from path to value, and its one canonical encoding, whose SHA-256
// names the version. Equal content means equal bytes means equal id; CONTENT.md specifies them. Doubles are compared
// and encoded by their bits.
#pragma once

#include "base/bytes.hpp"

#include <edgesync/error.hpp>
#include <edgesync/versions.hpp>

#include <map>
#include <string>
#include <vector>

namespace edgesync::config {

inline constexpr std::size_t max_keys = 65'536;
// Canonical. A release is one value of a register, which has at most 512 KiB; its manifest and framing stay below 8
// KiB.
inline constexpr std::size_t max_content_bytes = std::size_t{504} << 10;

/// Flat path -> value. std::string orders by unsigned bytes, which is the canonical order.
using Content = std::map<std::string, Value>;

/// Whether every key is a path (base/path.hpp) and the canonical bytes keep their limits: what a publisher asks first.
/// Fails with: invalid_argument, limit_exceeded.
Result<void> check(const Content& content);

/// The canonical bytes. Requires: check(content), or parse_content() will refuse them.
Bytes canonical(const Content& content);

/// The inverse. Fails with: protocol_violation (malformed, out of order, duplicate, invalid key), limit_exceeded.
Result<Content> parse_content(ByteView bytes);

/// Equal type and equal bits.
bool same(const Value& a, const Value& b) noexcept;

/// What turns `a` into `b`, in key order.
std::vector<KeyChange> diff(const Content& a, const Content& b);

}  // namespace edgesync::config
