// SPDX-License-Identifier: Apache-2.0
// Versions: the numbered, content-addressed states of a config scope, what a node does with each of them, and how two
// of them differ. A version never changes once published; only its role on a node does. All types here are plain
// values.
#pragma once

#include <edgesync/value.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace edgesync {

/// What identifies a version and who made it.
struct VersionInfo {
  std::uint64_t number = 0;  ///< From 1; later versions have higher numbers. 0: no version.
  std::string id{};          ///< 64 lower-case hexadecimal digits: SHA-256 of the canonical content.
  std::string parent{};      ///< The id this version was made from; empty for the first.
  ReplicaId author{};
  Timestamp at{};  ///< The author's wall clock.
  std::string note{};
};

/// What the application answers when it is asked to run a version.
enum class Verdict : std::uint8_t {
  healthy = 1,  ///< Applied and working: it becomes the active version.
  reject,       ///< Never ask again for this content; the active version stays.
  hold,         ///< Not now: asked again on request, and after a restart.
};

/// "healthy", "reject" or "hold".
EDGESYNC_EXPORT const char* name(Verdict verdict) noexcept;

/// What a version is to one node.
enum class VersionRole : std::uint8_t {
  offered = 1,  ///< Known by number and id; its content is not here yet.
  staged,       ///< Content here and verified; the application has not answered.
  held,         ///< The application answered `hold`.
  active,       ///< In use. At most one per scope.
  confirmed,    ///< Was in use and left in good standing. The newest of these is last-good.
  rolled_back,  ///< Was in use until a local rollback left it. Only a version with a higher number is taken by itself.
  quarantined,  ///< The application rejected it, or its content can never be valid. Never offered again.
  superseded,   ///< Overtaken by a higher version before it was ever in use.
  trial,        ///< In use instead of an active one, until the application confirms it (NodeOptions::health_window).
};

/// "offered", "staged", "held", "active", "confirmed", "rolled_back", "quarantined", "superseded" or "trial".
EDGESYNC_EXPORT const char* name(VersionRole role) noexcept;

/// One key that differs between two versions: no `before` means it was added, no `after` that it was removed.
struct KeyChange {
  std::string key{};
  std::optional<Value> before{};
  std::optional<Value> after{};
};

}  // namespace edgesync
