// SPDX-License-Identifier: Apache-2.0
// Terms: on which a hub takes what a peer tells of a scope.
#pragma once

#include <edgesync/value.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace edgesync::store {

/// A peer that is believed of its own changes alone: see Owners.
struct Teller {
  std::string name{};
  ReplicaId replica{};
};

/// What is left of a quota, as of a moment ago.
struct Room {
  std::string scopes{};  ///< Which share it.
  std::uint64_t quota = 0, left = 0;
};

struct Terms {
  std::optional<Teller> own{};
  std::optional<Room> room{};
};

}  // namespace edgesync::store
