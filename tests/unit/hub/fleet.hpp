// SPDX-License-Identifier: Apache-2.0
// A hub and nodes in one process over a loopback, on real files in a directory of the test's own.
#pragma once

#include <edgesync/edgesync.hpp>

#include <gtest/gtest.h>

#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>

namespace edgesync {

using namespace std::chrono_literals;

/// Lets a test wait for what handlers say.
class Witness {
 public:
  void saw(std::string what) {
    const std::lock_guard lock(mutex_);
    seen_.push_back(std::move(what));
    changed_.notify_all();
  }
  bool waits_for(const std::string& what, std::chrono::seconds at_most = 20s) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, at_most, [&] { return std::count(seen_.begin(), seen_.end(), what) > 0; });
  }
  bool waits_for_more_than(std::size_t before, std::chrono::seconds at_most) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, at_most, [&] { return seen_.size() > before; });
  }
  std::vector<std::string> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> seen_;
};

class Fleet : public testing::Test {
 protected:
  Fleet() {
    directory_ = std::filesystem::temp_directory_path() / ("edgesync-fleet-" + std::to_string(::getpid()));
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  ~Fleet() override { std::filesystem::remove_all(directory_); }

  std::string file(const std::string& name) const { return (directory_ / name).string(); }

  Hub open_hub() {
    HubOptions options;
    options.node = {.database = file("hub.db"), .name = "hub"};
    options.loopback = loopback_;
    options.authorize.connect = [](const Credentials& who) { return who.token == "good"; };
    options.authorize.scope = [](const Credentials&, Plane, std::string_view scope) {
      return scope.starts_with("secret") ? Access::none : Access::read_write;
    };
    return Hub::open(std::move(options)).value();
  }
  Node open_node(const std::string& name = "node") {
    return Node::open({.database = file(name + ".db"), .name = name}).value();
  }
  LinkOptions to_hub(std::string token = "good") {
    LinkOptions options;
    options.token = [token] { return token; };
    options.loopback = loopback_;
    options.backoff_min = 1ms;
    options.backoff_max = 20ms;
    return options;
  }

  std::shared_ptr<Loopback> loopback_ = make_loopback();

 private:
  std::filesystem::path directory_;
};

}  // namespace edgesync
