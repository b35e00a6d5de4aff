// SPDX-License-Identifier: Apache-2.0
// What a store calls its scopes, and the order in which it accepts things.
#pragma once

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

}  // namespace edgesync::store
