// SPDX-License-Identifier: Apache-2.0
#include "base/path.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace edgesync {
namespace {

using testing::HasSubstr;

std::string joined(std::size_t segments) {
  std::string path = "s";
  for (std::size_t i = 1; i < segments; ++i) path += "/s";
  return path;
}

TEST(Path, TakesNamesAsPeopleWriteThem) {
  for (const std::string& path :
       {std::string("a"), std::string("plant-7/line 3/max_rpm"), std::string("..."), std::string(".a/a."),
        std::string("höhe/温度/🌡"), joined(path_segments_max), std::string(path_bytes_max, 'x')})
    EXPECT_TRUE(check_path("key", path)) << path;
}

TEST(Path, SaysWhatIsWrongAndWhere) {
  const std::vector<std::pair<std::string, std::string>> bad{
      {"", "is empty"},
      {std::string(path_bytes_max + 1, 'x'), "longer than 512"},
      {"/a", "empty segment"},
      {"a/", "empty segment"},
      {"a//b", "empty segment"},
      {"/", "empty segment"},
      {"a/./b", "segment \".\""},
      {"..", "segment \".\""},
      {joined(path_segments_max + 1), "more than 16"},
      {std::string("a\0b", 3), "control character"},
      {"a\x01"
       "b",
       "control character"},
      {"a\x1f", "control character"},
      {"a\x7f", "control character"},
  };
  for (const auto& [path, why] : bad) {
    const auto checked = check_path("scope", path);
    ASSERT_FALSE(checked) << path;
    EXPECT_TRUE(checked.error().is(Errc::invalid_argument));
    EXPECT_THAT(checked.error().detail, HasSubstr("scope: "));
    EXPECT_THAT(checked.error().detail, HasSubstr(why)) << path;
    EXPECT_LT(checked.error().detail.size(), 200U);
  }
}

TEST(Path, RefusesWhatIsNotUtf8) {
  for (std::string_view path : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "a\xc3", "\xc3/", "\xe0\x80\x80",
                                "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80",
                                "\xf0\x8f\xbf\xbf", "\xf0\x9f\x8c", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
    const auto checked = check_path("key", path);
    ASSERT_FALSE(checked) << path;
    EXPECT_THAT(checked.error().detail, HasSubstr("UTF-8"));
  }
}

TEST(Path, TakesTheEdgesOfUtf8) {
  for (std::string_view path : {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
                                "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(check_path("key", path)) << path;
}

}  // namespace
}  // namespace edgesync
