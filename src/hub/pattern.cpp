// SPDX-License-Identifier: Apache-2.0
#include "hub/pattern.hpp"

#include "base/path.hpp"

namespace edgesync::hub {

std::optional<std::string> filled(std::string_view pattern, const Holder& holder) {
  constexpr std::string_view name_variable = "{name}", tenant_variable = "{tenant}";
  std::string text;
  while (!pattern.empty()) {
    const bool is_name = pattern.starts_with(name_variable);
    if (!is_name && !pattern.starts_with(tenant_variable)) {
      text += pattern.front();
      pattern.remove_prefix(1);
      continue;
    }
    const std::string_view value = is_name ? holder.name : holder.tenant;
    if (value.empty() || value.find_first_of("/*") != std::string_view::npos) return std::nullopt;
    text += value;
    pattern.remove_prefix((is_name ? name_variable : tenant_variable).size());
  }
  return text;
}

bool grants(std::string_view pattern, const Holder& holder, std::string_view scope) {
  if (scope.starts_with(reserved)) return pattern == scope;
  const auto scopes = filled(pattern, holder);
  return scopes && covers(*scopes, scope);
}

}  // namespace edgesync::hub
