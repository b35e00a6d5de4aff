// SPDX-License-Identifier: Apache-2.0
#include "config/marks.hpp"
#include "config/activation.hpp"

#include <gtest/gtest.h>

namespace edgesync::config {
namespace {

TEST(Marks, ANameBelongsToOneVersion) {
  Marks marks;
  marks.tag({1, "a"}, "golden").value();
  marks.tag({1, "a"}, "winter").value();
  marks.tag({2, "b"}, "golden").value();
  EXPECT_EQ(marks.tagged("golden"), (Marks::Key{2, "b"}));
  EXPECT_EQ(marks.of({1, "a"}).tags, std::set<std::string>{"winter"});
  EXPECT_EQ(Marks::decode(marks.encode()), marks);
  marks.untag("winter").value();
  EXPECT_TRUE(marks.untag("winter").error().is(Errc::not_found));
  EXPECT_EQ(marks.marked(), (std::set<Marks::Key>{{2, "b"}}));
}

TEST(Marks, ArePinsAsWell) {
  Marks marks;
  marks.pin({1, "a"}, true).value();
  EXPECT_TRUE(marks.of({1, "a"}).pinned);
  EXPECT_EQ(Marks::decode(marks.encode()), marks);
  marks.pin({1, "a"}, false).value();
  marks.pin({2, "b"}, false).value();
  EXPECT_EQ(marks, Marks{});
}

TEST(Marks, AreFew) {
  Marks marks;
  for (std::uint64_t number = 1; number <= max_marked; ++number) marks.pin({number, "a"}, true).value();
  const Marks full = marks;
  EXPECT_TRUE(marks.pin({99, "a"}, true).error().is(Errc::limit_exceeded));
  EXPECT_TRUE(marks.tag({99, "a"}, "x").error().is(Errc::limit_exceeded));
  EXPECT_EQ(marks, full);
  for (std::size_t i = 0; i < max_tags; ++i) marks.tag({1, "a"}, "t" + std::to_string(i)).value();
  EXPECT_TRUE(marks.tag({1, "a"}, "x").error().is(Errc::limit_exceeded));
  EXPECT_TRUE(marks.tag({2, "a"}, "t7")) << "it only moves";
  for (const std::string& name : {std::string(), std::string("a/b"), std::string(".."), std::string(65, 'x')})
    EXPECT_TRUE(Marks().tag({1, "a"}, name).error().is(Errc::invalid_argument)) << name;
}

TEST(Marks, RefuseWhatIsCutShort) {
  Marks marks;
  marks.tag({1, "a"}, "golden").value();
  const Bytes bytes = marks.encode();
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(Marks::decode(ByteView(bytes).first(size)));
}

TEST(Marks, KeepVersionsThatNothingElseNeeds) {
  Activation machine("plant-7", {}, {.kept = 3});
  machine.keep({{1, "a"}});
  for (std::uint64_t number = 1; number <= 20; ++number) {
    const std::string id(1, static_cast<char>('a' + number - 1));
    (void)machine.restart();
    (void)machine.offered(number, id);
    machine.verified(number, id).value();
    machine.verdict(number, id, Verdict::healthy).value();
  }
  while (!machine.shed().empty()) {
  }
  ASSERT_EQ(machine.rows().size(), 3U);
  EXPECT_EQ(machine.rows()[0].number, 1U);
  EXPECT_EQ(machine.rows()[1].number, 19U);
}

}  // namespace
}  // namespace edgesync::config
