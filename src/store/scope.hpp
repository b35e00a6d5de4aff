// SPDX-License-Identifier: Apache-2.0
// What a store calls its scopes and says of them, and the order in which it accepts things.
#pragma once

#include <edgesync/error.hpp>
#include <edgesync/value.hpp>

#include <cstdint>
#include <string>

namespace edgesync::store {

/// From 1.
enum class ScopeId : std::uint32_t {};

/// Order of acceptance; a ticket is durable when Flushed::through has reached it without an error.
using Ticket = std::uint64_t;

struct Scope {
  ScopeId id{};
  Plane plane{};
  std::string name{};
};

/// Why a hub refuses a scope: `data`, something that it holds, or all of it.
struct Refused {
  Error why{};
  bool data = false;
  bool operator==(const Refused& other) const noexcept {
    return why.code == other.why.code && why.detail == other.why.detail && data == other.data;
  }
};

/// What scopes hold, and what is kept aside for them of cuts that are not complete.
struct Held {
  std::uint64_t bytes = 0, aside = 0;
};

}  // namespace edgesync::store
