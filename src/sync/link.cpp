// SPDX-License-Identifier: Apache-2.0
#include "sync/link.hpp"

#include "base/path.hpp"
#include "base/planted.hpp"
#include "base/text.hpp"

#include <edgesync/version.hpp>

#include <algorithm>

namespace edgesync::sync {
namespace {

constexpr std::size_t message_bytes = 64;   // of a control message, roughly
constexpr std::size_t finding_bytes = 200;  // of a finding of a search: two bounds, or few hashes

/// Roughly what a message adds to a frame; of a delta part what it was cut to.
std::size_t weight(const wire::Message& message, const Limits& limits) {
  if (std::holds_alternative<wire::DeltaPart>(message)) return limits.part_bytes;
  return std::visit(
      [](const auto& held) {
        std::size_t bytes = message_bytes;
        if constexpr (requires { held.context; }) bytes += item_bytes * held.context.items().size();
        if constexpr (requires { held.reached; })
          bytes += item_bytes * (held.base.items().size() + held.floors.items().size() + held.reached.items().size());
        if constexpr (requires { held.scope; }) bytes += held.scope.size();
        if constexpr (requires { held.body; }) bytes += held.body.size();
        if constexpr (requires { held.token; }) bytes += held.token.size() + held.name.size();
        if constexpr (requires { held.findings; }) bytes += finding_bytes * held.findings.size();
        if constexpr (requires { held.ranges; }) bytes += finding_bytes * held.ranges.size();
        return bytes;
      },
      message);
}

std::string said_by_peer(const wire::Bye& bye) { return "the peer said: " + printable(bye.detail); }

}  // namespace

Link::Link(Role role, LinkContext context, std::string token, std::string address, Now now)
    : role_(role),
      context_(std::move(context)),
      token_(std::move(token)),
      address_(std::move(address)),
      refusals_(context_.limits, context_.random),
      inbox_(context_.limits),
      opened_(now.monotonic),
      heard_(now.monotonic),
      said_(now.monotonic) {
  if (role_ == Role::node) say_hello(now);
}

void Link::say_hello(Now now) {
  wire::Hello hello;
  hello.capabilities = {"delta", "segment", "search", "proof", "repair"};
  hello.replica = context_.store.replica();
  hello.name = context_.name;
  hello.token = role_ == Role::node ? token_ : std::string();
  hello.now = context_.clock.known(now) ? context_.clock.time(now) : Timestamp{};
  hello.root = context_.root;
  hello.software = std::string("edgesync/") + library_version();
  send(std::move(hello));
}

void Link::end(Error why, std::chrono::milliseconds retry_after) {
  if (ending_) return;
  wire::Bye bye;
  bye.code = why.code.category() == error_category() ? static_cast<Errc>(why.code.value()) : Errc::closed;
  bye.detail = why.detail.substr(0, detail_bytes_max);
  bye.retry_after = retry_after;
  send(std::move(bye));
  ending_ = std::move(why);
}

void Link::on_bytes(Now now) {
  heard_ = now.monotonic;
  pings_ = 0;
}

void Link::on_frame(ByteView frame, Now now) {
  if (ending_) return;
  on_bytes(now);
  context_.metrics.bytes_received += frame.size();
  if (!linked_ && frame.size() > context_.limits.hello_frame_bytes)
    return end({Errc::limit_exceeded, "a frame of " + std::to_string(frame.size()) + " bytes before hello"});
  auto messages = context_.codec.decode(frame);
  if (!messages) return end(std::move(messages).error());
  for (wire::Message& message : *messages) {
    if (ending_) return;
    handle(std::move(message), now);
    if (control_.size() > context_.limits.control_waiting)
      return control_.clear(), end({Errc::limit_exceeded, "the peer asks and does not read the answers"});
  }
}

void Link::handle(wire::Message&& message, Now now) {
  const bool opens = std::holds_alternative<wire::Hello>(message) || std::holds_alternative<wire::Bye>(message);
  if (!linked_ && !opens) return end({Errc::protocol_violation, "message before hello"});
  std::visit(
      [&](auto& held) {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, wire::Hello>)
          on(std::move(held), now);
        else if constexpr (std::is_same_v<T, wire::Ping>)
          send(wire::Pong{held.nonce});
        else if constexpr (!std::is_same_v<T, wire::Pong>)
          on(std::move(held));
      },
      message);
}

void Link::on(wire::Hello&& hello, Now now) {
  if (linked_) return end({Errc::protocol_violation, "second hello"});
  if (!welcome(hello)) return;
  peer_ = std::move(hello);
  peer_.token.clear();  // a secret is not kept longer than needed
  // Of a round trip, the answer was given about in the middle (Cristian, "Probabilistic clock synchronization", 1989).
  introduced_ = role_ == Role::node ? opened_ + (now.monotonic - opened_) / 2 : now.monotonic;
  if (role_ == Role::hub) say_hello(now);
  linked_ = true;
  signals_.push_back({Signal::Kind::linked, {}, {}, {}});
}

