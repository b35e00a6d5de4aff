// SPDX-License-Identifier: Apache-2.0
// Config as files: what a directory shows, and when; what a crash has left there; a tree of files as a version.
#include <edgesync/projection.hpp>

#include "fleet.hpp"
#include "node/generations.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

namespace edgesync {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

using Content = std::map<std::string, Value>;

class Projected : public Fleet {
 protected:
  Projected() : node_(open_node()) {
    events_ = node_.on_event([this](const Event& event) {
      if (event.kind == EventKind::activated) active_.saw(std::to_string(event.version.number));
    });
  }

  std::string folder() const { return file("conf"); }
  ProjectionOptions to_folder() {
    ProjectionOptions options;
    options.directory = folder();
    options.on_shown = [this](const Result<VersionInfo>& shown) {
      const std::string what = shown ? std::to_string(shown->number) : shown.error().detail;
      const auto before = shown_.seen();
      shown_.saw(std::count(before.begin(), before.end(), what) > 0 ? what + " again" : what);
    };
    return options;
  }
  void publish(Content content) {
    const VersionInfo version = node_.config("c").publish_tree(std::move(content)).value();
    ASSERT_TRUE(active_.waits_for(std::to_string(version.number)));
  }
  std::string read(const std::string& name) const {
    std::ifstream in(folder() + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  void put(const std::string& name, const std::string& text) const {
    const fs::path path = fs::path(folder()) / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  /// What people see, and how many generations there are.
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder()))
      if (const std::string name = entry.path().filename().string(); !name.starts_with("..")) names.push_back(name);
    std::sort(names.begin(), names.end());
    return names;
  }
  std::size_t generations() const {
    return static_cast<std::size_t>(
        std::count_if(fs::directory_iterator(folder()), fs::directory_iterator(),
                      [](const auto& entry) { return entry.is_directory() && !entry.is_symlink(); }));
  }

