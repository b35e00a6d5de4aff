// SPDX-License-Identifier: Apache-2.0
#include "transport/close_reason.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <optional>

namespace edgesync::transport {
namespace {

// RFC 6455, section 7.4.1.
constexpr std::uint16_t normal = 1000, going_away = 1001, protocol_error = 1002, bad_payload = 1007, policy = 1008,
                        too_big = 1009, internal = 1011, try_later = 1013;

std::optional<Errc> own_code(const std::error_code& code) {
  if (code.category() != error_category()) return {};
  return static_cast<Errc>(code.value());
}

std::uint16_t close_code(std::optional<Errc> errc) {
  if (!errc) return internal;
  switch (*errc) {
    case Errc::closed:
      return normal;
    case Errc::cancelled:
      return normal;
    case Errc::timed_out:
      return going_away;
    case Errc::protocol_violation:
      return protocol_error;
    case Errc::protocol_mismatch:
      return protocol_error;
    case Errc::limit_exceeded:
      return too_big;
    case Errc::storage_full:
    case Errc::storage_io:
    case Errc::storage_corrupt:
    case Errc::storage_too_new:
      return internal;
    default:
      return policy;
  }
}

Errc errc_of(std::uint16_t code) {
  switch (code) {
    case protocol_error:
    case unknown_data:
    case bad_payload:
      return Errc::protocol_violation;
    case policy:
      return Errc::forbidden;
    case too_big:
      return Errc::limit_exceeded;
    case try_later:
      return Errc::unreachable;
    default:
      return Errc::closed;
  }
}

std::optional<Errc> errc_named(std::string_view text) {
  constexpr int errc_max = 255;  // above all that are taken; numbers in between without a name match nothing
  const std::string_view nothing = name(Errc{});
  for (int value = 1; value <= errc_max; ++value) {
    const auto errc = static_cast<Errc>(value);
    if (text == name(errc) && text != nothing) return errc == Errc::cancelled ? Errc::closed : errc;
  }
  return {};
}

}  // namespace

CloseReason to_close_reason(const Error& why) {
  const auto errc = own_code(why.code);
  const std::string_view label = name(errc.value_or(Errc::closed));
  const std::string text = why.detail.empty() ? std::string(label) : std::string(label) + ": " + why.detail;
  return {close_code(errc), printable(std::string_view(text).substr(0, close_text_bytes_max))};
}

Error from_close_reason(std::uint16_t code, std::string_view text) {
  const auto colon = text.find(':');
  const auto named = errc_named(text.substr(0, colon));
  const Errc errc = named.value_or(errc_of(code));
  std::string_view detail = named ? (colon == text.npos ? "" : text.substr(colon + 1)) : text;
  while (detail.starts_with(' ')) detail.remove_prefix(1);
  std::string said = "the peer closed the connection";
  if (!detail.empty()) return {errc, said + ": " + printable(detail)};
  return {errc, named ? said : said + " with code " + std::to_string(code)};
}

}  // namespace edgesync::transport
