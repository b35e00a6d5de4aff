// SPDX-License-Identifier: Apache-2.0
#include "wire/compression.hpp"

#include <zstd.h>

#include <algorithm>

namespace edgesync::wire {
namespace {

constexpr std::byte raw_tag{0}, zstd_tag{1};
constexpr std::size_t raw_below_bytes = 128;
constexpr int level = 3;

Error malformed(const char* what) { return {Errc::protocol_violation, std::string("frame: ") + what}; }
Error exceeded(const char* limit) { return {Errc::limit_exceeded, std::string("frame: ") + limit}; }

// What a zstd frame says of itself (RFC 8878, 3.1.1.1).
struct Header {
  std::uint64_t content = 0, window = 0;
};

std::uint64_t little_endian(ByteView bytes) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) value = value << 8 | std::to_integer<std::uint64_t>(bytes[i - 1]);
  return value;
}

std::uint64_t window_of(std::uint8_t descriptor) noexcept {
  const std::uint64_t base = std::uint64_t{1} << (10 + (descriptor >> 3));
  return base + base / 8 * (descriptor & 7);
}

// Read here because zstd's own header reader is not part of its stable interface.
Result<Header> read_header(ByteView packed) {
  constexpr std::uint64_t magic = 0xFD2FB528;
  Reader in(packed);
  if (little_endian(in.raw(4)) != magic || in.failed()) return malformed("not a zstd frame");
  const unsigned descriptor = in.u8();
  const bool single_segment = (descriptor & 0x20) != 0;
  if ((descriptor & 0x08) != 0) return malformed("zstd: reserved bit");
  if ((descriptor & 0x03) != 0) return malformed("zstd: dictionary");
  if ((descriptor >> 6) == 0 && !single_segment) return malformed("zstd: no content size");
  Header header;
  if (!single_segment) header.window = window_of(in.u8());
  const std::size_t size_bytes = std::size_t{1} << (descriptor >> 6);
  header.content = little_endian(in.raw(size_bytes)) + (size_bytes == 2 ? 256 : 0);
  if (single_segment) header.window = header.content;
  if (in.failed()) return malformed("zstd: header ends early");
  return header;
}

std::uint64_t content_max(std::uint64_t packed_bytes, const Limits& limits) noexcept {
  return std::min<std::uint64_t>(limits.decoded_bytes, limits.ratio_free_bytes + packed_bytes * limits.ratio);
}

Result<Header> checked_header(ByteView packed, const Limits& limits) {
  auto header = read_header(packed);
  if (!header) return header;
  if (header->content > limits.decoded_bytes) return exceeded("decompressed size");
  if (header->content > content_max(packed.size(), limits)) return exceeded("compression ratio");
  if (header->window > std::uint64_t{1} << limits.window_log) return exceeded("zstd window");
  if (ZSTD_findFrameCompressedSize(packed.data(), packed.size()) != packed.size())
    return malformed("zstd: not exactly one whole frame");
  return header;
}

}  // namespace

Compression::~Compression() {
  ZSTD_freeCCtx(compressor_);
  ZSTD_freeDCtx(decompressor_);
}

std::size_t Compression::compress(ByteView body, std::span<std::byte> out) {
  if (compressor_ == nullptr) {
    compressor_ = ZSTD_createCCtx();
    if (compressor_ == nullptr) return 0;
    ZSTD_CCtx_setParameter(compressor_, ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(compressor_, ZSTD_c_windowLog, static_cast<int>(limits_.window_log));
  }
  // Out of room is no failure here: then it does not pay.
  const std::size_t size = ZSTD_compress2(compressor_, out.data(), out.size(), body.data(), body.size());
  return ZSTD_isError(size) ? 0 : size;
}

Bytes Compression::pack(ByteView body) {
  Bytes frame;
  if (body.size() >= raw_below_bytes) {
    frame.resize(1 + body.size() - body.size() / 10);
    frame[0] = zstd_tag;
    const std::size_t size = compress(body, std::span(frame).subspan(1));
    const bool fits = size > 0 && body.size() <= content_max(size, limits_);
    // Past the ratio limit the peer would refuse it, and a body that long but within the frame limit can go raw.
    if (fits || (size > 0 && body.size() >= limits_.frame_bytes)) return frame.resize(1 + size), frame;
    frame.clear();
  }
  frame.reserve(1 + body.size());
  frame.push_back(raw_tag);
  frame.insert(frame.end(), body.begin(), body.end());
  return frame;
}

Result<Body> Compression::unpack(ByteView frame) {
  if (frame.empty()) return malformed("empty");
  if (frame.size() > limits_.frame_bytes) return exceeded("size");
  if (frame[0] == zstd_tag) return decompress(frame.subspan(1));
  if (frame[0] != raw_tag) return malformed("unknown first byte");
  if (frame.size() - 1 > limits_.decoded_bytes) return exceeded("decompressed size");
  return Body{frame.subspan(1), {}};
}

Result<Body> Compression::decompress(ByteView packed) {
  const auto header = checked_header(packed, limits_);
  if (!header) return header.error();
  if (decompressor_ == nullptr) {
    decompressor_ = ZSTD_createDCtx();
    if (decompressor_ == nullptr) return exceeded("memory for decompression");
    ZSTD_DCtx_setParameter(decompressor_, ZSTD_d_windowLogMax, static_cast<int>(limits_.window_log));
  }
  const auto size = static_cast<std::size_t>(header->content);
  Body body;
  body.owned = std::make_unique_for_overwrite<std::byte[]>(size);
  body.view = {body.owned.get(), size};
  // The output cannot pass what the header claims: zstd stops at the end of the buffer, and checks the claim.
  const std::size_t got = ZSTD_decompressDCtx(decompressor_, body.owned.get(), size, packed.data(), packed.size());
  if (ZSTD_isError(got) || got != size) return malformed("zstd: corrupt");
  return body;
}

}  // namespace edgesync::wire
