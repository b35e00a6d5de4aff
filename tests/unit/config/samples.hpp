// SPDX-License-Identifier: Apache-2.0
// Samples: contents and releases drawn from a seed.
#pragma once

#include "base/random.hpp"
#include "config/manifest.hpp"

#include <bit>

namespace edgesync::config {

inline Value any_value(Random& random) {
  switch (random.below(7)) {
    case 0:
      return std::monostate{};
    case 1:
      return random.one_in(2);
    case 2:
      return static_cast<std::int64_t>(random.next() >> random.below(64));
    case 3:
      return std::bit_cast<double>(random.next());
    case 4:
      return std::string(random.below(200), static_cast<char>('a' + random.below(26)));
    case 5:
      return Bytes(random.below(200), static_cast<std::byte>(random.below(256)));
    default:
      return Json{"[" + std::to_string(random.below(100)) + "]"};
  }
}

/// Few enough keys that two contents share some.
inline Content any_content(Random& random) {
  Content content;
  for (std::uint64_t i = random.below(30); i > 0; --i) {
    const std::string key = "line-" + std::to_string(random.below(5)) + "/limit-" + std::to_string(random.below(8));
    content[key] = any_value(random);
  }
  return content;
}

inline Release release_of(const Content& content, std::uint64_t number) {
  Release release;
  release.content = canonical(content);
  release.manifest.scope = "plant-7";
  release.manifest.number = number;
  release.manifest.id = sha256(release.content);
  release.manifest.at = Timestamp(std::chrono::seconds(1'700'000'000));
  release.manifest.note = "raise the limit";
  return release;
}

}  // namespace edgesync::config
