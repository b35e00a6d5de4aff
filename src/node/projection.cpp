// SPDX-License-Identifier: Apache-2.0
#include <edgesync/projection.hpp>

#include "base/path.hpp"
#include "base/text.hpp"
#include "node/generations.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace edgesync {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds first_pause = 1s, longest_pause = 1min;
constexpr std::size_t generations_max = 100;

Instant monotonic() noexcept {
  return Instant(std::chrono::duration_cast<Instant::duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

Timestamp wall() noexcept {
  return std::chrono::time_point_cast<Timestamp::duration>(std::chrono::system_clock::now());
}

Result<void> check(const ProjectionOptions& options) {
  const auto bad = [](const char* why) { return Error(Errc::invalid_argument, std::string("projection: ") + why); };
  if (options.directory.empty()) return bad("no directory is given");
  if (options.generations < 1 || options.generations > generations_max) return bad("generations is not 1 to 100");
  if (options.linger < 0ms) return bad("linger is negative");
  if (options.file_mode > 0777 || (options.file_mode & 0600) != 0600)
    return bad("file_mode is not one of 0600 to 0777");
  return options.prefix.empty() ? Result<void>() : check_path("projection: prefix", options.prefix);
}

}  // namespace

/// Files are written on a thread of their own: a disk that takes its time holds up nobody's link.
class Projection::Worker {
 public:
  Worker(Config config, ProjectionOptions options, node::Generations generations)
      : config_(std::move(config)), options_(std::move(options)), generations_(std::move(generations)) {}
  ~Worker() { stop(); }

  /// Requires: begin() was not called.
  Result<void> show_first() {
    attempt();
    if (!shown_) return shown_.error();
    return {};
  }
  void listen(Subscription events) { events_ = std::move(events); }
  void begin() {
    thread_ = std::thread([this] { run(); });
  }
  void wake() {
    const std::lock_guard lock(mutex_);
    due_ = true;
    changed_.notify_one();
  }
  void stop() noexcept {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
      changed_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
  }
  Result<VersionInfo> shown() const {
    const std::lock_guard lock(mutex_);
    return shown_;
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!ending_) {
      if (due_ || monotonic() >= retry_) {
        lock.unlock();
        attempt();
        lock.lock();
        continue;
      }
      lock.unlock();
      const Instant next = std::min(retry_, generations_.prune(options_.generations, options_.linger, monotonic()));
      lock.lock();
      const auto woken = [this] { return ending_ || due_; };
      if (next == never)
        changed_.wait(lock, woken);
      else
        changed_.wait_for(lock, next - monotonic(), woken);
    }
  }

  void attempt() {
    {
      const std::lock_guard lock(mutex_);
      due_ = false;
    }
    Result<VersionInfo> shown = show_active();
    pause_ = shown ? 0ms : std::clamp(pause_ * 2, first_pause, longest_pause);
    retry_ = shown ? never : monotonic() + pause_;
    {
      const std::lock_guard lock(mutex_);
      if (shown && shown_ && shown->id == shown_->id && shown->number == shown_->number && !failed_) return;
      failed_ = !shown;
      shown_ = shown;
    }
    if (options_.on_shown) options_.on_shown(shown);
  }

  Result<VersionInfo> show_active() try {
    VersionInfo active = config_.active();
    if (active.number == 0) return active;
    const auto content = config_.content(active.number);
    if (!content) return content.error();
    const auto files = node::to_files(*content, options_.prefix);
    if (!files) return files.error();
    if (auto done = generations_.show(*files, wall(), monotonic()); !done) return done.error();
    return active;
  } catch (const std::exception& fault) {  // no memory
    return Error(Errc::storage_io, std::string("projection: ") + fault.what());
  }

  const Config config_;
  const ProjectionOptions options_;
  node::Generations generations_;      // of whoever attempts: start(), then the thread
  Instant retry_ = never;              // the same
  std::chrono::milliseconds pause_{};  // the same
  mutable std::mutex mutex_{};         // guards what follows
  std::condition_variable changed_{};
  bool due_ = false, ending_ = false, failed_ = false;
  Result<VersionInfo> shown_ = VersionInfo{};
  Subscription events_{};
  std::thread thread_{};
};

Projection::Projection(std::shared_ptr<Worker> worker) noexcept : worker_(std::move(worker)) {}
Projection::Projection(Projection&&) noexcept = default;
Projection& Projection::operator=(Projection&&) noexcept = default;
Projection::~Projection() = default;

Result<VersionInfo> Projection::shown() const { return worker_->shown(); }

Result<Projection> Projection::start(Node& node, std::string_view scope, ProjectionOptions options) {
  if (auto good = check(options); !good) return std::move(good).error();
  const Config config = node.config(scope);
  if (auto there = config.history(1); !there) return std::move(there).error();
  auto generations = node::Generations::open(options.directory, options.file_mode, monotonic());
  if (!generations) return std::move(generations).error();
  auto worker = std::make_shared<Worker>(config, std::move(options), *std::move(generations));
  worker->listen(node.on_event([wakes = std::weak_ptr(worker), name = config.name()](const Event& event) {
    if (event.plane != Plane::config || event.scope != name) return;
    if (event.kind != EventKind::activated && event.kind != EventKind::rolled_back) return;
    if (const auto one = wakes.lock()) one->wake();
  }));
  if (auto shown = worker->show_first(); !shown) return std::move(shown).error();
  worker->begin();
  return Projection(std::move(worker));
}

}  // namespace edgesync
