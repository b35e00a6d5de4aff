// SPDX-License-Identifier: Apache-2.0
// Events and changes as lines: {"event": KIND, ...}. They carry no `id`, which tells them from answers.
#pragma once

#include "json.hpp"

namespace program {

json::object from_event(const es::Event& event);
json::object from_state_change(const es::Change& change);

}  // namespace program