bool Link::welcome(const wire::Hello& hello) {
  if (hello.version_min > wire::protocol_version || hello.version_max < wire::protocol_version) {
    end({Errc::protocol_mismatch, "protocol " + std::to_string(hello.version_min) + " to " +
                                      std::to_string(hello.version_max) + " offered, " +
                                      std::to_string(wire::protocol_version) + " spoken here"});
    return false;
  }
  if (auto good = check_path("name", hello.name); !good) {
    end(std::move(good).error());
    return false;
  }
  if (role_ == Role::node) {
    if (hello.replica == context_.store.replica()) fork(hello.replica, "the hub goes by the same replica id");
    return !ending_;
  }
  const Credentials credentials{hello.token, hello.name, hello.replica, address_};
  if (!context_.authorizer.connect || !context_.authorizer.connect(credentials)) {
    end({Errc::unauthorized, hello.token.empty() ? "no token" : "the token was refused"});
    return false;
  }
  token_ = hello.token;  // the scopes are authorized with it
  return enter(hello);
}

bool Link::enter(const wire::Hello& hello) {
  if (hello.replica == context_.store.replica()) {
    say_hello({heard_, hello.now});  // so that it sees why, and takes another id
    end({Errc::identity_clash, "replica " + to_string(hello.replica) + " is on both ends of the link"});
    return false;
  }
  if (!context_.enter) return true;
  auto entered = context_.enter(hello);
  if (!entered) end(std::move(entered).error(), context_.limits.settle_retry);
  return entered.has_value();
}

void Link::on(wire::Bye&& bye) {
  retry_after_ = std::min(bye.retry_after, context_.limits.retry_after_max);
  ending_ = Error(bye.code, said_by_peer(bye));
  dismissed_ = true;
}

bool Link::peer_can(std::string_view capability) const {
  const auto& known = peer_.capabilities;
  return std::find(known.begin(), known.end(), capability) != known.end();
}

bool Link::served(Now now) const noexcept {
  return linked_ && (acknowledged_ || now.monotonic >= opened_ + context_.heartbeat);
}

void Link::on_flushed(const store::Flushed& flushed) {
  if (ending_) return;
  // The peer keeps what we could not store: it is told to come back, and offers it again.
  if (flushed.error && !unsettled_.empty() && unsettled_.begin()->first <= flushed.through)
    return end(*flushed.error, std::chrono::seconds(5));
  for (const store::Outcome& outcome : flushed.outcomes) {
    auto node = unsettled_.extract(outcome.ticket);
    if (node.empty()) continue;
    unsettled_bytes_ -= node.mapped().bytes;
    if (node.mapped().aside)
      set_aside(node.mapped(), outcome.applied);
    else if (!outcome.error)
      settle(node.mapped(), outcome.applied);
    else if (node.mapped().repair || !refuse(node.mapped(), outcome))
      return end(*outcome.error, std::chrono::seconds(5));
  }
  for (store::ScopeId scope : flushed.advanced)
    if (const auto at = numbers_.find(scope); at != numbers_.end()) mark_dirty(at->second), mend(at->second);
}

std::optional<Bytes> Link::next_frame(Now now) {
  written(now);
  std::vector<wire::Message> messages;
  std::size_t bytes = 0;
  bool hello = false;
  while (bytes < context_.limits.frame_bytes) {
    // Until the peer has read our hello it takes little at a time: what goes along must fit with it.
    const bool little = (!linked_ || hello) && bytes > 0;
    const std::size_t room = context_.limits.hello_frame_bytes / 2;
    if (little && (control_.empty() || bytes + weight(control_.front(), context_.limits) > room)) break;
    auto message = next_message(now);
    if (!message) break;
    hello |= std::holds_alternative<wire::Hello>(*message);
    await_answer(*message);
    bytes += weight(*message, context_.limits);
    messages.push_back(*std::move(message));
  }
  if (messages.empty()) return std::nullopt;
  said_ = now.monotonic;
  Bytes frame = context_.codec.encode(messages);
  context_.metrics.bytes_sent += frame.size();
  return frame;
}

bool Link::may_look() const { return !looks_.empty() && look_on_ == never && !ending_ && !context_.store.writing(); }

std::optional<wire::Message> Link::next_message(Now now) {
  do {
    while (control_.empty() && may_look()) look(now);
    while (control_.empty() && !proofs_.empty() && !ending_ && !context_.store.writing()) prove();
    if (control_.empty() && linked_ && !ending_)
      if (auto message = next_of_lanes()) return message;
  } while (control_.empty() && may_look());  // the lanes may have begun a search
  if (control_.empty()) return std::nullopt;
  wire::Message message = std::move(control_.front());
  control_.pop_front();
  return message;
}

std::optional<wire::Message> Link::next_of_lanes() {
  // A forked history must not be shipped in one scope before it shows in another.
  if (unanswered_ > 0) return std::nullopt;
  if (auto told = next_repair()) return told;
  if (auto part = next_part(Plane::config)) return part;
  // Streams and state take turns, so that neither starves the other.
  segments_turn_ = !segments_turn_;
  if (segments_turn_)
    if (auto segment = next_segment()) return segment;
  if (auto part = next_part(Plane::state)) return part;
  for (const Plane lane : {Plane::config, Plane::state})
    if (auto part = next_chunk(lane)) return part;
  return segments_turn_ ? std::nullopt : next_segment();
}

}  // namespace edgesync::sync
