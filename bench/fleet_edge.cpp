// SPDX-License-Identifier: Apache-2.0
#include "fleet_edge.hpp"

#include <edgesync/status.hpp>

#include <utility>

namespace edgesync::bench {
namespace {

constexpr wire::Channel channel = 1;
// The hub's certificate is good for these: each has ports of its own, or 28,000 links would be all.
constexpr std::size_t addresses = 4;

ReplicaId replica_of(Random& random) {
  ReplicaId id;
  for (auto& byte : id.bytes) byte = static_cast<std::byte>(random.below(256));
  return id;
}

}  // namespace

/// One at a time is called on the runtime, which all of them share.
class Fleet::Edge : public std::enable_shared_from_this<Edge> {
 public:
  Edge(Fleet& fleet, std::size_t number)
      : fleet_(fleet),
        url_(fleet.url_of(number)),
        name_("edge/" + std::to_string(number)),
        replica_(replica_of(*fleet.random_)),
        backoff_(fleet.options_.backoff_min, fleet.options_.backoff_max) {}

  void dial() {
    transport::ConnectOptions options;
    options.url = url_;
    options.tls.ca_file = fleet_.options_.ca_file;
    subscribed_ = false;
    fleet_.host_.connect(std::move(options), std::make_shared<Line>(shared_from_this())).value();
  }

 private:
  /// One connection of the edge's.
  class Line final : public transport::Handler {
   public:
    explicit Line(std::shared_ptr<Edge> edge) : edge_(std::move(edge)) {}
    void on_open(std::shared_ptr<transport::Connection> connection, transport::Peer) override {
      edge_->connection_ = std::move(connection);
      edge_->greet();
    }
    void on_message(ByteView message) override { edge_->received(message); }
    std::optional<Bytes> next_message() override { return edge_->next(); }
    void on_closed(const Error&) override { edge_->closed(); }

   private:
    const std::shared_ptr<Edge> edge_;
  };

  void say(wire::Message message) {
    const bool idle = outbox_.empty();
    outbox_.push_back(std::move(message));
    if (idle && connection_) connection_->wake();
  }
  void greet() {
    wire::Hello hello;
    hello.capabilities = {"delta", "segment", "search", "proof", "repair"};
    hello.replica = replica_;
    hello.name = name_;
    say(std::move(hello));
    say(wire::Subscribe{channel, Plane::config, "fleet", context_, crdt::Summary::unknown()});
  }
  std::optional<Bytes> next() {
    if (outbox_.empty()) return std::nullopt;
    const std::vector<wire::Message> all(std::make_move_iterator(outbox_.begin()),
                                         std::make_move_iterator(outbox_.end()));
    outbox_.clear();
    return fleet_.codec_.encode(all);
  }
  void received(ByteView frame) {
    auto messages = fleet_.codec_.decode(frame);
    if (!messages) return connection_->close(messages.error());
    for (wire::Message& message : *messages) {
      if (auto* part = std::get_if<wire::DeltaPart>(&message); part != nullptr && part->first)
        upto_ = std::move(part->delta.upto);
      else if (const auto* cut = std::get_if<wire::Cut>(&message))
        keep(cut->cut);
      else if (const auto* ping = std::get_if<wire::Ping>(&message))
        say(wire::Pong{ping->nonce});
      else if (std::holds_alternative<wire::Subscribed>(message))
        linked();
    }
  }
  void linked() {
    subscribed_ = true;
    backoff_.succeeded();
    const std::lock_guard lock(fleet_.mutex_);
    ++fleet_.up_;
    fleet_.linked_.push_back(Clock::now());
    if (std::exchange(first_, false)) --fleet_.dialling_, fleet_.dial_more();
    fleet_.changed_.notify_all();
  }
  void keep(std::uint64_t cut) {
    context_.join(upto_);
    say(wire::Ack{cut});
    const std::lock_guard lock(fleet_.mutex_);
    fleet_.told_.push_back(Clock::now());
    fleet_.changed_.notify_all();
  }
  void closed() {
    connection_.reset();
    outbox_.clear();
    if (fleet_.stopping_) return;
    if (subscribed_) {
      const std::lock_guard lock(fleet_.mutex_);
      --fleet_.up_;
      fleet_.changed_.notify_all();
    }
    if (!timer_)
      timer_ = fleet_.host_.timer([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->dial();
      });
    timer_->arm(fleet_.host_.clock().now().monotonic + backoff_.next(*fleet_.random_, {}));
  }

  Fleet& fleet_;
  const std::string url_, name_;
  const ReplicaId replica_;
  sync::Backoff backoff_;
  crdt::Context context_{}, upto_{};
  std::shared_ptr<transport::Connection> connection_{};
  std::deque<wire::Message> outbox_{};
  std::unique_ptr<transport::Timer> timer_{};
  bool subscribed_ = false, first_ = true;
};

Fleet::Fleet(FleetOptions options)
    : options_(std::move(options)),
      runtime_(make_runtime()),
      host_(transport::host(*runtime_)),
      random_(transport::system_random()) {
  host_.post([this] {
    for (std::size_t i = 0; i < options_.edges; ++i) edges_.push_back(std::make_shared<Edge>(*this, i));
    const std::lock_guard lock(mutex_);
    dial_more();
  });
}

Fleet::~Fleet() {
  host_.post([this] {
    stopping_ = true;
    edges_.clear();  // those that are linked go with their connections
  });
  host_.settle();
  runtime_.reset();
}

void Fleet::dial_more() {
  for (; dialling_ < options_.dials_max && dialled_ < edges_.size(); ++dialling_)
    host_.post([edge = edges_[dialled_++]] { edge->dial(); });
}

std::string Fleet::url_of(std::size_t number) const {
  return "wss://127.0.0." + std::to_string(1 + number % addresses) + ':' + std::to_string(options_.port);
}

bool Fleet::await_linked(std::chrono::seconds patience) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [this] { return up_ == options_.edges; });
}

bool Fleet::await_lost(std::chrono::seconds patience) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [this] { return up_ == 0; });
}

bool Fleet::await_told(std::chrono::seconds patience) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [this] { return told_.size() >= options_.edges; });
}

void Fleet::forget() {
  const std::lock_guard lock(mutex_);
  told_.clear();
  linked_.clear();
}

std::vector<Clock::time_point> Fleet::told() {
  const std::lock_guard lock(mutex_);
  return told_;
}

std::vector<Clock::time_point> Fleet::linked() {
  const std::lock_guard lock(mutex_);
  return linked_;
}

}  // namespace edgesync::bench
