// SPDX-License-Identifier: Apache-2.0
#include "settings.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string_view>

namespace program {
namespace {

namespace es = edgesync;

constexpr std::string_view prefix = "EDGESYNC_", blank = " \t\r";

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(blank) - first + 1));
}

/// "TLS_CERT" to "--tls-cert".
std::string option_of(std::string_view variable) {
  std::string option = "--";
  for (const char c : variable) option += c == '_' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return option;
}

es::Result<std::vector<Setting>> from_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return es::Error(es::Errc::not_found, path + ": cannot be read");
  std::vector<Setting> settings;
  std::size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    Setting setting;
    setting.where = path + ':' + std::to_string(++number);
    line = trimmed(line);
    if (line.empty() || line.front() == '#') continue;
    const auto equals = line.find('=');
    const std::string name = trimmed(std::string_view(line).substr(0, equals));
    if (equals != std::string::npos) setting.value = trimmed(std::string_view(line).substr(equals + 1));
    if (name.empty() || setting.value.empty())
      return es::Error(es::Errc::invalid_argument, setting.where + ": '" + line + "' is not OPTION = VALUE");
    setting.option = "--" + name;
    settings.push_back(std::move(setting));
  }
  if (file.bad()) return es::Error(es::Errc::not_found, path + ": cannot be read");
  return settings;
}

}  // namespace

std::vector<Setting> from_environment(const char* const* environment) {
  std::vector<Setting> settings;
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    const std::string_view variable = *environment;
    const auto equals = variable.find('=');
    if (!variable.starts_with(prefix) || equals == std::string_view::npos || equals + 1 == variable.size()) continue;
    const std::string_view name = variable.substr(0, equals);
    settings.push_back(
        {option_of(name.substr(prefix.size())), std::string(variable.substr(equals + 1)), std::string(name), true});
  }
  return settings;
}

es::Result<std::vector<Setting>> read_settings(const std::string& file, const char* const* environment) {
  std::vector<Setting> settings;
  if (!file.empty()) {
    auto read = from_file(file);
    if (!read) return read.error();
    settings = *std::move(read);
  }
  auto more = from_environment(environment);
  std::move(more.begin(), more.end(), std::back_inserter(settings));
  return settings;
}

}  // namespace program
