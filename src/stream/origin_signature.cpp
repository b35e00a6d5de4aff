// SPDX-License-Identifier: Apache-2.0
#include "stream/origin_signature.hpp"

#include "stream/segment_layout.hpp"

namespace edgesync::stream {
namespace {

constexpr std::string_view domain = "edgesync/records/v1";
constexpr std::uint8_t signature_magic = 'O', signature_version = 1;
constexpr std::size_t key_bytes = 32, signature_bytes = 64;

bool known(DropReason why) noexcept { return why >= DropReason::quota && why <= DropReason::refused; }

void write(Writer& out, const std::vector<Gap>& gone) {
  out.varint(gone.size());
  for (const Gap& gap : gone) {
    out.varint(gap.first);
    out.varint(gap.last);
    out.u8(static_cast<std::uint8_t>(gap.why));
  }
}

std::vector<Gap> read_gone(Reader& in) {
  std::vector<Gap> gone(in.count(3));
  if (gone.size() > OriginSignature::gone_max) in.fail();
  for (Gap& gap : gone) {
    const bool begins = &gap == &gone.front();
    gap.first = in.varint(), gap.last = in.varint();
    gap.why = static_cast<DropReason>(in.u8());
    const bool follows = begins ? gap.first > 0 : gap.first == (&gap - 1)->last + 1;
    if (!follows || gap.last < gap.first || gap.last >= INT64_MAX || !known(gap.why)) in.fail();
    if (in.failed()) return {};
  }
  return gone;
}

struct Front {
  OriginSignature signature{};
  std::size_t bytes = 0;
};

bool has_front(ByteView body) noexcept { return !body.empty() && body[0] == std::byte{signature_magic}; }

/// Nothing if it is not what was written, or does not belong to what follows.
std::optional<Front> read_front(ByteView body) {
  Reader in(body);
  Front front;
  if (in.u8() != signature_magic || in.u8() != signature_version) return std::nullopt;
  front.signature.key = to_bytes(in.raw(key_bytes));
  front.signature.signature = to_bytes(in.raw(signature_bytes));
  front.signature.gone = read_gone(in);
  const std::size_t covered = body.size() - in.left();
  const std::uint64_t check = in.u64();
  if (in.failed() || check != segment_checksum(body.first(covered))) return std::nullopt;
  front.bytes = body.size() - in.left();
  return front;
}

}  // namespace

std::vector<Gap> gone_before(std::uint64_t first, const std::vector<Gap>& gaps) {
  std::vector<Gap> gone;
  for (const Gap& gap : gaps) {
    if (gap.last >= first) break;
    if (!gone.empty() && gone.back().last + 1 != gap.first) gone.clear();
    if (gone.size() == OriginSignature::gone_max) gone.erase(gone.begin());
    if (known(gap.why)) gone.push_back(gap);
  }
  if (!gone.empty() && gone.back().last + 1 != first) gone.clear();
  return gone;
}

Bytes statement_of(std::string_view stream, const ReplicaId& origin, const std::vector<Gap>& gone, ByteView segment) {
  Bytes statement;
  Writer out(statement);
  out.blob(as_view(domain));
  out.blob(as_view(stream));
  out.id(origin);
  write(out, gone);
  out.raw(sha256(segment));
  return statement;
}

Bytes put_before(ByteView segment, const OriginSignature& signature) {
  Bytes body;
  Writer out(body);
  out.u8(signature_magic);
  out.u8(signature_version);
  out.raw(signature.key);
  out.raw(signature.signature);
  write(out, signature.gone);
  out.u64(segment_checksum(body));
  out.raw(segment);
  return body;
}

std::optional<OriginSignature> signature_of(ByteView body) {
  auto front = has_front(body) ? read_front(body) : std::nullopt;
  if (!front) return std::nullopt;
  const auto info = inspect(body.subspan(front->bytes));
  const bool ends = info && (front->signature.gone.empty() || front->signature.gone.back().last + 1 == info->first);
  return ends ? std::optional(std::move(front->signature)) : std::nullopt;
}

ByteView without_signature(ByteView body) {
  if (!has_front(body)) return body;
  const auto front = read_front(body);
  return front ? body.subspan(front->bytes) : ByteView();
}

}  // namespace edgesync::stream
