// SPDX-License-Identifier: Apache-2.0
// A version's content as files. The way back, from files to a content, is read_tree() of projection.hpp.
#pragma once

#include <edgesync/error.hpp>
#include <edgesync/value.hpp>

#include <map>
#include <string>
#include <string_view>

namespace edgesync::node {

/// What is in each file, by its path.
using Files = std::map<std::string, std::string>;

/// The values below `prefix` as files. Fails with: invalid_argument, naming the key that cannot be a file;
/// limit_exceeded.
Result<Files> to_files(const std::map<std::string, Value>& content, std::string_view prefix, std::size_t files_max);

}  // namespace edgesync::node
