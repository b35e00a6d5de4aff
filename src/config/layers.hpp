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

/// A list rule that was left out, because there is no list.
struct Problem {
  std::size_t layer = 0;
  std::string what{};  ///< "dns/+: ..."
};

struct Merged {
  Settings settings{};
  std::vector<Problem> problems{};
};

/// Applies the layers in their order.
Merged merge(const std::vector<const Content*>& layers);

/// What remains if nobody asks who set it.
Content content_of(const Settings& settings);

}  // namespace edgesync::config
