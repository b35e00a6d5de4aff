// SPDX-License-Identifier: Apache-2.0
#include "sync/introduction.hpp"

#include <algorithm>

namespace edgesync::sync {
namespace {

constexpr std::string_view domain = "edgesync/hello/v1";

}  // namespace

Bytes claim_of(ByteView binding, const ReplicaId& replica, std::string_view name) {
  Bytes claim;
  Writer out(claim);
  out.blob(as_view(domain));
  out.blob(binding);
  out.id(replica);
  out.blob(as_view(name));
  return claim;
}

bool signed_by(ByteView key, ByteView message, ByteView signature, const config::Verifier* verifier) {
  config::PublicKey by{};
  config::SignatureBytes bytes{};
  if (key.size() != by.size() || signature.size() != bytes.size() || verifier == nullptr) return false;
  std::copy(key.begin(), key.end(), by.begin());
  std::copy(signature.begin(), signature.end(), bytes.begin());
  // Read as anybody's would be: there are keys under which anybody can sign.
  return config::parse_key_id(config::key_id(by)).has_value() && verifier->verify(by, message, bytes);
}

Result<std::string> proved_key(const wire::Hello& hello, ByteView binding, const config::Verifier* verifier) {
  if (hello.key.empty() && hello.proof.empty()) return std::string();
  if (hello.key.size() != sizeof(config::PublicKey) || hello.proof.size() != sizeof(config::SignatureBytes))
    return Error(Errc::protocol_violation, "hello: a key has 32 bytes, its proof 64");
  const Bytes claim = claim_of(binding, hello.replica, hello.name);
  const bool proved = !binding.empty() && signed_by(hello.key, claim, hello.proof, verifier);
  if (!proved) return Error(Errc::unauthorized, "the key was refused");
  return to_hex(hello.key);
}

}  // namespace edgesync::sync
