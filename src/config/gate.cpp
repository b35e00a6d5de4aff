// SPDX-License-Identifier: Apache-2.0
#include "config/gate.hpp"

#include <algorithm>
#include <charconv>

namespace edgesync::config {
namespace {

using Numbers = std::array<std::uint64_t, 3>;

/// "major.minor.patch"
std::optional<Numbers> numbers(std::string_view text) {
  Numbers out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out[i]);
    if (failure != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (i + 1 == out.size()) break;
    if (!text.starts_with('.')) return std::nullopt;
    text.remove_prefix(1);
  }
  return text.empty() ? std::optional(out) : std::nullopt;
}

std::string named(const Manifest& manifest) {
  return "config '" + manifest.scope + "': version " + std::to_string(manifest.number);
}

}  // namespace

void Seen::add(const Manifest& manifest) {
  floor = std::max(floor, manifest.floor);
  if (manifest.number <= number) return;
  number = manifest.number;
  id = manifest.id;
}

Bytes Seen::encode() const {
  Bytes out;
  Writer writer(out);
  writer.varint(number);
  writer.raw(id);
  writer.varint(floor);
  return out;
}

std::optional<Seen> Seen::decode(ByteView bytes) {
  Reader in(bytes);
  Seen seen;
  seen.number = in.varint();
  const ByteView id = in.raw(seen.id.size());
  std::copy(id.begin(), id.end(), seen.id.begin());
  seen.floor = in.varint();
  return in.done() ? std::optional(seen) : std::nullopt;
}

Gate::Gate(std::optional<Root> root, const Verifier* verifier, std::string library)
    : root_(std::move(root)), verifier_(verifier), library_(std::move(library)) {}

bool Gate::guards(std::string_view scope) const {
  if (!root_) return false;
  const KeyGroup* group = root_->publishers(scope);
  return group == nullptr || group->threshold > 0;
}

Result<void> Gate::follow(Root next) {
  if (!root_) return Error(Errc::not_signed, "root: there is none that it could follow");
  if (auto good = follows(*root_, next, *verifier_); !good) return good;
  root_ = std::move(next);
  return {};
}

bool Gate::resume(Root later) {
  if (!root_ || later.version <= root_->version) return false;
  root_ = std::move(later);
  return true;
}

Result<void> Gate::authored(const Manifest& manifest, std::string_view scope, const std::string& what) const {
  if (!guards(scope)) return {};
  const KeyGroup* publishers = root_->publishers(scope);
  if (publishers == nullptr) return Error(Errc::not_signed, what + ": the root names no publishers of this scope");
  const Bytes bytes = manifest.signed_bytes();
  if (auto good = check_signed(*publishers, bytes, manifest.signatures, *verifier_, what); !good) return good;
  KeyGroup asked;
  for (const std::string& id : manifest.key_ids) {
    const auto key = parse_key_id(id);
    const bool known =
        key && std::find(publishers->keys.begin(), publishers->keys.end(), *key) != publishers->keys.end();
    if (!known) return Error(Errc::not_signed, what + ": is to be signed by a key that the root does not name");
    asked.keys.push_back(*key);
  }
  asked.threshold = static_cast<std::uint32_t>(asked.keys.size());
  return check_signed(asked, bytes, manifest.signatures, *verifier_, what);
}

Result<void> Gate::in_force(const Manifest& manifest, Timestamp now, const std::string& what) const {
  if (!manifest.min_library.empty()) {
    const auto needed = numbers(manifest.min_library), have = numbers(library_);
    if (!needed || !have || *have < *needed)
      return Error(Errc::unsupported, what + ": needs edgesync " + manifest.min_library + ", this is " + library_);
  }
  if (now == Timestamp{} && (manifest.not_before != now || manifest.expires != now))
    return Error(Errc::not_in_force, what + ": has a time, and nobody knows what time it is");
  if (manifest.not_before != Timestamp{} && now < manifest.not_before)
    return Error(Errc::not_in_force, what + ": its time has not come");
  if (manifest.expires != Timestamp{} && manifest.expires <= now)
    return Error(Errc::not_in_force, what + ": its time is over");
  return {};
}

Result<void> Gate::standing(const Manifest& manifest, std::string_view scope, const Seen& seen, Timestamp now) const {
  const std::string what = named(manifest);
  if (manifest.scope != scope)
    return Error(Errc::forbidden, what + ": is none of '" + std::string(scope) + "', where it was found");
  if (auto good = authored(manifest, scope, what); !good) return good;
  if (guards(scope) && manifest.number < seen.floor)
    return Error(Errc::outdated, what + ": was revoked: only those from " + std::to_string(seen.floor) + " count");
  return in_force(manifest, now, what);
}

Result<void> Gate::admit(const Manifest& manifest, std::string_view scope, const Seen& seen, Timestamp now) const {
  const auto good = standing(manifest, scope, seen, now);
  const bool timely = good || good.error().is(Errc::not_in_force) || good.error().is(Errc::unsupported);
  if (!timely || !guards(scope)) return good;
  // What is wrong for good is said before what time may change.
  if (manifest.number < seen.number)
    return Error(Errc::outdated, named(manifest) + ": version " + std::to_string(seen.number) + " was here before");
  if (manifest.number == seen.number && manifest.id != seen.id)
    return Error(Errc::equivocation, named(manifest) + ": was signed with other content before");
  return good;
}

}  // namespace edgesync::config
