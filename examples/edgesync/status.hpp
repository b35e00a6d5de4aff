// SPDX-License-Identifier: Apache-2.0
// Status and metrics, as JSON for the `status` request and command alike, and for people.
#pragma once

#include "json.hpp"

#include <string>
#include <vector>

namespace program {

/// By plane and name.
void sort_scopes(std::vector<es::ScopeStatus>& scopes);

/// A line about a scope: its plane and name, then `members`.
json::object tagged(const es::ScopeStatus& scope, json::object members = {});
json::object from_scope(const es::ScopeStatus& scope);
json::object from_status(es::Status status);
json::object from_metrics(const es::Metrics& metrics);
/// The same for people: a line about the node, then a table of its scopes and, of those not in sync, what that means.
std::string status_text(const es::Status& status);

}  // namespace program
