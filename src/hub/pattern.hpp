// SPDX-License-Identifier: Apache-2.0
// Patterns: which scopes a grant means, of whoever holds it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace edgesync::hub {

/// Scopes of edgesync's own: a pattern grants one only by its very name, by no wildcard and by nobody's name.
inline constexpr std::string_view reserved = "edgesync/";

/// Who asks.
struct Holder {
  std::string_view name{}, tenant{};
};

/// `pattern` with "{name}" and "{tenant}" filled in, in one pass. Nothing if it asks for one that is empty, or that has
/// a '/' or '*' in it: who may choose a name must not choose the way out of its scope.
std::optional<std::string> filled(std::string_view pattern, const Holder& holder);

/// True if `pattern`, filled in, covers `scope`.
bool grants(std::string_view pattern, const Holder& holder, std::string_view scope);

}  // namespace edgesync::hub
