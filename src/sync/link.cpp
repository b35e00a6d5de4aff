// SPDX-License-Identifier: Apache-2.0
#include "sync/link.hpp"

#include "base/path.hpp"
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
        if constexpr (requires { held.patch; }) bytes += held.patch.size();
        if constexpr (requires { held.token; }) bytes += held.token.size() + held.name.size();
        if constexpr (requires { held.findings; }) bytes += finding_bytes * held.findings.size();
        if constexpr (requires { held.ranges; }) bytes += finding_bytes * held.ranges.size();
        return bytes;
      },
      message);
}

/// The part that understands a message takes it.
template <class Message, class Part, class... Parts>
void give(Message&& message, Part& part, Parts&... others) {
  if constexpr (requires { part.on(std::forward<Message>(message)); })
    part.on(std::forward<Message>(message));
  else
    give(std::forward<Message>(message), others...);
}

std::string said_by_peer(const wire::Bye& bye) { return "the peer said: " + printable(bye.detail); }

}  // namespace

Link::Link(Role role, LinkContext context, Introduction introduction, Now now)
    : talk_(role, std::move(context)),
      pace_(talk_.pacing),
      audit_(talk_),
      searches_(talk_),
      cuts_(talk_, audit_, searches_),
      records_(talk_),
      receiver_(talk_, audit_, searches_),
      repairs_(talk_, cuts_, receiver_),
      heartbeat_(talk_.heartbeat, talk_.limits.heartbeats_lost, now.monotonic),
      introduction_(std::move(introduction)),
      opened_(now.monotonic) {
  talk_.heard = now.monotonic;
  talk_.key = introduction_.key;
  talk_.sign = std::move(introduction_.sign);
  if (role == Role::node) say_hello(now);
}

void Link::handle(wire::Message&& message, Now now) {
  const bool opens = std::holds_alternative<wire::Hello>(message) || std::holds_alternative<wire::Bye>(message);
  if (!linked_ && !opens) return end({Errc::protocol_violation, "message before hello"});
  std::visit(
      [&]<class Held>(Held& held) {
        if constexpr (std::is_same_v<Held, wire::Hello>)
          on(std::move(held), now);
        else if constexpr (requires { this->on(std::move(held)); })
          this->on(std::move(held));
        else
          give(std::move(held), audit_, searches_, cuts_, records_, receiver_, repairs_);
      },
      message);
}

void Link::say_hello(Now now) {
  wire::Hello hello;
  hello.capabilities = {"delta", "segment", "search", "proof", "repair", "patch", "origin"};
  hello.replica = talk_.store.replica();
  hello.name = talk_.name;
  hello.now = talk_.clock.known(now) ? talk_.clock.time(now) : Timestamp{};
  hello.root = talk_.stable_here;
  hello.software = std::string("edgesync/") + library_version();
  if (talk_.role == Role::node) {
    hello.token = introduction_.token;
    hello.key = introduction_.key;
    hello.proof = introduction_.proof;
  }
  talk_.send(std::move(hello));
}

void Link::on_bytes(Now now) {
  talk_.heard = now.monotonic;
  heartbeat_.heard(now.monotonic);
}

std::chrono::milliseconds Link::pause(Now now) const noexcept {
  if (talk_.role == Role::node) return {};
  const Instant at = std::max(frames_.within_at(talk_.limits.frames), bytes_.within_at(talk_.limits.bytes));
  const auto owed = at > now.monotonic ? std::chrono::ceil<std::chrono::milliseconds>(at - now.monotonic)
                                       : std::chrono::milliseconds(0);
  // The disk catches up by itself. What is not whole yet does not: there, reading on is the way out.
  return talk_.settling.spent() ? std::max(owed, talk_.limits.congested) : owed;
}

void Link::on_frame(ByteView frame, Now now) {
  if (talk_.ending) return;
  on_bytes(now);
  talk_.metrics.bytes_received += frame.size();
  frames_.add(1, talk_.limits.frames, now.monotonic);
  bytes_.add(static_cast<double>(frame.size()), talk_.limits.bytes, now.monotonic);
  if (!linked_ && frame.size() > talk_.limits.hello_frame_bytes)
    return end({Errc::limit_exceeded, "a frame of " + std::to_string(frame.size()) + " bytes before hello"});
  auto messages = talk_.codec.decode(frame);
  if (!messages) return end(std::move(messages).error());
  for (wire::Message& message : *messages) {
    if (talk_.ending) return;
    handle(std::move(message), now);
    if (talk_.control.size() > talk_.limits.control_waiting)
      return talk_.control.clear(), end({Errc::limit_exceeded, "the peer asks and does not read the answers"});
  }
}

