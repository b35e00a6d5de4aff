// SPDX-License-Identifier: Apache-2.0
// Settings: options that stand in a file or in the environment.
#pragma once

#include <edgesync/error.hpp>

#include <string>
#include <vector>

namespace program {

struct Setting {
  std::string option{};  ///< As on the command line: "--tls-cert".
  std::string value{};
  std::string where{};  ///< "hub.conf:3", or the variable's name.
  bool shared = false;  ///< It may be meant for others.
};

/// Variables EDGESYNC_NAME of "NAME=VALUE" strings, a null pointer after the last; those that are empty count for
/// nothing.
std::vector<Setting> from_environment(const char* const* environment);

/// Those of `file`, if one is named, and then the environment's: later ones count. Fails with: not_found;
/// invalid_argument, naming the line.
edgesync::Result<std::vector<Setting>> read_settings(const std::string& file, const char* const* environment);

}  // namespace program
