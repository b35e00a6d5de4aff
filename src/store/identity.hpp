// SPDX-License-Identifier: Apache-2.0
// Identity: what the file remembers about where it was opened, so that a copy of it notices that it is one. Of an
// environment only hashes are kept: some of its facts are confidential.
#pragma once

#include "base/hash.hpp"

#include <edgesync/options.hpp>

#include <map>
#include <optional>
#include <string>

namespace edgesync::store {

/// An environment's facts by name, hashed.
using KnownEnvironment = std::map<std::string, Hash128>;

KnownEnvironment hashed(const Environment& environment);
Bytes encode(const KnownEnvironment& environment);
/// Nothing if `bytes` are damaged.
std::optional<KnownEnvironment> decode_environment(ByteView bytes);

/// The name of a fact that both know and that differs; nothing: they may well be the same.
std::optional<std::string> difference(const KnownEnvironment& before, const KnownEnvironment& now);

}  // namespace edgesync::store
