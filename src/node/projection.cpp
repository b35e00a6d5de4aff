// SPDX-License-Identifier: Apache-2.0
#include <edgesync/projection.hpp>

#include "base/path.hpp"
#include "node/follower.hpp"
#include "node/generations.hpp"
#include "transport/timer.hpp"

#include <mutex>

namespace edgesync {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t generations_max = 100, files_most = 65'536;
constexpr std::chrono::milliseconds linger_max = 24h;

Now now() { return transport::SystemClock().now(); }

Result<void> check(const ProjectionOptions& options) {
  const auto bad = [](const char* why) { return Error(Errc::invalid_argument, std::string("projection: ") + why); };
  if (options.directory.empty()) return bad("no directory is given");
  if (options.generations < 1 || options.generations > generations_max) return bad("generations is not 1 to 100");
  if (options.linger < 0ms || options.linger > linger_max) return bad("linger is not 0 to 24 hours");
  if (options.files_max < 1 || options.files_max > files_most) return bad("files_max is not 1 to 65,536");
  if (options.file_mode > 0777 || (options.file_mode & 0600) != 0600)
    return bad("file_mode is not one of 0600 to 0777");
  return options.prefix.empty() ? Result<void>() : check_path("projection: prefix", options.prefix);
}

}  // namespace

class Projection::Worker {
 public:
  Worker(Config config, ProjectionOptions options, node::Generations generations)
      : config_(std::move(config)), options_(std::move(options)), generations_(std::move(generations)) {}

  Result<void> begin() {
    Result<void> first;
    auto follower =
        node::Follower::start(node::Follower::to_active({config_}),
                              {[this] { return attempt(); }, [this](Instant at) { return prune(at); }}, first);
    if (!follower) return std::move(follower).error();
    follower_ = *std::move(follower);
    return {};
  }
  Result<VersionInfo> shown() const {
    const std::lock_guard lock(mutex_);
    return shown_;
  }

 private:
  Result<void> attempt() {
    prune(now().monotonic);
    const Result<VersionInfo> shown = show_active();
    if (!shown && shown.error().is(Errc::closed)) return shown.error();  // the node's end is nobody's news
    // Whoever still reads an earlier generation had rather see none than the newest never.
    if (!shown && shown.error().is(Errc::storage_full)) generations_.prune(1, 0ms, now().monotonic);
    {
      const std::lock_guard lock(mutex_);
      const bool same = shown ? shown_ && shown->number == shown_->number && shown->id == shown_->id
                              : !shown_ && shown.error().detail == shown_.error().detail;
      if (same) return shown ? Result<void>() : shown.error();
      shown_ = shown;
    }
    if (options_.on_shown) options_.on_shown(shown);
    return shown ? Result<void>() : shown.error();
  }

  Result<VersionInfo> show_active() {
    auto active = node::in_use(config_);
    if (!active) return std::move(active).error();
    if (active->version.number == 0) return std::move(active->version);
    const auto files = node::to_files(active->content, options_.prefix, options_.files_max);
    if (!files) return files.error();
    if (auto done = generations_.show(*files, now()); !done) return std::move(done).error();
    return std::move(active->version);
  }

  Instant prune(Instant at) { return generations_.prune(options_.generations, options_.linger, at); }

  const Config config_;
  const ProjectionOptions options_;
  node::Generations generations_;  // the follower's
  mutable std::mutex mutex_{};
  Result<VersionInfo> shown_ = VersionInfo{};   // guarded by mutex_
  std::unique_ptr<node::Follower> follower_{};  // goes first
};

Projection::Projection(std::unique_ptr<Worker> worker) noexcept : worker_(std::move(worker)) {}
Projection::Projection(Projection&&) noexcept = default;
Projection& Projection::operator=(Projection&&) noexcept = default;
Projection::~Projection() = default;

Result<VersionInfo> Projection::shown() const { return worker_->shown(); }

Result<Projection> Projection::start(Node& node, std::string_view scope, ProjectionOptions options) {
  if (auto good = check(options); !good) return std::move(good).error();
  const Config config = node.config(scope);
  if (auto there = config.history(1); !there) return std::move(there).error();
  auto generations = node::Generations::open(options.directory, options.file_mode, now().monotonic);
  if (!generations) return std::move(generations).error();
  auto worker = std::make_unique<Worker>(config, std::move(options), *std::move(generations));
  if (auto begun = worker->begin(); !begun) return std::move(begun).error();
  return Projection(std::move(worker));
}

}  // namespace edgesync
