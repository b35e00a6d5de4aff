// SPDX-License-Identifier: Apache-2.0
// Status and metrics as JSON, the same for the `status` request and the `status` command.
#pragma once

#include "json.hpp"

namespace program {

json::object from_scope(const es::ScopeStatus& scope);
/// Without its scopes.
json::object from_status(const es::Status& status);
json::object from_metrics(const es::Metrics& metrics);

}  // namespace program
