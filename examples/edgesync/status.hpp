// SPDX-License-Identifier: Apache-2.0
// Status and metrics as JSON, the same for the `status` request and the `status` command.
#pragma once

#include "json.hpp"

#include <vector>

namespace program {

/// By plane and name.
void sort_scopes(std::vector<es::ScopeStatus>& scopes);

/// A line about a scope: its plane and name, then `members`.
json::object tagged(const es::ScopeStatus& scope, json::object members = {});
json::object from_scope(const es::ScopeStatus& scope);
json::object from_status(es::Status status);
json::object from_metrics(const es::Metrics& metrics);

}  // namespace program
