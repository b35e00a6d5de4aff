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

Result<std::string> proved_key(const wire::Hello& hello, ByteView binding, const config::Verifier* verifier) {
  if (hello.key.empty() && hello.proof.empty()) return std::string();
  config::PublicKey key{};
  config::SignatureBytes proof{};
  if (hello.key.size() != key.size() || hello.proof.size() != proof.size())
    return Error(Errc::protocol_violation, "hello: a key has 32 bytes, its proof 64");
  std::copy(hello.key.begin(), hello.key.end(), key.begin());
  std::copy(hello.proof.begin(), hello.proof.end(), proof.begin());
  std::string id = config::key_id(key);
  // Read as anybody's would be: there are keys under which anybody can sign.
  const bool proved = !binding.empty() && config::parse_key_id(id).has_value() && verifier != nullptr &&
                      verifier->verify(key, claim_of(binding, hello.replica, hello.name), proof);
  if (!proved) return Error(Errc::unauthorized, "the key was refused");
  return id;
}

}  // namespace edgesync::sync