  Witness active_, shown_;  // beyond the last event
  Node node_;
  Subscription events_;
};

TEST_F(Projected, ShowsEachKindOfValueAndFoldersForPaths) {
  publish({{"text", "as it is\n"},
           {"raw", Bytes{std::byte{0}, std::byte{255}}},
           {"n", std::int64_t{-4}},
           {"on", true},
           {"list", Json{"[1, 2]"}},
           {"deep/er/x", "1"},
           {"deep/y", ""}});
  const auto projection = Projection::start(node_, "c", to_folder());
  ASSERT_TRUE(projection) << projection.error().detail;
  EXPECT_EQ(projection->shown()->number, 1U);
  EXPECT_THAT(names(), ElementsAre("deep", "list", "n", "on", "raw", "text"));
  EXPECT_EQ(read("text"), "as it is\n");
  EXPECT_EQ(read("raw"), std::string("\0\xff", 2));
  EXPECT_EQ(read("n") + read("on") + read("list"), "-4true[1, 2]");
  EXPECT_EQ(read("deep/er/x") + "|" + read("deep/y"), "1|");
  EXPECT_EQ(fs::read_symlink(folder() + "/deep"), "..data/deep");
  EXPECT_THAT(fs::read_symlink(folder() + "/..data").string(), testing::MatchesRegex("\\.\\.[0-9_]+\\.1"));
}

TEST_F(Projected, FollowsVersionsAndRollbacksAndForgetsWhatIsGone) {
  publish({{"a", "1"}, {"b", "1"}});
  const auto projection = Projection::start(node_, "c", to_folder()).value();
  publish({{"a", "2"}, {"c/d", "2"}});
  ASSERT_TRUE(shown_.waits_for("2"));
  EXPECT_THAT(names(), ElementsAre("a", "c"));
  EXPECT_EQ(read("a") + read("c/d"), "22");
  node_.config("c").rollback(1).value();
  ASSERT_TRUE(shown_.waits_for("1 again"));
  EXPECT_THAT(names(), ElementsAre("a", "b"));
  EXPECT_EQ(read("a"), "1");
}

TEST_F(Projected, IsEmptyUntilSomethingIsActive) {
  const auto projection = Projection::start(node_, "c", to_folder()).value();
  EXPECT_EQ(projection.shown()->number, 0U);
  EXPECT_THAT(names(), IsEmpty());
  publish({{"a", "1"}});
  ASSERT_TRUE(shown_.waits_for("1"));
  EXPECT_EQ(read("a"), "1");
}

TEST_F(Projected, OnlyWhatIsBelowThePrefix) {
  publish({{"web/site", "x"}, {"web", "itself"}, {"website", "no"}, {"db/user", "no"}});
  ProjectionOptions options = to_folder();
  options.prefix = "web";
  const auto projection = Projection::start(node_, "c", std::move(options)).value();
  EXPECT_THAT(names(), ElementsAre("site"));
}

TEST_F(Projected, AKeyThatCannotBeAFileIsNamedAndTheVersionBeforeStays) {
  publish({{"a", "1"}});
  const auto projection = Projection::start(node_, "c", to_folder()).value();
  publish({{"a", "2"}, {"a/b", "2"}});
  const std::string why = "projection: key \"a/b\" cannot be a file: \"a\" is one";
  ASSERT_TRUE(shown_.waits_for(why));
  EXPECT_EQ(projection.shown().error().detail, why);
  EXPECT_EQ(read("a"), "1");
  publish({{"..data", "evil"}});
  ASSERT_TRUE(shown_.waits_for("projection: key \"..data\" cannot be a file: it begins with \"..\""));
  publish({{std::string(256, 'x'), ""}});
  publish({{"a", "5"}});
  ASSERT_TRUE(shown_.waits_for("5"));
  EXPECT_EQ(projection.shown()->number, 5U);
}

TEST_F(Projected, AVersionThatCannotBeShownIsNoReasonNotToStart) {
  publish({{"a", "1"}, {"a/b", "1"}});
  const auto projection = Projection::start(node_, "c", to_folder()).value();
  EXPECT_TRUE(projection.shown().error().is(Errc::invalid_argument));
  publish({{"a", "2"}});
  ASSERT_TRUE(shown_.waits_for("2"));
  EXPECT_EQ(read("a"), "2");
}

TEST_F(Projected, MoreFilesThanItMayAreNotShown) {
  ProjectionOptions options = to_folder();
  options.files_max = 2;
  const auto projection = Projection::start(node_, "c", std::move(options)).value();
  publish({{"a", "1"}, {"b", "1"}, {"c", "1"}});
  ASSERT_TRUE(shown_.waits_for("projection: more than 2 files"));
  EXPECT_TRUE(projection.shown().error().is(Errc::limit_exceeded));
}

TEST_F(Projected, ANodeThatIsClosedLeavesWhatIsShown) {
  publish({{"a", "1"}});
  const auto projection = Projection::start(node_, "c", to_folder()).value();
  node_.close();
  EXPECT_EQ(read("a"), "1");
  EXPECT_EQ(projection.shown()->number, 1U);
}

TEST_F(Projected, AnotherModeIsWrittenAgain) {
  publish({{"a", "1"}});
  { const auto projection = Projection::start(node_, "c", to_folder()).value(); }
  ProjectionOptions options = to_folder();
  options.file_mode = 0600;
  const auto projection = Projection::start(node_, "c", std::move(options)).value();
  EXPECT_EQ(static_cast<unsigned>(fs::status(folder() + "/a").permissions()), 0600U);
}

TEST_F(Projected, TwoCannotHaveOneDirectory) {
  const auto projection = Projection::start(node_, "c", to_folder()).value();
  const auto second = Projection::start(node_, "other", to_folder());
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().is(Errc::already_open));
}

TEST_F(Projected, WhatSomebodyElsePutThereIsNeitherLostNorReplaced) {
  put("notes", "mine");
  publish({{"a", "1"}});
  {
    const auto projection = Projection::start(node_, "c", to_folder()).value();
    EXPECT_THAT(names(), ElementsAre("a", "notes"));
  }
  publish({{"notes", "theirs"}});
  const auto projection = Projection::start(node_, "c", to_folder()).value();
  EXPECT_TRUE(projection.shown().error().is(Errc::invalid_argument));
  EXPECT_THAT(projection.shown().error().detail, HasSubstr("notes: something else has this name"));
  EXPECT_EQ(read("notes") + read("a"), "mine1");
}

TEST_F(Projected, WhatACrashOrAHandHasLeftIsPutRight) {
  publish({{"a", "1"}, {"b", "1"}});
  { const auto projection = Projection::start(node_, "c", to_folder()).value(); }
  put("..new/half", "written");
  fs::create_symlink("..new", folder() + "/..data_tmp");
  fs::create_symlink("..data/never", folder() + "/never");
  fs::remove(folder() + "/b");
  fs::permissions(folder() + "/..data/a", fs::perms::owner_all);
  put("..data/a", "tampered");
  const auto projection = Projection::start(node_, "c", to_folder()).value();
  EXPECT_THAT(names(), ElementsAre("a", "b"));
  EXPECT_EQ(read("a") + read("b"), "11");
  EXPECT_FALSE(fs::exists(fs::symlink_status(folder() + "/..data_tmp")) || fs::exists(folder() + "/..new"));
}

