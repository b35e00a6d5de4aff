// SPDX-License-Identifier: Apache-2.0
// Rivals: how the same records travel and lie elsewhere. Each function encodes a batch as such a program would; the
// batches are those of the segments, so that all compress over the same number of records.
#pragma once

#include "telemetry.hpp"

#include <span>

namespace edgesync::bench {

using Batch = std::span<const Sample>;

/// One object a line, every field under its name, the time in milliseconds where it has no finer part.
Bytes json_lines(const stream::Schema& schema, Batch batch);

/// An array of records, each an array of the time and the fields: no names.
Bytes msgpack_rows(Batch batch);

/// As a frame of the link would be: zstd, level 3.
Bytes zstd_3(ByteView bytes);

/// Inserts all batches into a table of one row per record, one transaction per batch. Returns the bytes of the
/// database.
std::size_t sqlite_rows(const stream::Schema& schema, std::span<const Batch> batches);

}  // namespace edgesync::bench
