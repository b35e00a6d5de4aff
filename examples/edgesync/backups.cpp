// SPDX-License-Identifier: Apache-2.0
#include "backups.hpp"

#include <algorithm>
#include <ctime>
#include <string_view>
#include <system_error>
#include <vector>

namespace program {
namespace {

constexpr std::size_t kept = 3;
constexpr std::string_view prefix = "edgesync-", suffix = ".db";

/// "edgesync-20261123T001455Z.db": names in the order of time.
std::string name_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts);
  return std::string(prefix) + text + std::string(suffix);
}

}  // namespace

Backups::Backups(es::Node& node, Output& output, std::filesystem::path directory, std::chrono::minutes every)
    : node_(node), output_(output), directory_(std::move(directory)), every_(every), thread_([this] { run(); }) {}

Backups::~Backups() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  ending_.notify_all();
  thread_.join();
}

void Backups::run() {
  std::unique_lock lock(mutex_);
  while (!ended_) {
    lock.unlock();
    make();
    lock.lock();
    ending_.wait_for(lock, every_, [this] { return ended_; });
  }
}

void Backups::make() {
  const std::string to = (directory_ / name_now()).string();
  const auto copied = node_.backup(to);
  json::object line{{"event", "backup"}, {"to", to}};
  if (!copied) line["error"] = from_error(copied.error());
  output_.line(line);
  if (copied) forget_old();
}

void Backups::forget_old() const {
  std::vector<std::filesystem::path> found;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, failure)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix) && name.ends_with(suffix)) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  for (std::size_t i = 0; i + kept < found.size(); ++i) std::filesystem::remove(found[i], failure);
}

}  // namespace program
