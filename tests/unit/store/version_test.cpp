// SPDX-License-Identifier: Apache-2.0
#include "harness.hpp"

namespace edgesync::store {
namespace {

config::Release made(std::uint64_t number, const std::string& value) {
  config::Release release;
  release.content = config::canonical({{"limit", Value(value)}});
  release.manifest.scope = "plant";
  release.manifest.number = number;
  release.manifest.id = sha256(release.content);
  return release;
}

std::vector<std::pair<std::uint64_t, VersionRole>> roles(Store& store, ScopeId id) {
  std::vector<std::pair<std::uint64_t, VersionRole>> found;
  const auto versions = store.versions(id).value();
  for (const VersionRow& row : versions) found.emplace_back(row.manifest.number, row.role);
  return found;
}

using Roles = std::vector<std::pair<std::uint64_t, VersionRole>>;

TEST(VersionStore, AnswersTheSameBeforeAndAfterTheFlush) {
  Opened opened;
  ScopeId id = opened->open_scope(Plane::config, "plant").value();
  const auto first = made(1, "a"), second = made(2, "b"), again = made(3, "a");  // 3 has the content of 1
  opened->save_version(id, first, VersionRole::active);
  opened->save_version(id, again, VersionRole::staged);
  opened->save_version(id, second, VersionRole::offered);
  opened->set_role(id, key_of(first), VersionRole::confirmed);
  const Roles expected{{3, VersionRole::staged}, {2, VersionRole::offered}, {1, VersionRole::confirmed}};
  EXPECT_EQ(roles(*opened, id), expected);
  EXPECT_EQ(opened->release(id, key_of(second)).value(), second);

  const Flushed flushed = flush(*opened);
  opened.reopen();
  id = opened->find_scope(Plane::config, "plant").value();

  EXPECT_EQ(flushed.advanced.size(), 1U);
  EXPECT_EQ(roles(*opened, id), expected);
  EXPECT_EQ(opened->release(id, key_of(second)).value(), second);
  EXPECT_THAT(findings(*opened), testing::IsEmpty());
}

TEST(VersionStore, RemembersMemosEvenOfAScopeThatWasGivenUp) {
  Opened opened;
  ScopeId id = opened->open_scope(Plane::config, "plant").value();
  EXPECT_TRUE(opened->memo(id, "seen").error().is(Errc::not_found));
  opened->put_memo(id, "seen", to_bytes("first"));
  opened->put_memo(id, "seen", to_bytes("second"));
  opened->put_memo(id, "seen/1", to_bytes("one"));
  opened->put_memo(id, "other", to_bytes("gone"));
  EXPECT_EQ(opened->memo(id, "seen").value(), to_bytes("second"));
  flush(*opened);
  opened->put_memo(id, "other", {});
  EXPECT_TRUE(opened->memo(id, "other").error().is(Errc::not_found));
  EXPECT_EQ(opened->memos(id, "").value().size(), 2U);
  opened->put_memo(id, "late", to_bytes("just before"));
  opened->give_up(id);
  flush(*opened);
  opened.reopen();
  id = opened->open_scope(Plane::config, "plant").value();
  EXPECT_EQ(opened->memo(id, "seen").value(), to_bytes("second"));
  EXPECT_TRUE(opened->memo(id, "other").error().is(Errc::not_found));
  const std::map<std::string, Bytes> all{
      {"late", to_bytes("just before")}, {"seen", to_bytes("second")}, {"seen/1", to_bytes("one")}};
  EXPECT_EQ(opened->memos(id, "").value(), all);
  EXPECT_EQ(opened->memos(id, "seen/").value().size(), 1U);
  EXPECT_TRUE(opened->memos(id, "t").value().empty());
}

TEST(VersionStore, KeepsContentWhenAnOfferRepeats) {
  Opened opened;
  const ScopeId id = opened->open_scope(Plane::config, "plant").value();
  const auto full = made(1, "a");
  auto bare = full;
  bare.content.clear();
  opened->save_version(id, bare, VersionRole::offered);
  flush(*opened);
  EXPECT_TRUE(opened->release(id, key_of(full)).value().content.empty());
  opened->save_version(id, full, VersionRole::staged);
  opened->save_version(id, bare, VersionRole::active);
  EXPECT_EQ(opened->release(id, key_of(full)).value(), full);
  flush(*opened);
  EXPECT_EQ(opened->release(id, key_of(full)).value(), full);
  EXPECT_EQ(roles(*opened, id), (Roles{{1, VersionRole::active}}));
}

TEST(VersionStore, Forgets) {
  Opened opened;
  const ScopeId id = opened->open_scope(Plane::config, "plant").value();
  const auto release = made(1, "a");
  opened->save_version(id, release, VersionRole::active);
  flush(*opened);
  opened->forget_version(id, key_of(release));
  EXPECT_TRUE(opened->release(id, key_of(release)).error().is(Errc::not_found));
  flush(*opened);
  EXPECT_TRUE(opened->release(id, key_of(release)).error().is(Errc::not_found));
  EXPECT_TRUE(roles(*opened, id).empty());
}

}  // namespace
}  // namespace edgesync::store
