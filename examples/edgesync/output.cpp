// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string>

namespace program {
namespace {

constexpr std::size_t id_digits = 12;  // Enough of an id for the eye.

bool is_id(std::string_view text) {
  return text.size() >= 32 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string utc(std::int64_t unix_us) {
  const std::time_t seconds = unix_us / 1'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts)};
}

std::string plain(std::string_view name, const json::value& value) {
  if (const auto* at = value.if_int64(); at != nullptr && name == "at") return utc(*at);
  const auto* text = value.if_string();
  if (text == nullptr) return json::serialize(value);
  const std::string whole(text->data(), text->size());
  return is_id(whole) ? whole.substr(0, id_digits) : whole;
}

std::string for_people(const json::object& object) {
  std::string out;
  for (const auto& member : object) {
    const std::string name(member.key().data(), member.key().size());
    if (!out.empty()) out += "  " + name + ' ';
    out += plain(name, member.value());
  }
  return out;
}

}  // namespace

void Output::line(const json::object& object) { text(human_ ? for_people(object) : json::serialize(object)); }

void Output::raw(std::string_view lines) {
  const std::lock_guard lock(mutex_);
  std::fwrite(lines.data(), 1, lines.size(), stdout);
  std::fflush(stdout);
}

void Output::text(std::string_view line) {
  const std::lock_guard lock(mutex_);
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

}  // namespace program
