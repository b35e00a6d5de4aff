// SPDX-License-Identifier: Apache-2.0
// A JSON list of edits, such as [{"set":"mode","value":"eco"},{"add":"boots","delta":1}], as one Edit.
#pragma once

#include "fields.hpp"

namespace program {

/// Fails with: invalid_argument, naming the edit by its index and the field.
es::Result<es::Edit> to_edit(const json::array& list);

}  // namespace program
