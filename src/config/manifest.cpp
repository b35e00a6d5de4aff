// SPDX-License-Identifier: Apache-2.0
#include "config/manifest.hpp"

#include "base/path.hpp"

#include <algorithm>

namespace edgesync::config {
namespace {

constexpr std::string_view domain = "edgesync/config/v1";
constexpr std::size_t checksum_bytes = 8;

std::uint64_t checksum(ByteView bytes) { return siphash(Hash128{0x6564676573796e63U, 0x72656c6561736531U}, bytes).a; }

Error malformed(std::string where) { return {Errc::protocol_violation, std::move(where)}; }

void write_time(Writer& writer, Timestamp at) { writer.svarint(at.time_since_epoch().count()); }
Timestamp read_time(Reader& in) { return Timestamp(Timestamp::duration(in.svarint())); }

std::string read_string(Reader& in) { return std::string(as_text(in.blob())); }

template <std::size_t size>
void read_array(Reader& in, std::array<std::byte, size>& out) {
  const ByteView bytes = in.raw(size);
  std::copy(bytes.begin(), bytes.end(), out.begin());
}

Result<void> read_signed(Reader& in, Manifest& manifest) {
  if (as_text(in.blob()) != domain) return malformed("manifest: another domain");
  manifest.scope = read_string(in);
  manifest.number = in.varint();
  read_array(in, manifest.id);
  read_array(in, manifest.parent);
  manifest.author = in.id();
  manifest.at = read_time(in);
  manifest.note = read_string(in);
  manifest.floor = in.varint();
  manifest.not_before = read_time(in);
  manifest.expires = read_time(in);
  manifest.min_library = read_string(in);
  const std::size_t keys = in.count();
  if (keys > max_signers) return Error(Errc::limit_exceeded, "manifest: more than 16 key ids");
  manifest.key_ids.resize(keys);
  for (std::string& key : manifest.key_ids) key = read_string(in);
  if (!in.done()) return malformed("manifest: signed fields");
  return {};
}

Result<void> check_signers(const Manifest& manifest) {
  const auto too_long = [](const std::string& id) { return id.size() > max_key_id_bytes; };
  const bool long_key = std::any_of(manifest.key_ids.begin(), manifest.key_ids.end(), too_long);
  const bool long_signer = std::any_of(manifest.signatures.begin(), manifest.signatures.end(),
                                       [&](const Signature& one) { return too_long(one.key_id); });
  if (long_key || long_signer) return Error(Errc::limit_exceeded, "manifest: key id above 64 bytes");
  if (manifest.key_ids.size() > max_signers || manifest.signatures.size() > max_signers) {
    return Error(Errc::limit_exceeded, "manifest: more than 16 signers");
  }
  return {};
}

}  // namespace

Bytes Manifest::signed_bytes() const {
  Bytes out;
  Writer writer(out);
  writer.blob(as_view(domain));
  writer.blob(as_view(scope));
  writer.varint(number);
  writer.raw(id);
  writer.raw(parent);
  writer.id(author);
  write_time(writer, at);
  writer.blob(as_view(note));
  writer.varint(floor);
  write_time(writer, not_before);
  write_time(writer, expires);
  writer.blob(as_view(min_library));
  writer.varint(key_ids.size());
  for (const std::string& key : key_ids) writer.blob(as_view(key));
  return out;
}

Bytes Manifest::encode() const { return encode_signed(signed_bytes(), signatures); }

Result<Manifest> Manifest::decode(ByteView bytes) {
  auto document = decode_signed(bytes, "manifest");
  if (!document) return std::move(document).error();
  Reader fields(document->fields);
  Manifest manifest;
  if (auto read = read_signed(fields, manifest); !read) return std::move(read).error();
  manifest.signatures = std::move(document->signatures);
  if (auto sound = check(manifest); !sound) return as_malformed(std::move(sound).error());
  return manifest;
}

VersionInfo Manifest::info() const {
  const bool first = parent == Sha256Digest{};
  return {number, to_hex(id), first ? std::string() : to_hex(parent), author, at, note};
}

Result<void> check(const Manifest& manifest) {
  if (auto scope = check_path("manifest: scope", manifest.scope); !scope) return scope;
  if (manifest.number == 0 || manifest.number > max_number)
    return Error(Errc::invalid_argument, "manifest: a number that is not 1 to 2^63 - 1");
  if (manifest.floor > manifest.number)
    return Error(Errc::invalid_argument, "manifest: a floor above its own number would revoke itself");
  if (manifest.note.size() > max_note_bytes) return Error(Errc::limit_exceeded, "manifest: note above 4 KiB");
  if (manifest.min_library.size() > max_library_bytes) {
    return Error(Errc::limit_exceeded, "manifest: min_library above 64 bytes");
  }
  return check_signers(manifest);
}

Bytes Release::encode() const {
  Bytes out;
  Writer writer(out);
  writer.blob(manifest.encode());
  writer.blob(content);
  writer.u64(checksum(out));
  return out;
}

Result<Release> Release::decode(ByteView bytes) {
  if (bytes.size() < checksum_bytes) return Error(Errc::storage_corrupt, "release: too short");
  const ByteView body = bytes.first(bytes.size() - checksum_bytes);
  Reader tail(bytes.subspan(body.size()));
  if (tail.u64() != checksum(body)) return Error(Errc::storage_corrupt, "release: checksum differs");
  Reader in(body);
  const ByteView head = in.blob(), content = in.blob();
  if (!in.done()) return malformed("release: ends early or late");
  if (content.size() > max_content_bytes) return Error(Errc::limit_exceeded, "release: content above 504 KiB");
  auto manifest = Manifest::decode(head);
  if (!manifest) return std::move(manifest).error();
  return Release{std::move(*manifest), to_bytes(content)};
}

Result<Content> verify(const Release& release) {
  if (sha256(release.content) != release.manifest.id) {
    return Error(Errc::untrusted, "release " + std::to_string(release.manifest.number) + " of '" +
                                      release.manifest.scope + "': content does not hash to its id");
  }
  return parse_content(release.content);
}

}  // namespace edgesync::config
