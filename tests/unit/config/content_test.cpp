// SPDX-License-Identifier: Apache-2.0
#include "config/content.hpp"

#include "base/hash.hpp"
#include "samples.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <limits>

namespace edgesync::config {
namespace {

TEST(Content, ParsingTheCanonicalBytesGivesThemBack) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Xoshiro random(seed);
    const Content content = any_content(random);
    const Bytes bytes = canonical(content);
    const auto parsed = parse_content(bytes);
    ASSERT_TRUE(parsed) << seed << ": " << parsed.error().detail;
    EXPECT_EQ(canonical(*parsed), bytes) << seed;
    EXPECT_TRUE(check(content)) << seed;
  }
}

TEST(Content, WhateverParsesIsCanonical) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Xoshiro random(seed);
    Bytes bytes = canonical(any_content(random));
    bytes[random.below(bytes.size())] ^= static_cast<std::byte>(1 + random.below(255));
    const auto parsed = parse_content(bytes);
    EXPECT_TRUE(!parsed || canonical(*parsed) == bytes) << seed;
  }
}

TEST(Content, EveryTruncationIsRefused) {
  Xoshiro random(5);
  const Bytes bytes = canonical(any_content(random));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(parse_content(ByteView(bytes).first(size))) << size;
  }
}

Content patched(Content content, const std::vector<KeyChange>& changes) {
  for (const KeyChange& change : changes)
    change.after ? void(content.insert_or_assign(change.key, *change.after)) : void(content.erase(change.key));
  return content;
}

TEST(Content, TheChangesOfADiffLeadFromOneToTheOther) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Xoshiro random(seed);
    const Content a = any_content(random), b = any_content(random);
    const auto changes = diff(a, b);
    EXPECT_EQ(canonical(patched(a, changes)), canonical(b)) << seed;
    EXPECT_EQ(canonical(patched(b, diff(b, a))), canonical(a)) << seed;
    EXPECT_EQ(changes.size(), diff(b, a).size()) << seed;
    EXPECT_TRUE(diff(a, a).empty()) << seed;
  }
}

TEST(Content, ADiffTellsAddedChangedAndRemovedInKeyOrder) {
  const Content a{{"a", true}, {"b", std::int64_t{1}}, {"c", 0.0}};
  const Content b{{"b", std::int64_t{2}}, {"c", -0.0}, {"d", std::string("x")}};

  const auto changes = diff(a, b);

  ASSERT_EQ(changes.size(), 4U);
  EXPECT_EQ(changes[0].key, "a");
  EXPECT_FALSE(changes[0].after);
  EXPECT_EQ(changes[1].before, Value(std::int64_t{1}));
  EXPECT_EQ(changes[1].after, Value(std::int64_t{2}));
  EXPECT_EQ(changes[2].key, "c");
  EXPECT_FALSE(changes[3].before);
}

TEST(Content, OneAndOnePointZeroAreDifferentValues) {
  EXPECT_FALSE(same(Value(std::int64_t{1}), Value(1.0)));
  EXPECT_FALSE(same(Value(std::string("x")), Value(Json{"x"})));
  const double nan = std::bit_cast<double>(0x7ff8000000000001U);
  EXPECT_TRUE(same(Value(nan), Value(nan)));
  EXPECT_FALSE(same(Value(nan), Value(std::numeric_limits<double>::quiet_NaN())));
}

Bytes raw_content(std::uint64_t count, std::string_view entries) {
  Bytes out;
  Writer writer(out);
  writer.varint(count);
  writer.raw(as_view(entries));
  return out;
}

TEST(Content, RefusesWhatIsNotCanonical) {
  const std::string_view a("\1a\0", 3), b("\1b\0", 3);
  const auto refused = [](std::uint64_t count, const std::string& entries) {
    const auto parsed = parse_content(raw_content(count, entries));
    return !parsed && parsed.error().is(Errc::protocol_violation);
  };
  EXPECT_TRUE(parse_content(raw_content(2, std::string(a) + std::string(b))));
  EXPECT_TRUE(refused(2, std::string(b) + std::string(a)));  // order
  EXPECT_TRUE(refused(2, std::string(a) + std::string(a)));  // duplicate
  EXPECT_TRUE(refused(1, std::string(a) + std::string(b)));  // left over
  EXPECT_TRUE(refused(3, std::string(a) + std::string(b)));  // missing
  EXPECT_TRUE(refused(1, std::string("\1a\10", 3)));         // unknown tag
  EXPECT_TRUE(refused(1, std::string("\1a\3\200\0", 5)));    // padded integer
  EXPECT_TRUE(refused(1, std::string("\1/\0", 3)));          // invalid key
  EXPECT_TRUE(refused(1'000'000'000'000, std::string(a)));   // hostile count
}

TEST(Content, RefusesMoreThanItsLimits) {
  std::string entries;
  Content content;
  for (int i = 0; i < 65'537; ++i) {
    const std::string key{static_cast<char>('0' + i / 4096), static_cast<char>('0' + i / 64 % 64),
                          static_cast<char>('0' + i % 64)};
    entries += '\3' + key + '\1';
    content.emplace(key, false);
  }
  EXPECT_TRUE(parse_content(raw_content(65'537, entries)).error().is(Errc::limit_exceeded));
  EXPECT_TRUE(check(content).error().is(Errc::limit_exceeded));
  content.erase(content.begin());
  EXPECT_TRUE(check(content));
  EXPECT_TRUE(parse_content(canonical(content)));
  EXPECT_TRUE(parse_content(Bytes(max_content_bytes + 1)).error().is(Errc::limit_exceeded));
  EXPECT_TRUE(check(Content{{"big", Bytes(max_content_bytes)}}).error().is(Errc::limit_exceeded));
}

TEST(Content, KeysArePaths) {
  EXPECT_TRUE(check(Content{{"line-3/limits/max_rpm", true}}));
  EXPECT_TRUE(check(Content{{"a//b", true}}).error().is(Errc::invalid_argument));
}

// CONTENT.md explains these bytes one by one.
TEST(Content, GoldenBytes) {
  const Content content{
      {"door", true}, {"limits/rpm", std::int64_t{1480}}, {"limits/temp", 21.5},   {"name", std::string("gw-17")},
      {"off", false}, {"raw", to_bytes("\1\2")},          {"tags", Json{"[1,2]"}}, {"unset", std::monostate{}}};
  const Bytes bytes = canonical(content);
  EXPECT_EQ(to_hex(bytes),
            "0804646f6f72020a6c696d6974732f72706d0390170b6c696d6974732f74656d70044035800000000000046e616d6505"
            "0567772d3137036f6666010372617706020102047461677307055b312c325d05756e73657400");
  EXPECT_EQ(to_hex(sha256(bytes)), "da68dba5cf721c3c3a08fc0814afd24b19f1241064eb9ac77d6698b24a87a9f1");
}

}  // namespace
}  // namespace edgesync::config
