// SPDX-License-Identifier: Apache-2.0
// Examination: after a crash every row is looked at, whatever was closed in between.
#include "damage.hpp"

namespace edgesync::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

/// What a crash leaves of an open store, under another name.
std::string crashed_copy(Opened& opened) {
  set(*opened, state_scope(*opened), "last", true);
  EXPECT_FALSE(flush(*opened).error);
  const std::string path = opened.path() + ".crashed";
  for (const char* suffix : {"", "-wal"}) std::filesystem::copy_file(opened.path() + suffix, path + suffix);
  return path;
}

std::unique_ptr<Store> open_at(const std::string& path) {
  Xoshiro random(9);
  Options options;
  options.path = path;
  return Store::open(std::move(options), random, at_ms(0)).value();
}

void examine_all(Store& store) {
  for (int steps = 0; store.examine(4).value(); ++steps) ASSERT_LT(steps, 1'000);
}

TEST(Examination, FindsWhatIsSpoiltInEveryScopeAndInItsLog) {
  Opened opened;
  fill(*opened);
  const ScopeId other = state_scope(*opened, "other");
  for (int i = 0; i < 50; ++i) set(*opened, other, "k" + std::to_string(i), std::int64_t{i});
  ASSERT_FALSE(flush(*opened).error);
  opened.close();
  const std::string sid = "(SELECT sid FROM scope WHERE name = ";
  run_sql(opened.path(), "UPDATE cell SET e = x'0102030405060708' WHERE sid = " + sid +
                             "'plant') AND lower(hex(key)) = '" + to_hex(crdt::cell_key("k7", crdt::Kind::value)) +
                             "'");
  run_sql(opened.path(), "UPDATE log SET body = substr(body, 2) WHERE sid = " + sid + "'other')");
  opened.reopen();
  EXPECT_FALSE(opened->unclean());

  const auto store = open_at(crashed_copy(opened));

  ASSERT_TRUE(store->unclean());
  examine_all(*store);
  EXPECT_FALSE(store->unclean());
  EXPECT_THAT(flush(*store).faults, SizeIs(2));
  EXPECT_THAT(store->damaged(state_scope(*store)), SizeIs(1));
  EXPECT_THAT(findings(*store), ElementsAre(HasSubstr("not yet mended")));
}

TEST(Examination, IsLeftToTheNextIfTheFileIsClosedBeforeItsEnd) {
  Opened opened;
  fill(*opened);
  const std::string path = crashed_copy(opened);
  for (int times = 0; times < 3; ++times) {
    const auto store = open_at(path);
    ASSERT_TRUE(store->unclean());
    EXPECT_TRUE(store->examine(1).value());
  }
  examine_all(*open_at(path));
  EXPECT_FALSE(open_at(path)->unclean());
}

}  // namespace
}  // namespace edgesync::store
