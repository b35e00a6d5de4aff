// SPDX-License-Identifier: Apache-2.0
// RawSigner: a key's signature of bytes that are no document. Whoever calls it has put a domain in front of them, so
// that they cannot be taken for one.
#pragma once

#include "config/signature.hpp"

#include <edgesync/signing.hpp>

namespace edgesync::node {

struct RawSigner {
  /// Fails with: unsupported.
  static Result<config::SignatureBytes> sign(const SigningKey& key, ByteView message);
};

}  // namespace edgesync::node
