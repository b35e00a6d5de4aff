// SPDX-License-Identifier: Apache-2.0
// Salvage: whatever page a disk has taken, what is left of the rows comes over, nothing is made up, the damaged file
// stays, and peers are never told that what is missing was removed.
#include "store/salvage.hpp"

#include "damage.hpp"

#include <sys/wait.h>

#include <fstream>

namespace edgesync::store {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::size_t page_bytes = 4096;

void spoil(const std::string& path, std::uint64_t at, std::size_t size) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(at));
  file.write(std::string(size, '\0').data(), static_cast<std::streamsize>(size));
  ASSERT_TRUE(file.good());
}

std::uint64_t number(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  EXPECT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  sqlite3_stmt* found = nullptr;
  EXPECT_EQ(sqlite3_prepare_v2(db, sql.c_str(), -1, &found, nullptr), SQLITE_OK);
  EXPECT_EQ(sqlite3_step(found), SQLITE_ROW);
  const auto value = static_cast<std::uint64_t>(sqlite3_column_int64(found, 0));
  sqlite3_finalize(found);
  sqlite3_close(db);
  return value;
}

std::uint64_t root(const std::string& path, const std::string& table) {
  return number(path, "SELECT rootpage FROM sqlite_schema WHERE name = '" + table + "'");
}

/// A database whose cells take many pages, closed, and what it showed.
class Salvage : public testing::Test {
 protected:
  Salvage() {
    fill(*opened_);
    const ScopeId id = state_scope(*opened_);
    for (int i = 0; i < 600; ++i) set(*opened_, id, "many/" + std::to_string(i), std::string(40, 'x'));
    flush(*opened_);
    before_ = contents(*opened_, id);
    was_ = opened_->replica();
    opened_.close();
  }
  std::string path() const { return opened_.path(); }
  void spoil_page(std::uint64_t page) { spoil(path(), (page - 1) * page_bytes, page_bytes); }
  /// Opens it by way of a salvage.
  void rescue() {
    Xoshiro random(7);
    const auto salvaged = salvage(path(), random);
    ASSERT_TRUE(salvaged) << salvaged.error().detail;
    EXPECT_TRUE(std::filesystem::exists(salvaged->kept));
    report_ = salvaged->report;
    opened_.reopen();
    flush(*opened_);
  }
  void expect_nothing_made_up() {
    for (const auto& [key, value] : contents(*opened_, state_scope(*opened_))) EXPECT_EQ(before_[key], value) << key;
    const auto id = opened_->find_scope(Plane::stream, "t");
    if (!id) return;
    for (const StoredSegment& segment : opened_->segments(*id, was_, 0, 1 << 20).value()) EXPECT_EQ(segment.first, 1U);
  }
  /// What is missing is said to be.
  void expect_told(const std::vector<std::string>& found) {
    const ScopeId id = state_scope(*opened_);
    const bool all = contents(*opened_, id) == before_;
    for (const std::string& finding : found) EXPECT_THAT(finding, HasSubstr("not yet mended"));
    EXPECT_TRUE(all || !opened_->damaged(id).empty());
  }

  Opened opened_;
  std::map<std::string, std::string> before_{};
  ReplicaId was_{};
  std::string report_{};
};

TEST_F(Salvage, WithoutAHeaderNothingIsLost) {
  spoil_page(1);
  EXPECT_FALSE(opened_.try_open());
  rescue();
  const ScopeId id = state_scope(*opened_);
  EXPECT_EQ(contents(*opened_, id), before_);
  EXPECT_THAT(opened_->damaged(id), IsEmpty());
  EXPECT_THAT(findings(*opened_), IsEmpty());
  EXPECT_EQ(opened_->versions(opened_->find_scope(Plane::config, "c").value()).value().size(), 1U);
  EXPECT_EQ(opened_->segments(opened_->find_scope(Plane::stream, "t").value(), was_, 0, 1 << 20).value().size(), 1U);
}

TEST_F(Salvage, TakesAnotherIdAndSaysSo) {
  spoil_page(1);
  rescue();
  EXPECT_NE(opened_->replica(), was_);
  ASSERT_TRUE(opened_->renamed());
  EXPECT_EQ(opened_->renamed()->before, was_);
  EXPECT_THAT(opened_->renamed()->reason, HasSubstr("damaged-1"));
  EXPECT_EQ(opened_->former().at(0).id, was_);
}

TEST_F(Salvage, KeepsWhoseIdsAre) {
  opened_.reopen();
  const ScopeId id = state_scope(*opened_);
  const auto tell = [&](const std::string& name, std::uint8_t bearer, crdt::Stamp stamp) {
    ReplicaId theirs, self;
    theirs.bytes[0] = std::byte{0x77}, self.bytes[0] = std::byte{bearer};
    crdt::Delta delta;
    delta.upto.advance({theirs, stamp});
    RemoteCut cut;
    cut.deltas.push_back({id, std::move(delta), {}, {}, {Teller{name, self, true}, {}}});
    opened_->apply(std::move(cut));
    return flush(*opened_).outcomes.at(0).applied;
  };
  ASSERT_TRUE(tell("owner", 0x77, 1));
  ASSERT_FALSE(tell("other", 0x78, 2));
  opened_.close();
  spoil_page(1);
  rescue();
  EXPECT_FALSE(tell("other", 0x78, 2));
  EXPECT_TRUE(tell("owner", 0x77, 2));
}

