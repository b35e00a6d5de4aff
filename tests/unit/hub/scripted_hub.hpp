// SPDX-License-Identifier: Apache-2.0
// ScriptedHub: a hub on a loopback that says what a test wants it to say, and nothing else: it answers each message of
// a node as its script does.
#pragma once

#include "transport/transport.hpp"
#include "wire/frame.hpp"

#include <edgesync/edgesync.hpp>

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace edgesync {

class ScriptedHub {
 public:
  using Messages = std::vector<wire::Message>;
  /// What is said after one message of a node.
  using Script = Function<Messages(const wire::Message&)>;

  ScriptedHub(const std::shared_ptr<Loopback>& loopback, Script script) {
    auto shared = std::make_shared<Script>(std::move(script));
    listener_ =
        loopback->listen(transport::host(*runtime_), [shared] { return std::make_shared<Talk>(shared); }).value();
  }

  /// As an honest hub says it: on version 1, as the root.
  static wire::Hello hello() {
    wire::Hello hello;
    hello.replica.bytes.fill(std::byte{0xbb});
    hello.name = "scripted";
    hello.root = true;
    return hello;
  }
  /// Hello and Subscribed, then silence.
  static Messages admit(const wire::Message& said) {
    if (std::holds_alternative<wire::Hello>(said)) return {hello()};
    if (const auto* subscribe = std::get_if<wire::Subscribe>(&said))
      return {wire::Subscribed{subscribe->channel, {}, {}, true}};
    return {};
  }

 private:
  class Talk final : public transport::Handler {
   public:
    explicit Talk(std::shared_ptr<Script> script) : script_(std::move(script)) {}
    void on_open(std::shared_ptr<transport::Connection> connection, transport::Peer) override {
      connection_ = std::move(connection);
    }
    void on_message(ByteView frame) override {
      const auto messages = codec_.decode(frame);
      if (!messages) return;
      for (const wire::Message& message : *messages)
        for (wire::Message& answer : (*script_)(message)) {
          const Messages one{std::move(answer)};
          waiting_.push_back(codec_.encode(one));
        }
      connection_->wake();
    }
    std::optional<Bytes> next_message() override {
      if (waiting_.empty()) return std::nullopt;
      Bytes frame = std::move(waiting_.front());
      waiting_.pop_front();
      return frame;
    }
    void on_closed(const Error&) override { connection_.reset(); }

   private:
    const std::shared_ptr<Script> script_;
    wire::Codec codec_{wire::Limits{}};
    std::shared_ptr<transport::Connection> connection_;
    std::deque<Bytes> waiting_;
  };

  std::shared_ptr<Runtime> runtime_ = make_runtime();
  std::unique_ptr<transport::Listener> listener_;
};

}  // namespace edgesync
