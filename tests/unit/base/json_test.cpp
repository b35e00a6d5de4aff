// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"

#include "base/random.hpp"
#include "base/text.hpp"

#include <edgesync/value.hpp>

#include <gtest/gtest.h>

#include <limits>

namespace edgesync {
namespace {

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(Json, TakesWhatTheGrammarTakes) {
  for (std::string_view text :
       {"null", " true\n", "[]", "{ }", "-0.5e+10", "0", "12", "1E5", "[1,\n\t2]", R"({"a":{"b":[false]},"c":""})",
        R"("\"\\\/\b\f\n\r\t\u00e4\ud83d\uDE00")", "\"\xc3\xa4\x7f\""})
    EXPECT_TRUE(is_json(text)) << text;
  EXPECT_TRUE(is_json(nested(json_depth_max)));
}

TEST(Json, RefusesOtherWordsAndNumbers) {
  for (std::string_view text :
       {"", " ", "nul", "nulll", "1 2", "01", "+1", "1.", ".5", "1e", "-", "NaN", "\xef\xbb\xbf 1"})
    EXPECT_FALSE(is_json(text)) << text;
  EXPECT_FALSE(is_json(std::string(1, '\0')));
  EXPECT_FALSE(is_json(std::string("1\0", 2)));
}

TEST(Json, RefusesListsAndObjectsThatDoNotClose) {
  for (std::string_view text : {"[1,]", "[,]", "[1", "1]", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}", "[1}"})
    EXPECT_FALSE(is_json(text)) << text;
  EXPECT_FALSE(is_json(nested(json_depth_max + 1)));
  EXPECT_FALSE(is_json(std::string(1'000'000, '[')));
}

TEST(Json, RefusesStringsThatAreNone) {
  for (std::string_view text : {"'a'", "\"a", "\"a\nb\"", "\"\t\"", "\"\\x\"", "\"\\u12g4\"", "\"\\", "\"\\u12",
                                "\"\xff\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\""})
    EXPECT_FALSE(is_json(text)) << text;
}

TEST(Json, WritesAnyTextAsAString) {
  EXPECT_EQ(json_string("a\"b\\c\n\r\t\x01\x1f\xc3\xa4/"), "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f\xc3\xa4/\"");
  EXPECT_EQ(json_string("x\xff\xc3"), "\"x\xef\xbf\xbd\xef\xbf\xbd\"");
  EXPECT_EQ(json_string(std::string(1, '\0')), "\"\\u0000\"");
}

TEST(Value, IsShownAsJson) {
  EXPECT_EQ(to_json(Value()), "null");
  EXPECT_EQ(to_json(true), "true");
  EXPECT_EQ(to_json(std::int64_t{-7}), "-7");
  EXPECT_EQ(to_json(2.0), "2.0");
  EXPECT_EQ(to_json(0.1), "0.1");
  EXPECT_EQ(to_json(1e300), "1e+300");
  EXPECT_EQ(to_json(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(to_json(Value("a\nb")), "\"a\\nb\"");
  EXPECT_EQ(to_json(Bytes{std::byte{0xff}}), R"({"base64":"/w=="})");
  EXPECT_EQ(to_json(Json{"{\"a\": [1, 2]}"}), "{\"a\": [1, 2]}");
}

TEST(Value, OfAPeerNeverBreaksALineOfJson) {
  EXPECT_EQ(to_json(Json{"{\n  \"a\": 1\r\n}"}), "{   \"a\": 1  }");
  EXPECT_EQ(to_json(Json{"1\n{\"forged\":true}"}), R"("1\n{\"forged\":true}")");
  EXPECT_EQ(to_json(Json{"1,\"b\":2"}), R"("1,\"b\":2")");
  EXPECT_EQ(to_json(Json{}), "\"\"");
  EXPECT_EQ(to_json(Json{"\"\xff\""}), "\"\\\"\xef\xbf\xbd\\\"\"");
  EXPECT_EQ(to_json(Value("\xc3")), "\"\xef\xbf\xbd\"");
}

TEST(Value, IsOneLineOfValidJsonWhateverItHolds) {
  constexpr std::string_view alphabet = "[]{}\",:\\ntrue0.e- \n\r\x01\xc3\xa4\xff";
  Xoshiro random(7);
  for (int i = 0; i < 100'000; ++i) {
    std::string text;
    for (std::uint64_t left = random.below(8); left > 0; --left) text += alphabet[random.below(alphabet.size())];
    for (const Value& value : {Value(text), Value(Json{text})}) {
      const std::string shown = to_json(value);
      ASSERT_TRUE(is_json(shown)) << shown;
      ASSERT_TRUE(is_utf8(shown) && shown.find_first_of("\n\r") == shown.npos) << shown;
    }
  }
}

}  // namespace
}  // namespace edgesync
