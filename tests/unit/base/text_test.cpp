// SPDX-License-Identifier: Apache-2.0
#include "base/text.hpp"

#include "base/path.hpp"

#include <gtest/gtest.h>

namespace edgesync {
namespace {

TEST(Text, KnowsUtf8) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"));
  EXPECT_FALSE(is_utf8("\xc3"));
  EXPECT_FALSE(is_utf8("\x80"));
  EXPECT_FALSE(is_utf8("\xc0\x80"));          // overlong
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));      // a surrogate
  EXPECT_FALSE(is_utf8("\xf4\x90\x80\x80"));  // above U+10FFFF
}

TEST(Text, ShowsOnlyWhatMayBeShown) {
  EXPECT_EQ(printable("gw-17 \xc3\xa4"), "gw-17 \xc3\xa4");
  EXPECT_EQ(printable("a\x1b[2Jb\n\x7f"), "a?[2Jb??");
  EXPECT_EQ(printable("\xff\xc3"), "??");
}

TEST(Text, PathErrorsStayUtf8WhereTheyAreCut) {
  std::string path = "x";
  for (int i = 0; i < 60; ++i) path += "\xc3\xa4";
  EXPECT_TRUE(is_utf8(check_path("scope", path + '\x01').error().detail));
}

}  // namespace
}  // namespace edgesync
