// SPDX-License-Identifier: Apache-2.0
// Messages: what two nodes say to each other, as plain structs. PROTOCOL.md is the specification; frame.hpp turns a
// frame of bytes into messages and back. Everything here has been bounded and checked for form by the decoder, and is
// checked for sense where it is used.
#pragma once

#include "crdt/delta.hpp"

#include <edgesync/error.hpp>
#include <edgesync/records.hpp>
#include <edgesync/value.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace edgesync::wire {

inline constexpr std::uint32_t protocol_version = 1;

/// A scope's number on one link, chosen by the node that subscribes.
using Channel = std::uint32_t;

/// First message of either side. The node's carries the token; the hub's answers it.
struct Hello {
  std::uint32_t version_min = protocol_version, version_max = protocol_version;
  std::vector<std::string> capabilities{};
  ReplicaId replica{};
  std::string name{};
  std::string token{};
  Timestamp now{};
  bool root = false;  ///< What is durable here is stable.
  std::string software{};
  Bytes key{};    ///< Node: an Ed25519 public key, 32 bytes, or none.
  Bytes proof{};  ///< Node: its signature of sync::claim_of() this connection, 64 bytes.
  bool operator==(const Hello&) const = default;
};

/// Node to hub: replicate this scope on `channel`; this is what I have.
struct Subscribe {
  Channel channel = 0;
  Plane plane{};
  std::string scope{};
  crdt::Context context{};
  crdt::Summary summary{};
  Bytes holds{};  ///< Config: the id of the latest content kept here, 32 bytes, or none.
  bool operator==(const Subscribe&) const = default;
};

/// How many records of one origin never came, by reason.
struct Missing {
  ReplicaId origin{};
  Drops drops{};
  bool operator==(const Missing&) const = default;
};

/// Hub to node: admitted; this is what I have.
struct Subscribed {
  Channel channel = 0;
  crdt::Context context{};
  crdt::Summary summary{};
  bool writable = true;
  std::vector<Missing> missing{};  ///< Streams: of origins in `context`, what was reported as dropped.
  Bytes holds{};                   ///< As in a Subscribe.
  bool operator==(const Subscribed&) const = default;
};

/// Hub to node: not admitted, or no longer.
struct Unsubscribed {
  Channel channel = 0;
  Errc code{};
  std::string detail{};
  bool operator==(const Unsubscribed&) const = default;
};

/// One part of one scope's delta in a cut. The first part of a scope carries base, upto, complete and summary; the
/// parts of one scope concatenate in the order sent.
struct DeltaPart {
  std::uint64_t cut = 0;
  Channel channel = 0;
  bool first = false;
  crdt::Delta delta{};
  std::shared_ptr<const Bytes> packed{};  ///< To be sent: if set, this is pack() of what `delta` was.
  bool operator==(const DeltaPart&) const = default;
};

/// An entry with its key takes less.
inline constexpr std::size_t patched_bytes_max = std::size_t{1} << 20;

/// Config, after the first part of its scope in a cut: what another part would hold, as a patch (patch.hpp) on a
/// content that the receiver has said to have, or has acknowledged.
struct PatchedPart {
  std::uint64_t cut = 0;
  Channel channel = 0;
  Bytes base{};             ///< The id of that content.
  std::uint32_t bytes = 0;  ///< Of the body that it comes to; at most patched_bytes_max.
  Bytes patch{};
  bool operator==(const PatchedPart&) const = default;
};

/// All parts of `cut` have been sent, and they are no cut but a chunk (crdt/chunk.hpp) of what one scope of a later cut
/// will hold: keep it durably, aside. The Ack says that it is kept.
struct Chunk {
  std::uint64_t cut = 0;
  Channel channel = 0;
  bool begin = false;              ///< The first one: what was kept of the channel before goes.
  crdt::Context base{}, floors{};  ///< In the first one: the receiver's context, and the sender's floors.
  crdt::Context reached{};         ///< What is told with this chunk.
  bool operator==(const Chunk&) const = default;
};

/// Of this channel, `cut` holds all that is kept aside.
struct Staged {
  std::uint64_t cut = 0;
  Channel channel = 0;
  bool operator==(const Staged&) const = default;
};

/// Of this channel, so much is kept aside here of what replica `from` told, the last of it as of its context `upto`: it
/// may go on from there. After a Subscribe, and before a Subscribed.
struct Resume {
  Channel channel = 0;
  ReplicaId from{};
  crdt::Context base{}, floors{}, reached{}, upto{};
  bool operator==(const Resume&) const = default;
};

/// All parts of `cut` have been sent: apply them in one transaction.
struct Cut {
  std::uint64_t cut = 0;
  std::uint32_t scopes = 0;  ///< How many scopes it holds, staged ones included.
  bool operator==(const Cut&) const = default;
};

