// SPDX-License-Identifier: Apache-2.0
// Texts: the values of a text or bytes column while a segment is built. Each distinct value is kept once, in the order
// of its first appearance, so that a state that repeats costs an index. Values that mostly differ are written one after
// another instead.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace edgesync::stream {

class Texts {
 public:
  void add(ByteView value);
  void clear() noexcept;

  std::size_t size() const noexcept { return indices_.size(); }
  /// Whether a dictionary is the smaller form.
  bool repeats() const noexcept;

  /// The dictionary: every distinct value.
  void encode_entries(Bytes& out) const;
  /// The indices of some values, or their lengths and bytes; one block. Requires: at most block_values.
  void encode_indices(std::size_t from, std::size_t count, Bytes& out) const;
  void encode_plain(std::size_t from, std::size_t count, Bytes& out) const;

 private:
  ByteView entry(std::size_t index) const noexcept;
  std::uint32_t find_or_add(ByteView value);
  std::uint32_t append(ByteView value);
  void grow();

  Bytes arena_{};
  std::vector<std::size_t> ends_{};  // of each entry in arena_
  std::vector<std::uint64_t> indices_{};
  std::vector<std::uint32_t> slots_{};  // hash table of entries + 1; a power of two, or empty
  std::size_t plain_bytes_ = 0;         // of all values
};

/// Decoding; views into `in`. False if the input is malformed.
bool decode_entries(Reader& in, std::size_t entries_max, std::vector<ByteView>& entries);
bool decode_indices(Reader& in, std::span<const ByteView> entries, std::span<ByteView> values);
bool decode_plain(Reader& in, std::span<ByteView> values);

}  // namespace edgesync::stream