TEST_F(Salvage, KeepsTheDamagedFileAsItWas) {
  spoil_page(1);
  std::ifstream file(path(), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  rescue();
  std::ifstream kept(path() + ".damaged-1", std::ios::binary);
  EXPECT_EQ(std::string((std::istreambuf_iterator<char>(kept)), {}), bytes);
  opened_.close();
  spoil_page(1);
  rescue();
  EXPECT_TRUE(std::filesystem::exists(path() + ".damaged-2"));
}

TEST_F(Salvage, FindsTheRowsBelowAPageThatIsLost) {
  spoil_page(root(path(), "cell"));
  rescue();
  const auto left = contents(*opened_, state_scope(*opened_));
  EXPECT_GT(left.size(), before_.size() / 2);  // the page lost some rows of its own
  expect_nothing_made_up();
  expect_told(findings(*opened_));
}

TEST_F(Salvage, FindsNamesInTheIndexes) {
  for (const char* table : {"origin", "scope", "meta"}) spoil_page(root(path(), table));
  spoil_page(1);
  rescue();
  EXPECT_EQ(contents(*opened_, state_scope(*opened_)), before_);
  const ScopeId stream = opened_->find_scope(Plane::stream, "t").value();
  ASSERT_TRUE(opened_->schema(stream));
  EXPECT_EQ(opened_->schema(stream)->columns.at(0).name, "v");
}

/// Any page: nothing is made up, and what is missing is said to be.
TEST_F(Salvage, LosesNoMoreThanThePage) {
  const std::uint64_t pages = std::filesystem::file_size(path()) / page_bytes;
  const std::string sound = path() + ".sound";
  std::filesystem::copy_file(path(), sound);
  for (std::uint64_t page = 1; page <= pages; ++page) {
    SCOPED_TRACE("page " + std::to_string(page));
    opened_.close();
    std::filesystem::copy_file(sound, path(), std::filesystem::copy_options::overwrite_existing);
    spoil_page(page);
    rescue();
    EXPECT_GT(contents(*opened_, state_scope(*opened_)).size() + 200, before_.size());
    expect_nothing_made_up();
    expect_told(findings(*opened_));
  }
}

TEST_F(Salvage, OfATruncatedFileTakesWhatIsLeft) {
  std::filesystem::resize_file(path(), std::filesystem::file_size(path()) * 2 / 3 + 100);
  rescue();
  EXPECT_FALSE(contents(*opened_, state_scope(*opened_)).empty());
  expect_nothing_made_up();
  expect_told(findings(*opened_));
}

TEST_F(Salvage, ReadsTheLog) {
  opened_.reopen();
  set(*opened_, state_scope(*opened_), "k9", "logged");
  flush(*opened_);
  const std::string copy = path() + ".copy";
  for (const char* suffix : {"", "-wal"}) std::filesystem::copy_file(path() + suffix, copy + suffix);
  opened_.close();
  for (const char* suffix : {"", "-wal"})
    std::filesystem::copy_file(copy + suffix, path() + suffix, std::filesystem::copy_options::overwrite_existing);
  spoil_page(1);
  rescue();
  EXPECT_EQ(get(*opened_, state_scope(*opened_), "k9"), Value("logged"));
  EXPECT_TRUE(std::filesystem::exists(path() + ".damaged-1-wal"));
}

TEST_F(Salvage, LeavesAFileAloneThatIsNotOurs) {
  const std::string other = path() + ".other";
  std::ofstream(other) << std::string(20'000, 'z');
  Xoshiro random(7);
  const auto salvaged = salvage(other, random);
  ASSERT_FALSE(salvaged);
  EXPECT_TRUE(salvaged.error().is(Errc::not_found));
  EXPECT_EQ(std::filesystem::file_size(other), 20'000U);
  EXPECT_FALSE(std::filesystem::exists(other + ".salvaging"));
}

TEST_F(Salvage, WaitsForNobodyElse) {
  opened_.reopen();
  const pid_t child = ::fork();  // locks of one process do not stop itself
  if (child == 0) {
    Xoshiro random(7);
    const auto salvaged = salvage(path(), random);
    ::_exit(!salvaged && salvaged.error().is(Errc::already_open) ? 0 : 1);
  }
  int status = 1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(Salvage, ThatWasInterruptedIsCompleted) {
  spoil_page(1);
  rescue();
  opened_.close();
  // As after a crash when the new database was done: the damaged one is where it was, or out of the way.
  std::filesystem::rename(path(), path() + ".salvaged");
  std::filesystem::copy_file(path() + ".damaged-1", path());
  opened_.reopen();
  EXPECT_EQ(contents(*opened_, state_scope(*opened_)), before_);
  opened_.close();
  std::filesystem::rename(path(), path() + ".salvaged");
  opened_.reopen();
  EXPECT_EQ(contents(*opened_, state_scope(*opened_)), before_);
}

TEST_F(Salvage, TellsAPeerOfNoRemoval) {
  Opened hub(8);
  opened_.reopen();
  const ScopeId there = state_scope(*hub), here = state_scope(*opened_);
  pull(*hub, there, *opened_, here);
  opened_.close();
  spoil_page(number(path(), "SELECT rootpage + 30 FROM sqlite_schema WHERE name = 'cell'"));
  rescue();
  pull(*hub, there, *opened_, state_scope(*opened_));
  EXPECT_EQ(contents(*hub, there), before_);
  // The peer says again what it holds, and both are equal.
  const ScopeId id = state_scope(*opened_);
  for (int i = 0; i < 3; ++i) pull(*opened_, id, *hub, there);
  if (const auto ranges = opened_->damaged(id); !ranges.empty()) {
    opened_->apply(RemoteRepair{id, hub->repair(there, ranges, 64 << 20).value()});
    flush(*opened_);
  }
  EXPECT_EQ(contents(*opened_, id), before_);
  EXPECT_THAT(opened_->damaged(id), IsEmpty());
}

}  // namespace
}  // namespace edgesync::store