/// `cut` is durable here.
struct Ack {
  std::uint64_t cut = 0;
  bool operator==(const Ack&) const = default;
};

/// `cut` was not applied because a base was not covered; this is what I have of `channel`.
struct Resync {
  std::uint64_t cut = 0;
  Channel channel = 0;
  crdt::Context context{};
  bool operator==(const Resync&) const = default;
};

/// `cut` (0: a segment) was not applied and never will be as it is, because of what it brings to `channel` alone.
struct Refused {
  std::uint64_t cut = 0;
  Channel channel = 0;
  Errc code{};
  std::string detail{};
  ReplicaId origin{};      ///< A segment's.
  std::uint64_t last = 0;  ///< Its last sequence.
  bool operator==(const Refused&) const = default;
};

/// What is stable (durable at the root) of a scope. Sent by relays; a root hub's acks say it already.
struct Stable {
  Channel channel = 0;
  crdt::Context context{};
  bool operator==(const Stable&) const = default;
};

/// A run of records, verbatim as the origin encoded it.
struct Segment {
  Channel channel = 0;
  ReplicaId origin{};
  std::uint64_t first = 0;
  std::uint32_t count = 0;
  Bytes body{};
  bool operator==(const Segment&) const = default;
};

/// Records that exist no more, or never did: in place of a segment.
struct Dropped {
  Channel channel = 0;
  ReplicaId origin{};
  std::uint64_t first = 0, last = 0;  ///< Both included.
  DropReason why{};
  bool operator==(const Dropped&) const = default;
};

/// Records through this sequence are durable at the root, but for so many that were reported as dropped, and no more
/// here: what a node says to a relay that never had them.
struct Trimmed {
  Channel channel = 0;
  ReplicaId origin{};
  std::uint64_t through = 0;
  Drops missing{};
  bool operator==(const Trimmed&) const = default;
};

/// Records of `origin` through this sequence are durable here, but for so many that were reported as dropped.
struct StreamAck {
  Channel channel = 0;
  ReplicaId origin{};
  std::uint64_t through = 0;
  Drops missing{};
  bool operator==(const StreamAck&) const = default;
};

/// What the sender's side of a search (crdt/search.hpp) tells: at first of everything, then of the ranges that an
/// Inspect asked about. The next delta of the channel belongs to the search.
struct Findings {
  Channel channel = 0;
  std::uint64_t search = 0;  ///< The sender's number for it. A new one takes the place of the one before.
  crdt::Context common{};    ///< In the first message of a search: what is compared.
  std::vector<crdt::Finding> findings{};
  bool operator==(const Findings&) const = default;
};

/// What the receiver's side wants to know next; no ranges: it has found all it lacks.
struct Inspect {
  Channel channel = 0;
  std::uint64_t search = 0;
  std::vector<crdt::KeyRange> ranges{};
  bool operator==(const Inspect&) const = default;
};

/// Node to hub: prove that the records of mine that you hold through `sequence` are the ones that I hold.
struct Prove {
  Channel channel = 0;
  std::uint64_t sequence = 0;
  bool operator==(const Prove&) const = default;
};

/// Hub to node: the hash of the segment of yours that ends at `sequence`; empty: I have none that does.
struct Proof {
  Channel channel = 0;
  std::uint64_t sequence = 0;
  Bytes hash{};
  bool operator==(const Proof&) const = default;
};

/// Rows of `channel` were lost here, with keys in these ranges: tell what you hold there.
struct Lost {
  Channel channel = 0;
  std::vector<crdt::KeyRange> ranges{};
  bool operator==(const Lost&) const = default;
};

/// The answer (crdt/repair.hpp): all parts of `cut` have been sent, and they are no cut but all keys in these ranges,
/// as of their `upto`. No ranges: there are no parts, and nothing can be told now.
struct Repair {
  std::uint64_t cut = 0;
  Channel channel = 0;
  std::vector<crdt::KeyRange> ranges{};
  bool operator==(const Repair&) const = default;
};

struct Ping {
  std::uint64_t nonce = 0;
  bool operator==(const Ping&) const = default;
};

struct Pong {
  std::uint64_t nonce = 0;
  bool operator==(const Pong&) const = default;
};

/// The last message of a side that ends the link in words. `retry_after` 0: as the receiver sees fit.
struct Bye {
  Errc code{};
  std::string detail{};
  std::chrono::milliseconds retry_after{};
  bool operator==(const Bye&) const = default;
};

using Message = std::variant<Hello, Subscribe, Subscribed, Unsubscribed, DeltaPart, Cut, Ack, Resync, Stable, Segment,
                             StreamAck, Ping, Pong, Bye, Findings, Inspect, Prove, Proof, Chunk, Staged, Resume, Lost,
                             Repair, Refused, Dropped, Trimmed, PatchedPart>;

}  // namespace edgesync::wire
