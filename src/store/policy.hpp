// SPDX-License-Identifier: Apache-2.0
// Policy: what a scope was told about itself, kept with it in the file.
#pragma once

#include "crdt/dot.hpp"
#include "store/scope.hpp"
#include "stream/budget.hpp"
#include "stream/masking.hpp"

#include <optional>

namespace edgesync::store {

struct Policy {
  std::optional<stream::Schema> schema{};
  Masks masks{};  ///< What is done to records before they are appended.
  bool local_only = false;
  bool budgeted = false;  ///< `budget` was given: this node makes records.
  stream::Budget budget{};
  std::uint32_t history = 0;  ///< Group commits whose before-images are kept.
  bool given_up = false;      ///< Nothing of it is here, and nobody knows it until it is opened again.
  crdt::Dot own{};            ///< The last of this replica's when it was given up.
  std::optional<Refused> refusal{};

  Bytes encode() const;
  /// Nothing if the bytes are malformed.
  static std::optional<Policy> decode(ByteView bytes);
};

}  // namespace edgesync::store
