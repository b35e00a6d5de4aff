// SPDX-License-Identifier: Apache-2.0
// Frames: one WebSocket message each, holding one or more protocol messages, compressed if that pays. The decoder is
// the one door for bytes from outside: hostile input costs at most the limits below and ends in a typed error.
#pragma once

#include "wire/message.hpp"

#include <memory>
#include <span>

namespace edgesync::wire {

/// Bounds on what a peer can make us hold. Defaults and hard maxima: PROTOCOL.md, "Limits".
struct Limits {
  std::size_t frame_bytes = 1 << 20;    ///< On the wire.
  std::size_t decoded_bytes = 4 << 20;  ///< After decompression.
  std::size_t ratio = 100;              ///< Decompressed : compressed, beyond the first 64 KiB.
  std::size_t ratio_free_bytes = 64 * 1024;
  unsigned window_log = 20;                       ///< zstd window, 2^n bytes; we send with the same.
  std::size_t depth = 16;                         ///< msgpack nesting.
  std::size_t elements = 65'536;                  ///< Per container.
  std::size_t values = 262'144;                   ///< Per frame.
  std::size_t allocation = 16 << 20;              ///< Total decoded into memory, per frame.
  std::size_t text_bytes = 4096;                  ///< Names, tokens, details.
  std::size_t key_bytes = 4096;                   ///< Keys of cells, bounds of ranges.
  std::size_t origins = crdt::context_items_max;  ///< Entries of one context.
};

/// Encodes and decodes frames. Keeps compression state between calls, so one Codec serves all links of a node.
/// Thread safety: none.
class Codec {
 public:
  explicit Codec(const Limits& limits = {});
  ~Codec();
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  /// One frame. Requires: the messages fit the peer's limits (see split()).
  Bytes encode(std::span<const Message> messages);

  /// The messages of a frame in order; unknown kinds are skipped and trailing fields of known kinds ignored. Fails
  /// with: protocol_violation (form) or limit_exceeded (a bound), `detail` naming which and where.
  Result<std::vector<Message>> decode(ByteView frame);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The parts of one scope's delta, each of about `part_bytes` at most; a single larger entry makes a larger part. A key
/// whose entries do not fit one part goes on in the next.
std::vector<DeltaPart> split(std::uint64_t cut, Channel channel, crdt::Delta&& delta, std::size_t part_bytes);

/// Appends a later part of the same scope, which may go on with the last key. Fails with: protocol_violation if keys,
/// or the entries of that key, do not ascend across parts.
Result<void> join(crdt::Delta& whole, DeltaPart&& part);

}  // namespace edgesync::wire
