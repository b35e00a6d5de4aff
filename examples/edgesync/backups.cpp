// SPDX-License-Identifier: Apache-2.0
#include "backups.hpp"

#include <charconv>
#include <cstdio>
#include <ctime>
#include <map>
#include <string_view>
#include <system_error>

namespace program {
namespace {

constexpr std::size_t kept = 3;
constexpr std::string_view prefix = "edgesync-", suffix = ".db";

/// "edgesync-00000017-20261123T001455Z.db": a number that grows, for clocks go back, and the time for people.
std::string name_of(std::uint64_t number) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[64];
  const int digits = std::snprintf(text, sizeof text, "%08llu-", static_cast<unsigned long long>(number));
  std::strftime(text + digits, sizeof text - static_cast<std::size_t>(digits), "%Y%m%dT%H%M%SZ", &parts);
  return std::string(prefix) + text + std::string(suffix);
}

/// The copies there are, by their numbers.
std::map<std::uint64_t, std::filesystem::path> copies_in(const std::filesystem::path& directory) {
  std::map<std::uint64_t, std::filesystem::path> found;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failure)) {
    const std::string name = entry.path().filename().string();
    std::uint64_t number = 0;
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) continue;
    const char* const digits = name.data() + prefix.size();
    const auto [end, bad] = std::from_chars(digits, name.data() + name.size(), number);
    if (bad == std::errc() && *end == '-') found[number] = entry.path();
  }
  return found;
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
  const auto there = copies_in(directory_);
  const std::string to = (directory_ / name_of(there.empty() ? 1 : there.rbegin()->first + 1)).string();
  const auto copied = node_.backup(to);
  json::object line{{"event", "backup"}, {"to", to}};
  if (!copied) line["error"] = from_error(copied.error());
  output_.line(line);
  if (copied) forget_old();
}

void Backups::forget_old() const {
  auto there = copies_in(directory_);
  std::error_code failure;
  for (; there.size() > kept; there.erase(there.begin())) std::filesystem::remove(there.begin()->second, failure);
}

}  // namespace program
