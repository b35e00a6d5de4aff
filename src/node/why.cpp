// SPDX-License-Identifier: Apache-2.0
#include "node/why.hpp"

#include <algorithm>

namespace edgesync::node {

Why why_storage(const Error& fault) noexcept {
  if (fault.is(Errc::storage_full)) return Why::disk_full;
  if (fault.is(Errc::storage_corrupt)) return Why::corrupt;
  return Why::storage;
}

Why why_unlinked(const Error& last, bool hub_said) noexcept {
  if (!last.code) return Why::connecting;
  if (last.code.category() != error_category()) return Why::unreachable;
  switch (static_cast<Errc>(last.code.value())) {
    case Errc::name_unknown:
      return Why::name_unknown;
    case Errc::no_route:
      return Why::no_route;
    case Errc::connection_refused:
      return Why::connection_refused;
    case Errc::unreachable:
      return Why::unreachable;
    case Errc::timed_out:
      return Why::no_answer;
    case Errc::untrusted:
      return Why::untrusted;
    case Errc::insecure:
      return Why::insecure;
    case Errc::unauthorized:
      return Why::unauthorized;
    case Errc::forbidden:
      return Why::refused;
    case Errc::protocol_mismatch:
    case Errc::unsupported:
      return Why::protocol_mismatch;
    case Errc::protocol_violation:
      return Why::protocol_violation;
    case Errc::limit_exceeded:
      return Why::limit;
    case Errc::identity_clash:
      return Why::identity_clash;
    case Errc::clock:
      return Why::clock;
    case Errc::storage_full:
    case Errc::storage_io:
    case Errc::storage_corrupt:
      return hub_said ? Why::hub_storage : Why::backoff;
    default:
      return Why::backoff;
  }
}

Why why_linked(std::span<const ScopeStatus> scopes) noexcept {
  const auto fine = [](const ScopeStatus& scope) { return scope.why == Why::in_sync || scope.why == Why::local_only; };
  const auto telling = [&](const ScopeStatus& scope) { return !fine(scope) && scope.why != Why::syncing; };
  const auto worst = std::find_if(scopes.begin(), scopes.end(), telling);
  if (worst != scopes.end()) return worst->why;
  return std::all_of(scopes.begin(), scopes.end(), fine) ? Why::in_sync : Why::syncing;
}

}  // namespace edgesync::node
