// SPDX-License-Identifier: Apache-2.0
// Compression: the outer shell of a frame, one byte and then the body, raw or as one zstd frame. What a compressed
// frame claims is checked before anything is allocated for it; see PROTOCOL.md, "Frames". The zstd contexts are made
// when first needed and kept.
#pragma once

#include "wire/frame.hpp"

#include <memory>

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace edgesync::wire {

/// A frame's body: a view into the frame, or what it decompressed to.
struct Body {
  ByteView view{};
  std::unique_ptr<std::byte[]> owned{};
};

class Compression {
 public:
  explicit Compression(const Limits& limits) noexcept : limits_(limits) {}
  ~Compression();
  Compression(const Compression&) = delete;
  Compression& operator=(const Compression&) = delete;

  Bytes pack(ByteView body);

  /// Lifetime: the result may point into `frame`.
  Result<Body> unpack(ByteView frame);

 private:
  std::size_t compress(ByteView body, std::span<std::byte> out);
  Result<Body> decompress(ByteView packed);

  Limits limits_;
  ZSTD_CCtx_s* compressor_ = nullptr;
  ZSTD_DCtx_s* decompressor_ = nullptr;
};

}  // namespace edgesync::wire