TEST_F(Projected, TheSameVersionIsNotWrittenAgain) {
  publish({{"a", "1"}});
  { const auto projection = Projection::start(node_, "c", to_folder()).value(); }
  const auto before = fs::read_symlink(folder() + "/..data");
  const auto projection = Projection::start(node_, "c", to_folder()).value();
  EXPECT_EQ(fs::read_symlink(folder() + "/..data"), before);
}

TEST_F(Projected, FilesHaveTheModeThatWasAskedForWhateverTheUmask) {
  publish({{"d/a", "1"}});
  ProjectionOptions options = to_folder();
  options.file_mode = 0662;
  const ::mode_t before = ::umask(0077);
  const auto projection = Projection::start(node_, "c", std::move(options));
  ::umask(before);
  ASSERT_TRUE(projection);
  const auto mode = [&](const std::string& name) {
    return static_cast<unsigned>(fs::status(folder() + name).permissions());
  };
  EXPECT_EQ(mode("/d/a"), 0662U);
  for (const char* folder : {"/d", "/..data", ""}) EXPECT_EQ(mode(folder), 0750U) << folder;
}

TEST_F(Projected, OptionsThatMakeNoSenseAreNamed) {
  const auto refused = [&](auto change) {
    ProjectionOptions options = to_folder();
    change(options);
    const auto started = Projection::start(node_, "c", std::move(options));
    return started ? std::string() : started.error().detail;
  };
  EXPECT_THAT(refused([](auto& options) { options.directory.clear(); }), HasSubstr("directory"));
  EXPECT_THAT(refused([](auto& options) { options.directory = "/proc/nowhere/x"; }), HasSubstr("/proc/nowhere/x"));
  EXPECT_THAT(refused([](auto& options) { options.prefix = "a//b"; }), HasSubstr("prefix"));
  EXPECT_THAT(refused([](auto& options) { options.generations = 0; }), HasSubstr("generations"));
  for (const auto linger : {std::chrono::milliseconds(-1), std::chrono::milliseconds::max()})
    EXPECT_THAT(refused([linger](auto& options) { options.linger = linger; }), HasSubstr("linger"));
  EXPECT_THAT(refused([](auto& options) { options.file_mode = 0444; }), HasSubstr("file_mode"));
}

TEST_F(Projected, ReadersSeeOneGenerationWhateverHappens) {
  publish({{"a", "0"}, {"b", "0"}, {"c", "0"}});
  ProjectionOptions options = to_folder();
  const auto projection = Projection::start(node_, "c", std::move(options)).value();
  std::atomic<bool> over = false;
  std::atomic<int> reads = 0, mixed = 0;
  std::vector<std::jthread> readers;
  for (int i = 0; i < 4; ++i)
    readers.emplace_back([&] {
      while (!over) {
        const std::string now = folder() + "/" + fs::read_symlink(folder() + "/..data").string();
        std::string first;
        for (const char* name : {"/a", "/b", "/c"}) {
          std::ifstream in(now + name);
          std::string text;
          if (!std::getline(in, text) || (!first.empty() && text != first)) ++mixed;
          first = text;
        }
        ++reads;
      }
    });
  for (int i = 1; i <= 100; ++i) {
    const Value value = std::to_string(i);
    publish({{"a", value}, {"b", value}, {"c", value}});
  }
  EXPECT_TRUE(shown_.waits_for("101"));
  over = true;
  readers.clear();
  EXPECT_EQ(mixed, 0);
  EXPECT_GT(reads, 100);
}

class Generation : public Projected {
 protected:
  node::Generations open(Instant now) { return node::Generations::open(folder(), 0644, now).value(); }
};

TEST_F(Generation, StaysForAWhileAndForThoseWhoComeBackToIt) {
  auto all = open(Instant());
  for (int i = 1; i <= 6; ++i) all.show({{"a", std::to_string(i)}}, {Instant(1s * i), Timestamp()}).value();
  EXPECT_EQ(generations(), 6U);
  EXPECT_EQ(all.prune(2, 10s, Instant(11s)), Instant(12s));  // the first was replaced at 2 s
  EXPECT_EQ(generations(), 6U);
  EXPECT_EQ(all.prune(2, 10s, Instant(13s)), Instant(14s));
  EXPECT_EQ(generations(), 4U);
  EXPECT_EQ(all.prune(2, 10s, Instant(1h)), never);
  EXPECT_EQ(generations(), 2U);
  EXPECT_EQ(read("a"), "6");
}

