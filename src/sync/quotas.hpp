// SPDX-License-Identifier: Apache-2.0
// Quotas: what is left of what scopes may hold together. Many links ask for the same: it is looked up once a second,
// and what they bring until then is taken to stay.
#pragma once

#include "base/clock.hpp"
#include "store/store.hpp"

#include <edgesync/options.hpp>

#include <map>

namespace edgesync::sync {

class Quotas {
 public:
  explicit Quotas(const store::Store& store) noexcept : store_(store) {}

  /// For who brings at most so many bytes; nothing if there is no quota.
  std::optional<store::Room> room(const ScopeQuota& quota, std::size_t brings, Instant now);

 private:
  struct Held {
    Instant looked{};
    std::uint64_t bytes = 0;
  };
  const store::Store& store_;
  std::map<std::pair<std::optional<Plane>, std::string>, Held> held_{};
};

}  // namespace edgesync::sync
