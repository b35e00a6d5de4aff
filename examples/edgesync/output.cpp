// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <cstdio>
#include <string>

namespace program {
namespace {

std::string plain(const json::value& value) {
  if (const auto* text = value.if_string()) return std::string(text->data(), text->size());
  return json::serialize(value);
}

std::string for_people(const json::object& object) {
  std::string out;
  for (const auto& [name, value] : object) {
    if (!out.empty()) out += "  " + std::string(name.data(), name.size()) + ' ';
    out += plain(value);
  }
  return out;
}

}  // namespace

void Output::line(const json::object& object) { text(human_ ? for_people(object) : json::serialize(object)); }

void Output::text(std::string_view line) {
  const std::lock_guard lock(mutex_);
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

}  // namespace program
