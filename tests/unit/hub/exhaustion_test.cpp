// SPDX-License-Identifier: Apache-2.0
// A process that has no file descriptor left gets errors with a name, and goes on once it has some again.
#include "fleet.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include <filesystem>

namespace edgesync {
namespace {

/// The limit below which exactly `spare` descriptors are free, whatever is open already.
rlim_t limit_with(std::size_t spare) {
  int next = 0;
  while (true) {
    const bool free = ::fcntl(next, F_GETFD) < 0;
    if (free && spare-- == 0) return static_cast<rlim_t>(next);
    ++next;
  }
}

/// While it lives, no more than `spare` descriptors can be opened.
class FewFiles {
 public:
  explicit FewFiles(std::size_t spare) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit few = before_;
    few.rlim_cur = limit_with(spare);
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  }
  ~FewFiles() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  FewFiles(const FewFiles&) = delete;
  FewFiles& operator=(const FewFiles&) = delete;

 private:
  rlimit before_{};
};

class Exhaustion : public testing::Test {
 protected:
  Exhaustion() {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  ~Exhaustion() override { std::filesystem::remove_all(directory_); }
  Result<Node> open() {
    NodeOptions options;
    options.database = directory_ / "node.db";
    return Node::open(std::move(options));
  }

  std::filesystem::path directory_ =
      std::filesystem::temp_directory_path() / ("edgesync-exhaustion-" + std::to_string(::getpid()));
};

TEST_F(Exhaustion, OfFilesAtOpenIsAnErrorWithAName) {
  open().value().state("s").set("k", 1).value();
  bool failed = false, opened = false;
  for (std::size_t spare = 0; spare < 24 && !opened; ++spare) {
    const FewFiles few(spare);
    const auto node = open();
    opened = node.has_value();
    if (opened) continue;
    failed = true;
    EXPECT_EQ(node.error().code.category(), error_category()) << node.error().detail;
    EXPECT_FALSE(node.error().is(Errc::storage_corrupt)) << node.error().detail;
  }
  EXPECT_TRUE(failed);
  EXPECT_EQ(open().value().state("s").get("k").value(), Value(1));
}

TEST_F(Exhaustion, OfFilesWhileOpenStopsNoCommit) {
  auto node = open().value();
  auto state = node.state("s");
  state.set("k", 1).value();
  {
    const FewFiles few(0);
    for (int i = 2; i < 50; ++i) EXPECT_TRUE(state.set("k", i));
    EXPECT_EQ(state.get("k").value(), Value(49));
    LinkOptions link;
    link.url = "ws://127.0.0.1:1";
    link.insecure = true;
    node.link(std::move(link)).ignore();
    EXPECT_FALSE(node.flush(std::chrono::milliseconds(50)));
  }
  EXPECT_TRUE(state.set("k", 50));
  EXPECT_TRUE(node.backup(directory_ / "copy.db"));
  EXPECT_TRUE(node.verify().value().empty());
}

}  // namespace
}  // namespace edgesync
