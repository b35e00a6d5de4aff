// SPDX-License-Identifier: Apache-2.0
// Layers: one content out of several, by RFC 7396 on paths, with rules for lists; layers.hpp of the public headers says
// what they mean.
#pragma once

#include "config/content.hpp"

namespace edgesync::config {

struct Setting {
  Value value{};
  std::size_t layer = 0;  ///< Which one set it.
};
using Settings = std::map<std::string, Setting, std::less<>>;

/// Applies the layers in their order. Fails with: type_mismatch (a list rule where there is no list), naming the key
/// and, by its place, the layer.
Result<Settings> merge(const std::vector<const Content*>& layers);

/// What remains if nobody asks who set it.
Content content_of(const Settings& settings);

}  // namespace edgesync::config
