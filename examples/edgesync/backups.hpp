// SPDX-License-Identifier: Apache-2.0
// Backups: copies of a database that is in use, made every so often into a directory; the newest few stay.
#pragma once

#include "commands.hpp"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

namespace program {

class Backups {
 public:
  /// The first one is made at once. `node` and `output` outlive this.
  Backups(es::Node& node, Output& output, std::filesystem::path directory, std::chrono::minutes every);
  /// Waits for a copy that is being made.
  ~Backups();
  Backups(const Backups&) = delete;
  Backups& operator=(const Backups&) = delete;

 private:
  void run();
  void make();
  void forget_old() const;

  es::Node& node_;
  Output& output_;
  const std::filesystem::path directory_;
  const std::chrono::minutes every_;
  std::mutex mutex_{};
  std::condition_variable ending_{};
  bool ended_ = false;
  std::thread thread_{};
};

}  // namespace program
