// SPDX-License-Identifier: Apache-2.0
// Messages on the wire: each kind's number and its fields in order, stated once and used for both directions.
#pragma once

#include "wire/fields.hpp"

#include <optional>

namespace edgesync::wire {

void write_message(FieldWriter& out, const Message& message);

/// The next message, or nothing if it is of an unknown kind or the budget failed; then `where` says at which message
/// and field.
std::optional<Message> read_message(FieldReader& in, Budget& budget, std::string& where);

}  // namespace edgesync::wire
