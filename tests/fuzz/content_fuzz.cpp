// SPDX-License-Identifier: Apache-2.0
// Config content, manifests, roots and releases of any bytes: what is accepted is its one encoding, so that equal
// content means equal ids; differences lead from one content to the other; a damaged release is never taken for
// another.
#include "config/manifest.hpp"
#include "config/root.hpp"
#include "fuzz/input.hpp"

using namespace edgesync;
using fuzz::holds;

namespace {

constexpr Hash128 checksum_key{0x6564676573796e63, 0x72656c6561736531};

void apply(config::Content& content, const KeyChange& change) {
  if (change.after) content[change.key] = *change.after;
  if (!change.after) content.erase(change.key);
}

bool same(const config::Content& a, const config::Content& b) { return config::canonical(a) == config::canonical(b); }

void contents(fuzz::Input& in) {
  const ByteView first = in.take(in.u16() % 4096), second = in.rest();
  auto a = config::parse_content(first);
  const auto b = config::parse_content(second);
  if (!a) fuzz::is_told(a.error());
  if (!b) fuzz::is_told(b.error());
  if (a) holds(equal(config::canonical(*a), first) && config::check(*a), "content has one encoding");
  if (!a || !b) return;
  const auto changes = config::diff(*a, *b);
  holds(changes.empty() == equal(first, second), "no difference means equal bytes");
  for (const KeyChange& change : changes) apply(*a, change);
  holds(same(*a, *b), "the difference leads from one to the other");
}

void roots(ByteView bytes) {
  const auto root = config::Root::decode(bytes);
  if (!root) return fuzz::is_told(root.error());
  holds(equal(root->encode(), bytes) && config::check(*root), "a root has one encoding");
}

void manifests(fuzz::Input& in) {
  const ByteView bytes = in.rest();
  roots(bytes);
  const auto manifest = config::Manifest::decode(bytes);
  if (!manifest) return fuzz::is_told(manifest.error());
  holds(equal(manifest->encode(), bytes) && config::check(*manifest), "a manifest has one encoding");
}

void releases(fuzz::Input& in) {
  Bytes bytes = to_bytes(in.rest());
  Writer(bytes).u64(siphash(checksum_key, bytes).a);
  const auto release = config::Release::decode(bytes);
  if (!release) return fuzz::is_told(release.error());
  holds(release->encode() == bytes, "a release has one encoding");
  const auto content = config::verify(*release);
  if (!content) return fuzz::is_told(content.error());
  holds(sha256(config::canonical(*content)) == release->manifest.id, "verified content is what the id names");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  switch (in.below(3)) {
    case 0:
      contents(in);
      break;
    case 1:
      manifests(in);
      break;
    default:
      releases(in);
  }
  return 0;
}
