// SPDX-License-Identifier: Apache-2.0
// Terms: on which a hub takes what a peer tells of a scope.
#pragma once

#include <edgesync/error.hpp>
#include <edgesync/value.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace edgesync::store {

/// Who tells: the name that it proved, and the id that it goes by. See Owners.
struct Teller {
  std::string name{};
  ReplicaId replica{};
  bool own_only = false;  ///< It is believed of its own changes alone.
};

/// What is left of a quota, as of a moment ago.
struct Room {
  std::string scopes{};  ///< Which share it.
  std::uint64_t quota = 0, left = 0;
  std::uint64_t left_aside = 0;  ///< As much again may be kept aside of cuts that are not complete.
  bool joins = true;             ///< What was kept aside may be joined now: it has not just been in vain.
};

struct Terms {
  std::optional<Teller> teller{};
  std::optional<Error> refused{};  ///< Why it is not taken at all.
  std::optional<Room> room{};
};

}  // namespace edgesync::store
