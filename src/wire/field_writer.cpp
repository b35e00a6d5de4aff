// SPDX-License-Identifier: Apache-2.0
#include "stream/drops.hpp"
#include "wire/fields.hpp"
#include "wire/packed_delta.hpp"

#include <msgpack/pack.hpp>

#include <algorithm>
#include <limits>

namespace edgesync::wire {
namespace {

// What msgpack's packer writes to.
struct Sink {
  Bytes& out;
  void write(const char* data, std::size_t size) {
    const ByteView bytes = as_view(std::string_view(data, size));
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
};

template <class Use>
void with_packer(Bytes& out, Use use) {
  Sink sink{out};
  msgpack::packer<Sink> packer(sink);
  use(packer);
}

}  // namespace

void FieldWriter::array(std::size_t count) {
  with_packer(out_, [&](auto& packer) { packer.pack_array(static_cast<std::uint32_t>(count)); });
}

void FieldWriter::put(bool value) {
  with_packer(out_, [&](auto& packer) { value ? packer.pack_true() : packer.pack_false(); });
}

void FieldWriter::put(std::uint64_t value) {
  with_packer(out_, [&](auto& packer) { packer.pack_uint64(value); });
}

void FieldWriter::put(Timestamp value) {
  with_packer(out_, [&](auto& packer) { packer.pack_int64(value.time_since_epoch().count()); });
}

void FieldWriter::put(std::chrono::milliseconds value) {
  constexpr std::int64_t max = std::numeric_limits<std::uint32_t>::max();
  put(static_cast<std::uint64_t>(std::clamp<std::int64_t>(value.count(), 0, max)));
}

void FieldWriter::put(const std::string& value) {
  with_packer(out_, [&](auto& packer) {
    packer.pack_str(static_cast<std::uint32_t>(value.size()));
    packer.pack_str_body(value.data(), static_cast<std::uint32_t>(value.size()));
  });
}

void FieldWriter::put(const std::vector<std::string>& value) {
  array(value.size());
  for (const std::string& text : value) put(text);
}

void FieldWriter::put(ByteView value) {
  with_packer(out_, [&](auto& packer) {
    packer.pack_bin(static_cast<std::uint32_t>(value.size()));
    packer.pack_bin_body(as_text(value).data(), static_cast<std::uint32_t>(value.size()));
  });
}

void FieldWriter::put(const crdt::Context& value) {
  Bytes bytes;
  Writer out(bytes);
  value.encode(out);
  put(ByteView(bytes));
}

void FieldWriter::put(const crdt::Summary& value) {
  Bytes bytes;
  Writer out(bytes);
  write_summary(out, value);
  put(ByteView(bytes));
}

void FieldWriter::put(const Drops& value) {
  Bytes bytes;
  Writer out(bytes);
  if (value.total() > 0) stream::write_drops(out, value);
  put(ByteView(bytes));
}

void FieldWriter::put(const std::vector<Missing>& value) {
  Bytes bytes;
  Writer out(bytes);
  for (const Missing& missing : value) {
    out.id(missing.origin);
    stream::write_drops(out, missing.drops);
  }
  put(ByteView(bytes));
}

void FieldWriter::put(const DeltaPart& value) { put(value.packed ? ByteView(*value.packed) : ByteView(pack(value))); }

}  // namespace edgesync::wire
