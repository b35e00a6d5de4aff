// SPDX-License-Identifier: Apache-2.0
// Recorder: a Handler that writes down what it is told and sends what it is given, so that a test waits for what must
// happen instead of for time to pass. Every wait has one generous limit, after which the test fails.
#pragma once

#include "transport/transport.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

namespace edgesync::rig {

inline constexpr std::chrono::seconds patience{60};

class Recorder : public transport::Handler {
 public:
  void on_open(std::shared_ptr<transport::Connection> connection, transport::Peer peer) override {
    const std::lock_guard lock(mutex_);
    connection_ = std::move(connection);
    peer_ = std::move(peer);
    peer_.stranger.reset();
    changed_.notify_all();
  }
  void on_message(ByteView message) override {
    if (echo) send(to_bytes(message));
    const std::lock_guard lock(mutex_);
    messages_.push_back(to_bytes(message));
    changed_.notify_all();
  }
  std::optional<Bytes> next_message() override {
    const std::lock_guard lock(mutex_);
    if (outgoing_.empty()) return {};
    Bytes message = std::move(outgoing_.front());
    outgoing_.pop_front();
    return message;
  }
  void on_closed(const Error& why) override {
    const std::lock_guard lock(mutex_);
    closed_.push_back(why);
    changed_.notify_all();
  }

  void send(Bytes message) {
    std::shared_ptr<transport::Connection> connection;
    {
      const std::lock_guard lock(mutex_);
      outgoing_.push_back(std::move(message));
      connection = connection_;
    }
    if (connection) connection->wake();
  }
  void close(Error why) {
    if (const auto connection = wait_open()) connection->close(std::move(why));
  }
  void forget_connection() {
    const std::lock_guard lock(mutex_);
    connection_.reset();
  }

  std::shared_ptr<transport::Connection> wait_open() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, patience, [this] { return connection_ || !closed_.empty(); }));
    EXPECT_TRUE(connection_) << (closed_.empty() ? "" : closed_.front().detail);
    return connection_;
  }
  std::vector<Bytes> wait_messages(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, patience, [&] { return messages_.size() >= count || !closed_.empty(); }));
    EXPECT_GE(messages_.size(), count) << (closed_.empty() ? "" : closed_.front().detail);
    return messages_;
  }
  std::vector<Bytes> messages() {
    const std::lock_guard lock(mutex_);
    return messages_;
  }
  Error wait_closed() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, patience, [this] { return !closed_.empty(); }));
    return closed_.empty() ? Error{} : closed_.front();
  }
  std::size_t closed_count() {
    const std::lock_guard lock(mutex_);
    return closed_.size();
  }
  transport::Peer peer() {
    const std::lock_guard lock(mutex_);
    return peer_;
  }

  bool echo = false;  // set before it is used

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<transport::Connection> connection_;
  transport::Peer peer_;
  std::vector<Bytes> messages_;
  std::deque<Bytes> outgoing_;
  std::vector<Error> closed_;
};

/// Values handed from one thread to a waiting one.
template <class T>
class Mailbox {
 public:
  void put(T value) {
    const std::lock_guard lock(mutex_);
    values_.push_back(std::move(value));
    changed_.notify_all();
  }
  std::optional<T> take() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, patience, [this] { return !values_.empty(); }));
    if (values_.empty()) return {};
    T value = std::move(values_.front());
    values_.pop_front();
    return value;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> values_;
};

inline void expect_errc(Errc expected, const Error& error) {
  EXPECT_TRUE(error.is(expected)) << error.code.message() << ": " << error.detail;
}

inline Bytes pattern(std::size_t size, unsigned seed = 1) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>((i * 31 + seed) & 0xff);
  return bytes;
}

}  // namespace edgesync::rig
