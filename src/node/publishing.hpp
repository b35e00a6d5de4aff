// SPDX-License-Identifier: Apache-2.0
// Publishing: how handles of a config scope write to it. All require: the scope's core is locked, and may let go of the
// lock in between.
#pragma once

#include "node/core.hpp"

#include <map>
#include <string>
#include <utility>

namespace edgesync::node {

/// The newest version for everybody, changed by `edit`. Fails with: invalid_argument (an operation that makes no sense
/// in a version), storage_*.
Result<std::map<std::string, Value>> edited(const ScopeHandle& scope, const Edit& edit);

/// A version that was made elsewhere.
struct Opened {
  config::Release release{};
  std::map<std::string, Value> content{};
};
/// Fails with: invalid_argument (no release), untrusted, protocol_violation, limit_exceeded.
Result<Opened> opened(const ScopeHandle& scope, const Bytes& document);

/// Calls `put` with the config plane, once what is written is sure to count as this node's.
template <class Put>
auto write(const ScopeHandle& scope, Core::Lock& lock, const Put& put) -> decltype(put(scope.core->engine().config())) {
  if (auto author = scope.core->become_author(lock, scope.id); !author) return std::move(author).error();
  return put(scope.core->engine().config());
}

/// Waits until what was written is durable.
inline Result<void> settled(const ScopeHandle& scope, Core::Lock& lock, const Result<store::Ticket>& written) {
  return written ? scope.core->settle(lock, *written) : written.error();
}

/// Both, of a version that fits.
template <class Put>
Result<VersionInfo> publish(const ScopeHandle& scope, Core::Lock& lock, const std::map<std::string, Value>& content,
                            const Put& put) {
  if (auto fits = scope.core->fits(scope.name, content); !fits)
    return Error(fits.error().code, "config: " + scope.name + ": " + fits.error().detail);
  auto published = write(scope, lock, put);
  if (!published) return std::move(published).error();
  if (auto done = scope.core->settle(lock, published->first); !done) return std::move(done).error();
  return std::move(published->second);
}

}  // namespace edgesync::node