void Link::on(wire::Hello&& hello, Now now) {
  if (linked_) return end({Errc::protocol_violation, "second hello"});
  if (!welcome(hello)) return;
  talk_.peer = std::move(hello);
  talk_.peer.token.clear();  // a secret is not kept longer than needed
  // Of a round trip, the answer was given about in the middle (Cristian, "Probabilistic clock synchronization", 1989).
  introduced_ = talk_.role == Role::node ? opened_ + (now.monotonic - opened_) / 2 : now.monotonic;
  if (talk_.role == Role::hub) say_hello(now);
  linked_ = true;
  talk_.signal(Signal::Kind::linked, {});
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
  if (talk_.role == Role::node) {
    if (hello.replica == talk_.store.replica()) audit_.fork(hello.replica, "the hub goes by the same replica id");
    return !talk_.ending;
  }
  credentials_ = {hello.token, hello.name, hello.replica, introduction_.address, {}, introduction_.certificate};
  auto key = proved_key(hello, introduction_.binding, talk_.verifier);
  if (!key) {
    end(std::move(key).error());
    return false;
  }
  credentials_.key = *std::move(key);
  return authorize(hello) && enter(hello);
}

bool Link::authorize(const wire::Hello& hello) {
  const std::string who = introduction_.network + ' ' + hello.name;
  auto wait = talk_.lockout.left(who, talk_.heard);
  if (wait > std::chrono::milliseconds(0)) credentials_.token.clear();  // a key alone may do: nobody can guess one
  if (talk_.authorizer.connect && talk_.authorizer.connect(credentials_)) return true;
  if (wait == std::chrono::milliseconds(0)) wait = talk_.lockout.refused(who, talk_.heard);
  // Nobody learns here which keys, tokens and names there are.
  end({Errc::unauthorized, !hello.key.empty()     ? "the key was refused"
                           : !hello.token.empty() ? "the token was refused"
                                                  : "no token"},
      wait);
  return false;
}

bool Link::enter(const wire::Hello& hello) {
  if (hello.replica == talk_.store.replica()) {
    say_hello({talk_.heard, hello.now});  // so that it sees why, and takes another id
    end({Errc::identity_clash, "replica " + to_string(hello.replica) + " is on both ends of the link"});
    return false;
  }
  if (!talk_.enter) return true;
  auto entered = talk_.enter(credentials_);
  if (!entered) end(std::move(entered).error(), talk_.limits.settle_retry);
  return entered.has_value();
}

void Link::on(wire::Bye&& bye) {
  retry_after_ = std::min(bye.retry_after, talk_.limits.retry_after_max);
  talk_.ending = Error(bye.code, said_by_peer(bye));
  dismissed_ = true;
}

bool Link::served(Now now) const noexcept {
  return linked_ && (talk_.served || now.monotonic >= opened_ + heartbeat_.every());
}

std::optional<Bytes> Link::next_frame(Now now) {
  cuts_.written(now);
  talk_.awaits.written(now.monotonic + talk_.limits.ack);
  std::vector<wire::Message> messages;
  std::size_t bytes = 0;
  bool hello = false;
  pace_.hold(false);
  const std::size_t most = pace_.frame_bytes(talk_.limits.frame_bytes);
  while (bytes < most) {
    // Until the peer has read our hello it takes little at a time: what goes along must fit with it.
    const bool little = (!linked_ || hello) && bytes > 0;
    const std::size_t room = talk_.limits.hello_frame_bytes / 2;
    if (little && (talk_.control.empty() || bytes + weight(talk_.control.front(), talk_.limits) > room)) break;
    auto message = next_message(now);
    if (!message) break;
    hello |= std::holds_alternative<wire::Hello>(*message);
    talk_.awaits.sent(*message);
    bytes += weight(*message, talk_.limits);
    messages.push_back(*std::move(message));
  }
  if (messages.empty()) return std::nullopt;
  heartbeat_.said(now.monotonic);
  Bytes frame = talk_.codec.encode(messages);
  talk_.metrics.bytes_sent += frame.size();
  pace_.sent(frame.size(), now.monotonic);
  return frame;
}

store::Ticket Link::waits_from() const noexcept {
  return std::min({receiver_.waits_from(), repairs_.waits_from(), records_.waits_from()});
}

