// SPDX-License-Identifier: Apache-2.0
// Why: what stands between a scope and being in sync, from what is known: the disk, the link, and how the last link
// ended. Pure functions, so that every reason is found in one place.
#pragma once

#include <edgesync/status.hpp>

#include <span>

namespace edgesync::node {

/// Of a failing database.
Why why_storage(const Error& fault) noexcept;

/// Of a link that is down. `last`: how it ended, or why it could not be made; without a code, nothing was tried yet.
/// `hub_said`: the hub ended it in words.
Why why_unlinked(const Error& last, bool hub_said) noexcept;

/// Of a linked node: the most telling reason of its scopes.
Why why_linked(std::span<const ScopeStatus> scopes) noexcept;

}  // namespace edgesync::node
