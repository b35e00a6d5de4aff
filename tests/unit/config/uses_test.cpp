// SPDX-License-Identifier: Apache-2.0
#include "config/uses.hpp"

#include <gtest/gtest.h>

namespace edgesync::config {
namespace {

Timestamp day(int days) { return Timestamp(std::chrono::hours(24 * days)); }

Use use(std::uint64_t number, Timestamp since, std::string reason = {}) {
  Use use;
  use.version = {number, "id" + std::to_string(number), "parent", {}, since, "note"};
  use.signed_by = {"ann", "bob"};
  use.since = since;
  use.reason = std::move(reason);
  return use;
}

TEST(Uses, SayWhatWasInUseAtATime) {
  Uses uses;
  EXPECT_TRUE(uses.at(day(9)).error().is(Errc::not_found));
  uses.add(use(1, day(1)));
  uses.add(use(2, day(5)));
  uses.add(use(1, day(7), "by hand"));
  EXPECT_TRUE(uses.at(day(0)).error().is(Errc::not_found));
  EXPECT_EQ(uses.at(day(1))->version.number, 1U);
  EXPECT_EQ(uses.at(day(6))->version.number, 2U);
  EXPECT_EQ(uses.at(day(9))->reason, "by hand");
  EXPECT_TRUE(uses.last_is(1, "id1"));
  EXPECT_FALSE(uses.last_is(2, "id2"));
}

TEST(Uses, AfterAClockThatWasSetBackTheLaterOneCounts) {
  Uses uses;
  uses.add(use(1, day(10)));
  uses.add(use(2, day(3)));
  uses.add(use(3, {}));  // nobody knew what time it was
  EXPECT_EQ(uses.at(day(20))->version.number, 2U);
  EXPECT_TRUE(uses.at(day(2)).error().is(Errc::not_found));
}

TEST(Uses, ComeBackWhole) {
  Uses uses;
  uses.add(use(1, day(1)));
  uses.add(use(2, day(5), "by hand"));
  const Bytes bytes = uses.encode();
  const auto back = Uses::decode(bytes);
  ASSERT_TRUE(back);
  ASSERT_EQ(back->all().size(), 2U);
  EXPECT_EQ(back->encode(), bytes);
  EXPECT_EQ(back->all()[1].signed_by, uses.all()[1].signed_by);
  EXPECT_EQ(back->all()[1].version.parent, "parent");
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(Uses::decode(ByteView(bytes).first(size)));
}

TEST(Uses, AreBounded) {
  Uses uses;
  for (int i = 1; i <= 500; ++i) uses.add(use(static_cast<std::uint64_t>(i), day(i), std::string(5000, 'x') + "ü"));
  EXPECT_EQ(uses.all().size(), max_uses);
  EXPECT_LE(uses.all().front().reason.size(), max_use_text_bytes);
  EXPECT_EQ(uses.at(day(500))->version.number, 500U);
  EXPECT_NE(uses.at(day(100)).error().detail.find("longer ago"), std::string::npos);
}

}  // namespace
}  // namespace edgesync::config
