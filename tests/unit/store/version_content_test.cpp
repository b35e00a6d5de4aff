// SPDX-License-Identifier: Apache-2.0
// How contents lie in the file: as differences, in chains that end, and never as anything else than what they were.
#include "store/version_content.hpp"
#include "damage.hpp"

#include <map>

namespace edgesync::store {
namespace {

constexpr int keys = 400;

config::Release release_of(const config::Content& content, std::uint64_t number) {
  config::Release release;
  release.content = config::canonical(content);
  release.manifest = {.scope = "plant", .number = number, .id = sha256(release.content)};
  return release;
}

/// A scope in which each version changes one key of the one before.
class History {
 public:
  explicit History(std::uint64_t seed = 1) : random_(seed) {
    for (int i = 0; i < keys; ++i) content_["line/" + std::to_string(i)] = word();
    id_ = opened->open_scope(Plane::config, "plant").value();
  }

  /// The version before it is left in good standing.
  void activate() {
    content_["line/" + std::to_string(random_.below(keys))] = word();
    const config::Release next = release_of(content_, ++newest_);
    if (newest_ > 1) opened->set_role(id_, key_of(kept_.at(newest_ - 1)), VersionRole::confirmed);
    opened->save_version(id_, next, VersionRole::active);
    kept_.emplace(newest_, next);
    ASSERT_FALSE(flush(*opened).error);
  }
  void forget(std::uint64_t number) {
    opened->forget_version(id_, key_of(kept_.at(number)));
    kept_.erase(number);
    ASSERT_FALSE(flush(*opened).error);
  }
  void reopen() {
    opened.reopen();
    id_ = opened->find_scope(Plane::config, "plant").value();
  }
  /// How many come out as they were; any other is to say so.
  std::size_t whole() {
    std::size_t count = 0;
    for (const auto& [number, release] : kept_) {
      const auto read = opened->release(id_, key_of(release));
      if (read)
        EXPECT_EQ(*read, release) << number;
      else
        EXPECT_TRUE(read.error().is(Errc::storage_corrupt)) << number << ": " << read.error().detail;
      count += read.has_value();
    }
    return count;
  }
  void spoil(const std::string& sql) {
    opened.close();
    run_sql(opened.path(), sql);
    reopen();
  }

  Opened opened;
  const std::map<std::uint64_t, config::Release>& kept() const { return kept_; }
  ScopeId id() const { return id_; }
  Random& random() { return random_; }

 private:
  std::string word() { return to_hex(as_view(std::to_string(random_.next()))); }

  Xoshiro random_;
  config::Content content_{};
  ScopeId id_{};
  std::uint64_t newest_ = 0;
  std::map<std::uint64_t, config::Release> kept_{};
};

TEST(VersionContent, CostsWhatChanged) {
  History history;
  for (int i = 0; i < 100; ++i) history.activate();
  EXPECT_EQ(history.whole(), 100U);
  const std::size_t one = whole_content(1, key_of(history.kept().at(1)), history.kept().at(1).content).body.size();
  EXPECT_LT(history.opened->versions_bytes(history.id()).value(), 7 * one + 100 * 400)
      << "the newest two, a keyframe for each 32 versions, and what changed";
  history.reopen();
  EXPECT_EQ(history.whole(), 100U);
  EXPECT_THAT(findings(*history.opened), testing::IsEmpty());
}

TEST(VersionContent, OfWhatIsKeptComesOutWhateverElseIsForgotten) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    History history(seed);
    for (int i = 0; i < 60; ++i) {
      history.activate();
      if (history.kept().size() < 10) continue;
      for (std::uint64_t times = history.random().below(3); times > 0; --times) {
        auto victim = history.kept().begin();
        std::advance(victim, history.random().below(history.kept().size() - 1));
        history.forget(victim->first);
      }
    }
    ASSERT_EQ(history.whole(), history.kept().size()) << seed;
    ASSERT_THAT(findings(*history.opened), testing::IsEmpty()) << seed;
  }
}

TEST(VersionContent, ThatIsDamagedIsToldAndNeverTakenForAnother) {
  for (const std::uint64_t number : {20U, 39U}) {
    const std::string row = " WHERE number = " + std::to_string(number);
    for (const std::string spoilt :
         {"content = x'0102030405'", "content = CAST(substr(content, 1, 20) || x'55' || substr(content, 22) AS BLOB)",
          "base = (SELECT base FROM ver WHERE number = 10)", "content = (SELECT content FROM ver WHERE number = 12)"}) {
      History again;
      for (int i = 0; i < 40; ++i) again.activate();
      again.spoil("UPDATE ver SET " + spoilt + row);
      EXPECT_LT(again.whole(), 40U) << spoilt << row;
      if (number < 39) {
        for (const std::uint64_t needed : {39U, 40U})
          EXPECT_TRUE(again.opened->release(again.id(), key_of(again.kept().at(needed)))) << "stands by itself";
      }
      flush(*again.opened);  // sets it aside
      EXPECT_EQ(again.opened->versions(again.id()).value().size(), 39U) << spoilt << row;
    }
  }
}

TEST(VersionContent, StandsByItselfWhereARollbackMayGo) {
  History history;
  for (int i = 0; i < 40; ++i) history.activate();
  history.opened->set_role(history.id(), key_of(history.kept().at(40)), VersionRole::rolled_back);
  history.opened->set_role(history.id(), key_of(history.kept().at(7)), VersionRole::active);
  flush(*history.opened);
  EXPECT_EQ(history.whole(), 40U);
  config::Release next = history.kept().at(1);
  next.manifest.number = 41;
  history.opened->save_version(history.id(), next, VersionRole::staged);  // packs
  flush(*history.opened);
  history.spoil("UPDATE ver SET content = x'0102030405' WHERE number NOT IN (7, 39, 40, 41)");
  EXPECT_EQ(history.whole(), 3U) << "the active one, the last good one, and the one that was left";
}

}  // namespace
}  // namespace edgesync::store
