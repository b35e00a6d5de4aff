// SPDX-License-Identifier: Apache-2.0
// Input: lines from stdin, and the signals that end the program. SIGTERM and SIGINT end the reading, never the process;
// so does SIGHUP, unless it means something else here.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace program {

/// Create before any other thread starts: signals are blocked for all threads that follow. At most one per process.
/// Thread safety: next_line() and wait() from one thread.
class Input {
 public:
  Input();
  ~Input();
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  /// The next line without its end, or nothing: end of input, or a signal came. A line beyond 64 MiB is cut there.
  std::optional<std::string> next_line();
  /// Until a signal comes.
  void wait();
  bool signalled() const noexcept { return signalled_; }
  /// What SIGHUP means from here on, called on a thread of its own; empty: the end. Waits for a call that is under way.
  void on_hangup(std::function<void()> handler);

 private:
  void watch();
  bool hung_up();
  bool readable();
  std::optional<std::string> take_line();

  int wake_[2] = {-1, -1};  ///< A pipe: its read end is readable once a signal came.
  std::atomic<bool> signalled_{false};
  std::string buffer_{};
  std::size_t searched_ = 0;  ///< No line end in the buffer before here.
  bool ended_ = false;
  std::mutex mutex_{};
  std::function<void()> hangup_{};  ///< Guarded by mutex_.
  std::thread watcher_{};
};

}  // namespace program