TEST_F(Generation, NoneLingersBeyondAHundred) {
  auto all = open(Instant());
  for (int i = 1; i <= 103; ++i) all.show({{"a", std::to_string(i)}}, {Instant(), Timestamp()}).value();
  all.prune(3, 24h, Instant());
  EXPECT_EQ(generations(), 100U);
  EXPECT_EQ(read("a"), "103");
}

TEST_F(Generation, NumbersGoOnAfterARestartWhateverTheClockShows) {
  { open(Instant()).show({{"a", "1"}}, {Instant(), Timestamp(std::chrono::hours(24) * 365 * 5000)}).value(); }
  auto all = open(Instant());
  all.show({{"a", "2"}}, {Instant(1s), Timestamp()}).value();
  EXPECT_EQ(fs::read_symlink(folder() + "/..data"), "..2000_01_01_00_00_00.2");
  all.prune(1, 0s, Instant(1h));
  EXPECT_EQ(generations(), 1U);
  EXPECT_EQ(read("a"), "2");
}

TEST_F(Generation, TheOneShownIsNeverRemoved) {
  auto all = open(Instant());
  for (int i = 1; i <= 3; ++i) all.show({{"a", std::to_string(i)}}, {Instant(), Timestamp()}).value();
  const auto names = [&] { return fs::read_symlink(folder() + "/..data").string(); };
  const std::string newest = names();
  fs::remove(folder() + "/..data");
  fs::create_symlink(newest.substr(0, newest.size() - 1) + "1", folder() + "/..data");  // somebody went back by hand
  all.prune(1, 0s, Instant(1h));
  EXPECT_EQ(read("a"), "1");
}

using TreeOfFiles = Projected;

TEST_F(TreeOfFiles, BecomesAVersionAndComesBackAsItWas) {
  put("limits/pump", "5\n");
  put("logo", std::string("\xff\x00\x01", 3));
  put("empty", "");
  put(".git/config", "not config");
  put(".env", "yes");
  const auto tree = read_tree(folder());
  ASSERT_TRUE(tree) << tree.error().detail;
  EXPECT_THAT(*tree,
              ElementsAre(Pair(".env", Value("yes")), Pair("empty", Value("")), Pair("limits/pump", Value("5\n")),
                          Pair("logo", Value(Bytes{std::byte{255}, std::byte{0}, std::byte{1}}))));
  publish(*tree);
  ProjectionOptions options = to_folder();
  options.directory = file("again");
  const auto projection = Projection::start(node_, "c", std::move(options)).value();
  EXPECT_EQ(read_tree(file("again")).value(), *tree);  // through ..data
}

TEST_F(TreeOfFiles, WithWhatCannotBeAVersionIsRefusedByName) {
  const auto refused = [&] {
    const auto tree = read_tree(folder());
    return tree ? std::string() : tree.error().detail;
  };
  EXPECT_TRUE(read_tree(folder()).error().is(Errc::not_found));
  put("good", "1");
  fs::create_symlink("/etc/passwd", folder() + "/out");
  EXPECT_THAT(refused(), HasSubstr("out: leads out of the directory"));
  fs::remove(folder() + "/out");
  fs::create_symlink(".", folder() + "/circle");
  EXPECT_THAT(refused(), HasSubstr("segments"));
  for (int i = 0; i < 9; ++i) fs::create_symlink(".", folder() + "/circle" + std::to_string(i));
  EXPECT_THAT(refused(), HasSubstr("segments"));  // soon
  fs::remove(folder() + "/circle");
  for (int i = 0; i < 9; ++i) fs::remove(folder() + "/circle" + std::to_string(i));
  fs::create_symlink("/etc", folder() + "/..data");
  EXPECT_THAT(refused(), HasSubstr("..data: leads out of the directory"));
  fs::remove(folder() + "/..data");
  ::mkfifo((folder() + "/pipe").c_str(), 0600);
  EXPECT_THAT(refused(), HasSubstr("pipe: is neither file nor folder"));
  fs::remove(folder() + "/pipe");
  put("b\nad", "");
  EXPECT_THAT(refused(), HasSubstr("control character"));
  fs::remove(folder() + "/b\nad");
  put("large", std::string(600'000, 'x'));
  EXPECT_TRUE(read_tree(folder()).error().is(Errc::limit_exceeded));
}

}  // namespace
}  // namespace edgesync
