// SPDX-License-Identifier: Apache-2.0
#include "input.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace program {
namespace {

constexpr std::size_t line_bytes_max = 64
                                       << 20;  // Far beyond any request; bounds what a reader without line ends costs.

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&set, number);
  return set;
}

}  // namespace

// The watcher sits in sigwait; SIGUSR1, sent by the destructor, is how it learns that nobody needs it any more.
Input::Input() {
  signal(SIGPIPE, SIG_IGN);  // A hub outlives the reader of its output.
  const sigset_t set = ending_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  if (pipe(wake_) != 0) wake_[0] = wake_[1] = -1;
  watcher_ = std::thread([this] { watch(); });
}

void Input::watch() {
  const sigset_t set = ending_signals();
  int number = 0;
  do {
    sigwait(&set, &number);
  } while (number == SIGHUP && hung_up());
  signalled_ = number != SIGUSR1;
  ::close(std::exchange(wake_[1], -1));
}

/// False if nobody has a use for it.
bool Input::hung_up() {
  const std::lock_guard lock(mutex_);
  if (hangup_) hangup_();
  return static_cast<bool>(hangup_);
}

void Input::on_hangup(std::function<void()> handler) {
  const std::lock_guard lock(mutex_);
  hangup_ = std::move(handler);
}

Input::~Input() {
  pthread_kill(watcher_.native_handle(), SIGUSR1);
  watcher_.join();
  ::close(wake_[0]);
}

bool Input::readable() {
  std::array<pollfd, 2> watched = {{{wake_[0], POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
  while (poll(watched.data(), watched.size(), -1) < 0) {
    if (errno != EINTR) return false;
  }
  return watched[0].revents == 0;
}

void Input::wait() {
  pollfd watched = {wake_[0], POLLIN, 0};
  while (poll(&watched, 1, -1) < 0 && errno == EINTR) {
  }
}

std::optional<std::string> Input::take_line() {
  const auto end = buffer_.find('\n', searched_);
  searched_ = buffer_.size();
  const bool rest = buffer_.size() > line_bytes_max || (ended_ && !buffer_.empty());
  if (end == std::string::npos && !rest) return std::nullopt;
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end == std::string::npos ? end : end + 1);
  searched_ = 0;
  return line;
}

std::optional<std::string> Input::next_line() {
  for (;;) {
    if (signalled_) return std::nullopt;
    if (auto line = take_line()) return line;
    if (ended_ || !readable()) return std::nullopt;
    std::array<char, 65536> chunk;
    const auto got = read(STDIN_FILENO, chunk.data(), chunk.size());
    if (got > 0) {
      buffer_.append(chunk.data(), static_cast<std::size_t>(got));
    } else if (got == 0 || errno != EINTR) {
      ended_ = true;
    }
  }
}

}  // namespace program
