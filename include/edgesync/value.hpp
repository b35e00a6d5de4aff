// SPDX-License-Identifier: Apache-2.0
// Values: what a key or a column can hold, and the small identities that appear in answers and events.
#pragma once

#include <edgesync/export.hpp>

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace edgesync {

using Bytes = std::vector<std::byte>;

/// A list or object kept whole, as JSON text. It merges as a unit: structure that should merge lives in the key.
/// The text travels and is stored as it is, unread: one that came from a peer may be anything. to_json() tells.
struct Json {
  std::string text{};
  auto operator<=>(const Json&) const = default;
};

/// Everything that replicates is one of these; structure lives in the key ("pump/3/limit").
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string, Bytes, Json>;

/// Wall-clock time, microseconds since 1970-01-01 UTC.
using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;

/// One incarnation of a database: 128 random bits, minted when the file is created, and again when it turns out to be a
/// copy. Not the device's identity.
struct ReplicaId {
  std::array<std::byte, 16> bytes{};
  auto operator<=>(const ReplicaId&) const = default;
};

/// 32 lower-case hexadecimal digits.
EDGESYNC_EXPORT std::string to_string(const ReplicaId& id);

/// A value as JSON text: always one valid JSON value in valid UTF-8, on one line. Bytes become {"base64":"..."}, NaN
/// and infinities null, and what is not UTF-8 in a text U+FFFD. Json is written as it is, line breaks as spaces, if it
/// is one JSON value, nested at most 128 deep; if not, it is written as a string.
EDGESYNC_EXPORT std::string to_json(const Value& value);

/// What a scope carries: cells that merge, versions, or records.
enum class Plane : std::uint8_t { state = 1, config = 2, stream = 3 };

/// "state", "config" or "stream".
EDGESYNC_EXPORT const char* name(Plane plane) noexcept;

/// Equal digests mean equal scopes: same context, and fingerprints that differ with probability 2^-128 otherwise.
struct Digest {
  std::string context{};      ///< Canonical text of the version vector, "rid:stamp,..." in ascending order.
  std::string fingerprint{};  ///< 32 hexadecimal digits.
  std::uint64_t count = 0;    ///< Live cells, versions or records.
  auto operator<=>(const Digest&) const = default;
};

}  // namespace edgesync
