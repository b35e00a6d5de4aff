// SPDX-License-Identifier: Apache-2.0
// Talk: a connection to a hub on which a test says what it likes, message by message, and hears what is answered.
#pragma once

#include "transport/transport.hpp"
#include "wire/frame.hpp"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace edgesync {

using namespace std::chrono_literals;

/// A connection on which a test says what it likes, frame by frame, and waits for what is answered.
class Talk {
 public:
  Talk(transport::Host& host, const std::string& url, const std::string& ca_file) : line_(std::make_shared<Line>()) {
    host.connect({url, {.ca_file = ca_file}}, line_).value();
    std::unique_lock lock(line_->mutex);
    line_->changed.wait_for(lock, 20s, [&] { return line_->connection || line_->over; });
  }
  ~Talk() { end(); }
  Talk(const Talk&) = delete;
  Talk& operator=(const Talk&) = delete;

  const Bytes& binding() const { return line_->binding; }
  void say(std::vector<wire::Message> messages) {
    const std::lock_guard lock(line_->mutex);
    line_->waiting.push_back(codec_.encode(messages));
    if (line_->connection) line_->connection->wake();
  }
  /// The next answer that is a T, or a Bye; neither if the hub only closed.
  template <class T>
  struct Answer {
    std::optional<T> said{};
    std::optional<wire::Bye> bye{};
  };
  template <class T>
  Answer<T> answer() {
    std::unique_lock lock(line_->mutex);
    const auto more = [&] { return !line_->heard.empty() || line_->over; };
    while (line_->changed.wait_for(lock, 20s, more) && !line_->heard.empty()) {
      wire::Message message = std::move(line_->heard.front());
      line_->heard.pop_front();
      if (auto* bye = std::get_if<wire::Bye>(&message)) return {{}, std::move(*bye)};
      if constexpr (!std::is_same_v<T, wire::Bye>)
        if (auto* wanted = std::get_if<T>(&message)) return {std::move(*wanted), {}};
    }
    return {};
  }
  void end() {
    const std::lock_guard lock(line_->mutex);
    if (line_->connection) line_->connection->close({Errc::cancelled, "over"});
  }

 private:
  struct Line final : transport::Handler {
    void on_open(std::shared_ptr<transport::Connection> opened, transport::Peer peer) override {
      const std::lock_guard lock(mutex);
      connection = std::move(opened);
      binding = std::move(peer.binding);
      changed.notify_all();
    }
    void on_message(ByteView frame) override {
      auto messages = codec.decode(frame);
      const std::lock_guard lock(mutex);
      if (messages) std::move(messages->begin(), messages->end(), std::back_inserter(heard));
      changed.notify_all();
    }
    std::optional<Bytes> next_message() override {
      const std::lock_guard lock(mutex);
      if (waiting.empty()) return std::nullopt;
      Bytes frame = std::move(waiting.front());
      waiting.pop_front();
      return frame;
    }
    void on_closed(const Error&) override {
      const std::lock_guard lock(mutex);
      connection.reset();
      over = true;
      changed.notify_all();
    }

    wire::Codec codec{};
    std::mutex mutex{};
    std::condition_variable changed{};
    std::shared_ptr<transport::Connection> connection{};
    Bytes binding{};
    std::deque<Bytes> waiting{};
    std::deque<wire::Message> heard{};
    bool over = false;
  };

  wire::Codec codec_{};
  const std::shared_ptr<Line> line_;
};

}  // namespace edgesync
