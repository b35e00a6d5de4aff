// SPDX-License-Identifier: Apache-2.0
#include "crdt/key.hpp"

#include "base/path.hpp"
#include "base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace edgesync::crdt {
namespace {

constexpr std::array kinds{Kind::value, Kind::count, Kind::baseline, Kind::member};

std::string random_path(Xoshiro& random) {
  constexpr std::array segments{"a", "b", "aa", "a!", "a ", "a-b", "ä", "~", "Z", "a0"};
  std::string path = segments[random.below(segments.size())];
  for (std::uint64_t more = random.below(4); more > 0; --more)
    path += std::string("/") + segments[random.below(segments.size())];
  return path;
}

Bytes random_suffix(Xoshiro& random) {
  Bytes suffix(random.below(4));
  for (std::byte& each : suffix) each = static_cast<std::byte>(random.below(random.one_in(2) ? 3 : 256));
  return suffix;
}

bool at_or_under(std::string_view path, std::string_view prefix) {
  return path == prefix || (path.starts_with(prefix) && path[prefix.size()] == '/');
}

struct Made {
  std::string path{};
  Kind kind{};
  Bytes key{};
};

std::vector<Made> ordered_keys(Xoshiro& random) {
  std::vector<Made> made;
  for (int i = 0; i < 300; ++i) {
    const std::string path = random_path(random);
    const Kind kind = kinds[random.below(kinds.size())];
    made.push_back({path, kind, cell_key(path, kind, random_suffix(random))});
  }
  std::sort(made.begin(), made.end(), [](const Made& a, const Made& b) { return compare(a.key, b.key) < 0; });
  return made;
}

/// True if the items for which `in` holds stand together.
template <class In>
bool contiguous(const std::vector<Made>& made, const In& in) {
  const auto first = std::find_if(made.begin(), made.end(), in);
  const auto last = std::find_if_not(first, made.end(), in);
  return std::none_of(last, made.end(), in);
}

TEST(Key, SplitsIntoWhatItWasMadeOf) {
  Xoshiro random(1);
  for (int i = 0; i < 5000; ++i) {
    const std::string path = random_path(random);
    ASSERT_TRUE(check_path("key", path));
    const Kind kind = kinds[random.below(kinds.size())];
    const Bytes suffix = random_suffix(random), key = cell_key(path, kind, suffix);
    const auto parts = split(key);
    ASSERT_TRUE(parts);
    EXPECT_EQ(parts->path, path);
    EXPECT_EQ(parts->kind, static_cast<std::uint8_t>(kind));
    EXPECT_TRUE(equal(parts->suffix, suffix));
  }
}

TEST(Key, KeepsCellsOfAPathAndOfASubtreeTogether) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Xoshiro random(seed);
    const std::vector<Made> made = ordered_keys(random);
    for (int i = 0; i < 50; ++i) {
      const std::string path = random_path(random);
      EXPECT_TRUE(contiguous(made, [&](const Made& item) { return item.path == path; })) << path;
      EXPECT_TRUE(contiguous(made, [&](const Made& item) { return at_or_under(item.path, path); })) << path;
    }
  }
}

TEST(Key, RangesHoldExactlyWhatTheirNamesSay) {
  Xoshiro random(3);
  const std::vector<Made> made = ordered_keys(random);
  for (int i = 0; i < 200; ++i) {
    const std::string path = random_path(random);
    const Kind kind = kinds[random.below(kinds.size())];
    for (const Made& item : made) {
      EXPECT_EQ(cells_at(path).contains(item.key), item.path == path);
      EXPECT_EQ(cells_at(path, kind).contains(item.key), item.path == path && item.kind == kind);
      EXPECT_EQ(cells_under(path).contains(item.key), at_or_under(item.path, path));
      EXPECT_TRUE(cells_under("").contains(item.key));
    }
  }
}

TEST(Key, NamesDifferentCellsDifferently) {
  Xoshiro random(4);
  std::vector<Made> made = ordered_keys(random);
  for (std::size_t i = 1; i < made.size(); ++i) {
    if (equal(made[i - 1].key, made[i].key)) {
      EXPECT_EQ(made[i - 1].path, made[i].path);
      EXPECT_EQ(made[i - 1].kind, made[i].kind);
    }
  }
}

TEST(Key, WithoutAKindIsNotSplit) {
  EXPECT_FALSE(split({}));
  EXPECT_FALSE(split(as_view("path")));
  EXPECT_FALSE(split(as_view(std::string_view("path\0", 5))));
  const auto parts = split(as_view(std::string_view("\0r", 2)));
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->path, "");
  EXPECT_TRUE(parts->suffix.empty());
}

}  // namespace
}  // namespace edgesync::crdt
