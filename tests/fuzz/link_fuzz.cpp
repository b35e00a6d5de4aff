// SPDX-License-Identifier: Apache-2.0
// A link and whatever a peer may say on it: frames in any order, of any bytes, between group commits, ticks and writes
// of our own; on the side of the hub and on that of the node. Before the peer has been let in, nothing happens to the
// store; a scope it has no right to never comes into being; nothing is acknowledged before it is durable; memory stays
// within the limits; and the file is sound at the end.
#include "fuzz/heap_meter.hpp"
#include "fuzz/world.hpp"
#include "sync/engine.hpp"

using namespace edgesync;
using fuzz::holds;

namespace {

constexpr std::size_t heap_max = std::size_t{8} << 20;

sync::Limits small_limits() {
  sync::Limits limits;
  limits.wire.allocation = 1 << 20;
  limits.wire.decoded_bytes = 256 * 1024;
  limits.staged_bytes = limits.subscribed_bytes = limits.unsettled_bytes = 64 * 1024;
  limits.control_waiting = 256;
  limits.channels = 16;
  limits.search_entries_min = 4;
  return limits;
}

Authorizer grants() {
  Authorizer authorizer;
  authorizer.connect = [](const Credentials& credentials) { return credentials.token == "good"; };
  authorizer.scope = [](const Credentials&, Plane, std::string_view scope) {
    if (scope.starts_with("ro")) return Access::read;
    return scope.starts_with("ok") ? Access::read_write : Access::none;
  };
  return authorizer;
}

class Conversation {
 public:
  Conversation(sync::Role role, bool welcome) : role_(role), store_(world_.open().value()) {
    sync::EngineOptions options;
    options.name = "fuzzed";
    options.limits = small_limits();
    options.root = role == sync::Role::hub;
    if (role == sync::Role::hub) options.authorizer = grants();
    engine_.emplace(*store_, world_.random(), std::move(options));
    for (const auto& [plane, name] : {std::pair(Plane::state, "ok/state"),
                                      {Plane::config, "ok/config"},
                                      {Plane::stream, "ok/stream"},
                                      {Plane::state, "secret"}})
      engine_->scope_opened(store_->open_scope(plane, name).value()).value();
    store_
        ->commit(store_->find_scope(Plane::state, "ok/state").value(), Edit().set("k", 1).add("n", 2).ops(),
                 fuzz::at_ms(1))
        .value();
    engine_->flushed(fuzz::flush(*store_));
    scopes_ = store_->scopes().size();
    accepted_ = store_->accepted();
    link_ = engine_->open_link(role, {"good", "peer"}, now());
    if (welcome) greet();
  }

  void run(fuzz::Input& in) {
    for (int steps = 0; in.more() && steps < 200; ++steps) {
      step(in);
      drain();
    }
    engine_->flushed(fuzz::flush(*store_));
    committed_ = true;
    drain();
    engine_->closed(link_, Error(Errc::closed, "the end"), now());
    engine_->tick(now());
    fuzz::is_sound(*store_);
  }

 private:
  Now now() const { return {Instant(std::chrono::milliseconds(ms_)), fuzz::at_ms(ms_)}; }
  bool linked() const { return engine_->links(role_) > 0; }

  void greet() {
    wire::Hello hello;
    hello.replica.bytes[0] = std::byte{7};
    hello.name = "peer";
    hello.token = "good";
    hello.now = fuzz::at_ms(1);
    hello.root = role_ == sync::Role::node;
    receive(codec_.encode(std::vector<wire::Message>{hello}));
    drain();
    holds(linked(), "a good hello is welcome");
  }

  void receive(ByteView frame) {
    engine_->received(link_, frame, now());
    if (linked()) return;
    holds(store_->scopes().size() == scopes_ && store_->accepted() == accepted_, "nothing happens before the hello");
  }

  void step(fuzz::Input& in) {
    committed_ = false;
    switch (in.below(8)) {
      case 0:
        committed_ = true;
        engine_->flushed(fuzz::flush(*store_));
        break;
      case 1:
        ms_ += static_cast<std::int64_t>(in.u16());
        engine_->tick(now());
        break;
      case 2:
        write(in);
        break;
      default:
        receive(in.take(in.u16() % 2048));
    }
    for (const store::Scope& scope : store_->scopes())
      holds(scope.name == "secret" || scope.name.starts_with("ok") || scope.name.starts_with("ro"), "no other scopes");
    engine_->take_events();
    engine_->take_wakes();
  }

  void write(fuzz::Input& in) {
    const store::ScopeId scope = store_->find_scope(Plane::state, in.below(2) == 0 ? "ok/state" : "secret").value();
    Edit edit;
    in.below(3) == 0 ? edit.erase_prefix("k") : edit.set("k/" + std::to_string(in.below(8)), 5);
    store_->commit(scope, edit.ops(), fuzz::at_ms(ms_)).value();
    accepted_ = store_->accepted();
  }

  /// All frames that are ready. Each is one that a peer takes.
  void drain() {
    for (int frames = 0; frames < 1000; ++frames) {
      const auto frame = engine_->next_frame(link_, now());
      if (!frame) return;
      const auto messages = codec_.decode(*frame);
      holds(messages.has_value(), "we send what can be read");
      for (const wire::Message& message : *messages) {
        const bool ack = std::holds_alternative<wire::Ack>(message) || std::holds_alternative<wire::StreamAck>(message);
        holds(!ack || committed_, "an ack follows a group commit");
        const bool greeting =
            std::holds_alternative<wire::Hello>(message) || std::holds_alternative<wire::Bye>(message);
        // A node speaks first, all it has to say at once.
        holds(greeting || linked() || ended() || role_ == sync::Role::node, "nothing is told to a stranger");
      }
    }
    holds(false, "it comes to an end of what it has to say");
  }

  bool ended() const { return engine_->ending(link_).has_value(); }

  sync::Role role_;
  fuzz::World world_;
  std::unique_ptr<store::Store> store_;
  std::optional<sync::Engine> engine_{};
  wire::Codec codec_{};
  sync::LinkId link_ = 0;
  std::int64_t ms_ = 10;
  std::size_t scopes_ = 0;
  store::Ticket accepted_ = 0;
  bool committed_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  const std::uint8_t how = in.u8();
  const fuzz::HeapMeter heap;
  Conversation conversation((how & 1) != 0 ? sync::Role::node : sync::Role::hub, (how & 2) != 0);
  conversation.run(in);
  holds(heap.peak() <= heap_max, "memory stays within the limits");
  return 0;
}