void Link::on_settled(const Settled& settled, store::Ticket through, const std::optional<Error>& error) {
  if (talk_.ending) return;
  // The peer keeps what we could not store: it is told to come back, and offers it again.
  if (error && waits_from() <= through) return talk_.end_for_now(*error);
  for (const store::Outcome* outcome : settled.outcomes) {
    receiver_.on_flushed(*outcome);
    repairs_.on_flushed(*outcome);
    records_.on_flushed(*outcome);
    if (talk_.ending) return;
  }
  for (store::ScopeId scope : settled.advanced)
    if (const auto at = talk_.numbers.find(scope); at != talk_.numbers.end())
      talk_.mark_dirty(at->second), repairs_.ask(at->second);
}

void Link::on_timer(Now now) {
  if (talk_.ending) return;
  if (now.monotonic >= pace_.deadline()) pace_.hold(false);  // whoever writes asks for the next frame when it can
  if (!linked_) {
    if (now.monotonic >= opened_ + talk_.limits.hello) end({Errc::timed_out, "waiting for hello"});
    return;
  }
  if (const auto late = cuts_.overdue(now.monotonic)) return end({Errc::timed_out, "waiting for " + *late});
  if (const auto late = talk_.awaits.overdue(now.monotonic))
    return end({Errc::timed_out, "waiting for " + late->first + talk_.described(late->second)});
  for (const wire::Channel number : talk_.refusals.take_due(now.monotonic)) talk_.mark_dirty(number);
  cuts_.on_timer(now);
  searches_.on_timer(now);
  repairs_.on_timer(now);
  if (now.monotonic < heartbeat_.due()) return;
  if (!heartbeat_.ping(now.monotonic)) return end({Errc::timed_out, "the peer went silent"});
  talk_.send(wire::Ping{talk_.random.next()});
}

Instant Link::deadline() const noexcept {
  if (talk_.ending) return never;
  if (!linked_) return opened_ + talk_.limits.hello;
  return std::min({heartbeat_.due(), cuts_.deadline(), talk_.awaits.deadline(), talk_.refusals.deadline(),
                   searches_.deadline(), repairs_.deadline(), pace_.deadline()});
}

std::optional<wire::Message> Link::next_message(Now now) {
  auto& control = talk_.control;
  do {
    while (control.empty() && searches_.may_look()) searches_.look(now);
    while (control.empty() && audit_.has_work() && !talk_.ending && !talk_.store.writing()) audit_.work();
    if (control.empty() && linked_ && !talk_.ending)
      if (auto message = next_of_lanes(now.monotonic)) return message;
  } while (control.empty() && searches_.may_look());  // the lanes may have begun a search
  if (control.empty()) return std::nullopt;
  wire::Message message = std::move(control.front());
  control.pop_front();
  return message;
}

/// At the pace that was asked for.
std::optional<wire::Message> Link::next_of_lanes(Instant now) {
  // A forked history must not be shipped in one scope before it shows in another.
  if (unanswered_ > 0) return std::nullopt;
  if (auto told = repairs_.next()) return told;
  const bool open = pace_.open(now);
  pace_.hold(!open || !pace_.free(now));
  if (!pace_.free(now)) return std::nullopt;
  if (!open) return records_.next(true);
  auto data = next_data();
  if (data)
    pace_.begin_round(now);
  else if (!talk_.store.writing() && !goes_on())
    pace_.end_round();
  return data;
}

/// Whether some of what a round is about waits for the peer. What is written meanwhile is for the next one: acks alone
/// hold none open, or somebody who writes all the time would never find it over.
bool Link::goes_on() const {
  const auto hurried = [this](Plane lane) {
    const Outgoing* cut = cuts_.in_flight(lane);
    return cut != nullptr && cut->id < hurried_;
  };
  return records_.held() || cuts_.transferring() || searches_.any() || talk_.awaits.answers() ||
         hurried(Plane::config) || hurried(Plane::state);
}

/// What was written while a cut is in flight can only go once that is acknowledged.
void Link::hurry() noexcept {
  pace_.hurry();
  hurried_ = talk_.next_cut;
}

std::optional<wire::Message> Link::next_data() {
  if (auto part = cuts_.next_part(Plane::config)) return part;
  // Streams and state take turns, so that neither starves the other.
  records_turn_ = !records_turn_;
  if (records_turn_)
    if (auto segment = records_.next(false)) return segment;
  if (auto part = cuts_.next_part(Plane::state)) return part;
  for (const Plane lane : {Plane::config, Plane::state})
    if (auto part = cuts_.next_chunk(lane)) return part;
  return records_turn_ ? std::nullopt : records_.next(false);
}

}  // namespace edgesync::sync
