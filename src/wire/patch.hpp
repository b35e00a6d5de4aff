// SPDX-License-Identifier: Apache-2.0
// Patch: bytes told as what differs from others that the reader has: one zstd frame made with these as its prefix
// (`zstd --patch-from`). What a patch is laid on is not written in it, and on other bytes it gives others, or none: so
// whoever applies one proves by a hash what it lays it on.
#pragma once

#include "base/bytes.hpp"

#include <edgesync/error.hpp>

namespace edgesync::wire {

/// What turns `base` into `bytes`; against an empty base `bytes` compressed. Empty: memory was short.
Bytes make_patch(ByteView base, ByteView bytes);

/// The inverse. Fails with: protocol_violation (no frame, or none of this base), limit_exceeded (more than `bytes_max`,
/// found before anything is allocated for it).
Result<Bytes> apply_patch(ByteView base, ByteView patch, std::size_t bytes_max);

}  // namespace edgesync::wire
