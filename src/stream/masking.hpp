// SPDX-License-Identifier: Apache-2.0
// Masking: a record as it may leave. What is dropped is not in the schema of what leaves, so that no encoder can be
// given it.
#pragma once

#include "stream/schema.hpp"

#include <edgesync/mask.hpp>

#include <optional>

namespace edgesync::stream {

/// Each names a column of `whole` and fits its type, and a column is left. Fails with: invalid_argument.
Result<void> validate(const Masks& masks, const Schema& whole);

void write_masks(Writer& out, const Masks& masks);
/// Fails the reader if the bytes are malformed.
Masks read_masks(Reader& in);

class Masking {
 public:
  /// Requires: validate() succeeded.
  Masking(Schema whole, const Masks& masks);

  const Schema& whole() const noexcept { return whole_; }
  const Schema& shipped() const noexcept { return shipped_; }
  /// Requires: fits(whole(), row).
  std::vector<Value> apply(std::span<const Value> row) const;

 private:
  Schema whole_, shipped_{};
  std::vector<std::optional<Mask>> masks_{};  // by column of the whole
};

}  // namespace edgesync::stream
