// SPDX-License-Identifier: Apache-2.0
// Quotas: what is left of what scopes may hold together. Many links ask for the same: it is looked up once a second,
// and what they bring is taken to stay until it can be looked up, that is, until it is durable.
#pragma once

#include "base/clock.hpp"
#include "store/store.hpp"

#include <edgesync/options.hpp>

#include <algorithm>
#include <map>

namespace edgesync::sync {

class Quotas {
 public:
  explicit Quotas(const store::Store& store) noexcept : store_(store) {}

  /// For who brings at most so much; nothing if there is no quota.
  std::optional<store::Room> room(const ScopeQuota& quota, const store::Held& brings, Instant now);

  /// What `name` had kept aside of a scope came to more than there was room for. That is known only when all of it was
  /// joined, so it may ask for that again after a pause: asking costs a few bytes.
  void overflowed(const std::string& name, store::ScopeId scope, Instant until);
  bool may_join(const std::string& name, store::ScopeId scope, Instant now);
  /// A group commit may take longer than whoever asked for it is heard of.
  void passes(Instant now) noexcept { now_ = std::max(now_, now); }
  Instant now() const noexcept { return now_; }

 private:
  struct Known {
    Instant looked{};
    store::Held held{};      ///< As looked up, and all that was promised room since.
    store::Held since{};     ///< Of that, what was promised since then.
    store::Ticket last{};    ///< The last one promised room goes by this ticket;
    store::Ticket before{};  ///< and the last one before it was looked up, by this.
  };
  void look(Known& known, const ScopeQuota& quota, Instant now) const;

  const store::Store& store_;
  std::map<std::pair<std::optional<Plane>, std::string>, Known> known_{};
  std::map<std::pair<std::string, store::ScopeId>, Instant> overflowed_{};  ///< By who brought it: until when.
  Instant now_{};
};

}  // namespace edgesync::sync
