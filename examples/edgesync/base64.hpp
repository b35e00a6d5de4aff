// SPDX-License-Identifier: Apache-2.0
// Base64 with padding, as RFC 4648 section 4 has it. Decoding takes nothing but the canonical text.
#pragma once

#include <edgesync/value.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace program {

std::string to_base64(const edgesync::Bytes& bytes);
std::optional<edgesync::Bytes> from_base64(std::string_view text);

}  // namespace program
