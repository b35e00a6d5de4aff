// SPDX-License-Identifier: Apache-2.0
// Core: what connections tell it, on the runtime.
#include "node/core.hpp"
#include "node/raw_signer.hpp"

namespace edgesync::node {

Result<sync::Introduction> Core::introduction(sync::Role role, std::string token, transport::Peer peer) {
  sync::Introduction own{std::move(token), std::move(peer.address), {}, {}, {}, {}, {}, {}};
  if (role == sync::Role::hub) {
    own.binding = std::move(peer.binding);
    own.certificate = std::move(peer.certificate);
    own.network = std::move(peer.network);
  } else if (const auto& key = uplink_->options->key) {
    if (peer.binding.empty()) return Error(Errc::insecure, "link: a key is proved over TLS only");
    const auto proof = RawSigner::sign(*key, sync::claim_of(peer.binding, store_->replica(), name_));
    if (!proof) return proof.error();
    own.key = from_hex(key->id()).value_or(Bytes{});
    own.proof = to_bytes(*proof);
    own.sign = [key = *key](ByteView message) {
      const auto signature = RawSigner::sign(key, message);
      return signature ? std::optional(*signature) : std::nullopt;
    };
  }
  return own;
}

sync::LinkId Core::opened(sync::Role role, std::uint64_t attempt, std::string token,
                          std::shared_ptr<transport::Connection> connection, transport::Peer peer) {
  Lock lock(mutex_);
  const auto close = [&](Error why) {
    lock.unlock();
    connection->close(std::move(why));
    return sync::LinkId{0};
  };
  if (closed_ || (role == sync::Role::node && !is_uplink(role, attempt)))
    return close({Errc::cancelled, "the link is no longer wanted"});
  auto own = introduction(role, std::move(token), std::move(peer));
  if (!own) return close(std::move(own).error());
  sync::LinkTuning tuning;
  if (role == sync::Role::node) {
    const LinkOptions& asked = *uplink_->options;
    tuning = {asked.heartbeat, {asked.sync_interval, asked.bandwidth, asked.backfill_share}};
  }
  const sync::LinkId id = engine_->open_link(role, *std::move(own), now(), tuning);
  connections_.emplace(id, std::move(connection));
  stir(lock);
  return id;
}

void Core::authorize_again(const Function<bool(const Credentials&)>& concerned) {
  Lock lock(mutex_);
  if (closed_) return;
  engine_->authorize_again(concerned);
  stir(lock);
}

bool Core::received(sync::LinkId id, ByteView message) {
  Lock lock(mutex_);
  if (closed_) return false;
  engine_->received(id, message, now());
  settled_.notify_all();  // an ack may be what a flush waits for
  stir(lock);
  return engine_->knows_peer(id);
}

std::chrono::milliseconds Core::pause(sync::LinkId id) {
  const Lock lock(mutex_);
  return closed_ ? 0ms : engine_->pause(id, now());
}

void Core::arriving(sync::LinkId id) {
  const Lock lock(mutex_);
  if (!closed_) engine_->arriving(id, now());
}

std::size_t Core::message_bytes_max(sync::LinkId id) {
  const Lock lock(mutex_);
  return closed_ ? 0 : engine_->frame_bytes_max(id);
}

std::optional<Bytes> Core::next_message(sync::LinkId id) {
  Lock lock(mutex_);
  const auto connection = connections_.find(id);
  if (closed_ || connection == connections_.end()) return std::nullopt;
  auto frame = engine_->next_frame(id, now());
  if (engine_->deadline() < armed_) stir(lock);  // what was said, or held back, is waited for
  if (!frame)
    if (auto why = engine_->ending(id)) {
      const auto closing = connection->second;
      lock.unlock();
      closing->close(*std::move(why));
    }
  return frame;
}

void Core::refused(std::string_view peer, const Error& why) {
  Lock lock(mutex_);
  if (closed_) return;
  engine_->report_stranger(peer, why);
  stir(lock);
}

bool Core::closed(sync::LinkId id, sync::Role role, std::uint64_t attempt, const Error& why) {
  Lock lock(mutex_);
  connections_.erase(id);
  if (closed_) return false;
  const Now now = this->now();
  const auto ended = engine_->closed(id, why, now);
  if (is_uplink(role, attempt) && uplink_->attempting) {
    uplink_->attempting = false;
    uplink_->last_error = id != 0 ? engine_->last_error() : why;
    uplink_->hub_said = ended.dismissed;
    if (ended.served) uplink_->backoff.succeeded();
    uplink_->retry = now.monotonic + uplink_->backoff.next(*random_, ended.retry_after);
    if (id == 0) {
      // The attempt never became a link: the engine does not know of it, the application should.
      ++engine_->metrics().links_failed;
      if (why.is(Errc::timed_out)) engine_->watchdog(why);
      engine_->report_unlinked(why);
    }
  }
  settled_.notify_all();  // somebody may wait for the last one to go
  stir(lock);
  return ended.refused;
}

}  // namespace edgesync::node
