// SPDX-License-Identifier: Apache-2.0
#include "config/manifest.hpp"

#include "crdt/transaction.hpp"
#include "crdt/value_codec.hpp"
#include "samples.hpp"

#include <gtest/gtest.h>

namespace edgesync::config {
namespace {

Manifest full_manifest() {
  Manifest manifest = release_of({{"limit", std::int64_t{1480}}}, 5).manifest;
  manifest.parent = sha256(as_view("parent"));
  for (std::size_t i = 0; i < manifest.author.bytes.size(); ++i) manifest.author.bytes[i] = static_cast<std::byte>(i);
  manifest.floor = 3;
  manifest.not_before = Timestamp(std::chrono::seconds(10));
  manifest.expires = Timestamp(std::chrono::seconds(20));
  manifest.min_library = "0.1.0";
  manifest.key_ids = {"root-1", "root-2"};
  manifest.signatures = {{"root-1", {}}, {"root-2", {}}};
  manifest.signatures[1].bytes.fill(std::byte{7});
  return manifest;
}

TEST(Manifest, ComesBackAsItWas) {
  const Manifest manifest = full_manifest();
  const auto decoded = Manifest::decode(manifest.encode());
  ASSERT_TRUE(decoded) << decoded.error().detail;
  EXPECT_EQ(*decoded, manifest);
}

TEST(Manifest, EveryFieldButTheSignaturesIsSigned) {
  const Manifest given = full_manifest();
  const auto changes = [&](auto edit) {
    Manifest other = given;
    edit(other);
    return other.signed_bytes() != given.signed_bytes();
  };
  EXPECT_TRUE(changes([](Manifest& m) { m.scope += "x"; }));
  EXPECT_TRUE(changes([](Manifest& m) { ++m.number; }));
  EXPECT_TRUE(changes([](Manifest& m) { m.id[31] ^= std::byte{1}; }));
  EXPECT_TRUE(changes([](Manifest& m) { m.parent[0] ^= std::byte{1}; }));
  EXPECT_TRUE(changes([](Manifest& m) { m.author.bytes[3] ^= std::byte{1}; }));
  EXPECT_TRUE(changes([](Manifest& m) { m.at += std::chrono::microseconds(1); }));
  EXPECT_TRUE(changes([](Manifest& m) { m.note += "x"; }));
  EXPECT_TRUE(changes([](Manifest& m) { ++m.floor; }));
  EXPECT_TRUE(changes([](Manifest& m) { m.not_before += std::chrono::microseconds(1); }));
  EXPECT_TRUE(changes([](Manifest& m) { m.expires += std::chrono::microseconds(1); }));
  EXPECT_TRUE(changes([](Manifest& m) { m.min_library += "1"; }));
  EXPECT_TRUE(changes([](Manifest& m) { m.key_ids.pop_back(); }));
  EXPECT_FALSE(changes([](Manifest& m) { m.signatures.clear(); }));
}

TEST(Manifest, RefusesTruncationsAndWhatPassesItsLimits) {
  const Bytes bytes = full_manifest().encode();
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(Manifest::decode(ByteView(bytes).first(size)));
  const auto refused = [](Errc errc, auto edit) {
    Manifest manifest = full_manifest();
    edit(manifest);
    const auto decoded = Manifest::decode(manifest.encode());
    return !decoded && decoded.error().is(errc);
  };
  EXPECT_TRUE(refused(Errc::limit_exceeded, [](Manifest& m) { m.note.assign(4097, 'x'); }));
  EXPECT_TRUE(refused(Errc::limit_exceeded, [](Manifest& m) { m.min_library.assign(65, '1'); }));
  EXPECT_TRUE(refused(Errc::limit_exceeded, [](Manifest& m) { m.key_ids.resize(17); }));
  EXPECT_TRUE(refused(Errc::limit_exceeded, [](Manifest& m) { m.signatures.resize(17); }));
  EXPECT_TRUE(refused(Errc::limit_exceeded, [](Manifest& m) { m.key_ids[0].assign(65, 'k'); }));
  EXPECT_TRUE(refused(Errc::limit_exceeded, [](Manifest& m) { m.signatures[0].key_id.assign(65, 'k'); }));
  EXPECT_TRUE(refused(Errc::protocol_violation, [](Manifest& m) { m.scope = "a//b"; }));
  EXPECT_TRUE(refused(Errc::protocol_violation, [](Manifest& m) { m.number = 0; }));
  EXPECT_TRUE(refused(Errc::protocol_violation, [](Manifest& m) { m.number = max_number + 1; }));
  EXPECT_TRUE(refused(Errc::protocol_violation, [](Manifest& m) { m.floor = m.number + 1; }));
}

TEST(Manifest, AnotherDomainIsNotAManifest) {
  Bytes fields = full_manifest().signed_bytes(), bytes;
  fields[fields[0] == std::byte{18} ? 18 : 0] = std::byte{'2'};  // "edgesync/config/v2"
  Writer writer(bytes);
  writer.blob(fields);
  writer.varint(0);
  EXPECT_EQ(Manifest::decode(bytes).error().detail, "manifest: another domain");
}

TEST(Manifest, InfoIsWhatPeopleSee) {
  Manifest manifest = full_manifest();
  const VersionInfo info = manifest.info();
  EXPECT_EQ(info.number, 5U);
  EXPECT_EQ(info.id, to_hex(manifest.id));
  EXPECT_EQ(info.parent, to_hex(manifest.parent));
  EXPECT_EQ(info.note, manifest.note);
  manifest.parent = {};
  EXPECT_EQ(manifest.info().parent, "");
}

TEST(Release, ComesBackAndProvesItsContent) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Xoshiro random(seed);
    const Content content = any_content(random);
    const Release release = release_of(content, 1 + seed);
    const auto decoded = Release::decode(release.encode());
    ASSERT_TRUE(decoded) << decoded.error().detail;
    EXPECT_EQ(*decoded, release);
    const auto verified = verify(*decoded);
    ASSERT_TRUE(verified) << verified.error().detail;
    EXPECT_EQ(canonical(*verified), release.content);
    EXPECT_EQ(to_hex(sha256(release.content)), release.manifest.info().id);
  }
}

TEST(Release, OfTheLargestContentAndManifestFitsAValue) {
  Release release;
  release.content.assign(max_content_bytes, std::byte{1});
  Manifest& manifest = release.manifest;
  manifest.scope.assign(512, 's');
  manifest.number = manifest.floor = max_number;
  manifest.at = manifest.not_before = manifest.expires = Timestamp::min();
  manifest.note.assign(max_note_bytes, 'n');
  manifest.min_library.assign(max_library_bytes, '1');
  manifest.key_ids.assign(max_signers, std::string(max_key_id_bytes, 'k'));
  manifest.signatures.assign(max_signers, {std::string(max_key_id_bytes, 'k'), {}});
  ASSERT_TRUE(check(manifest));
  EXPECT_LE(crdt::encode_value(Value(release.encode())).size(), crdt::value_bytes_max);
}

TEST(Release, RefusesEveryTruncationAndEveryFlippedByte) {
  const Bytes bytes = release_of({{"limit", std::int64_t{1480}}, {"name", std::string("x")}}, 3).encode();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    EXPECT_TRUE(Release::decode(ByteView(bytes).first(at)).error().is(Errc::storage_corrupt)) << at;
    for (unsigned flip = 1; flip < 256; ++flip) {
      Bytes damaged = bytes;
      damaged[at] ^= static_cast<std::byte>(flip);
      ASSERT_TRUE(Release::decode(damaged).error().is(Errc::storage_corrupt)) << at;
    }
  }
}

TEST(Release, AForgedContentDoesNotVerify) {
  Release release = release_of({{"limit", std::int64_t{1480}}}, 3);
  for (std::size_t at = 0; at < release.content.size(); ++at) {
    release.content[at] ^= std::byte{1};
    EXPECT_TRUE(verify(release).error().is(Errc::untrusted)) << at;
    release.content[at] ^= std::byte{1};
  }
  EXPECT_TRUE(verify(release));
}

TEST(Release, ContentThatHashesButIsNotCanonicalIsNoContent) {
  Release release = release_of({}, 3);
  release.content = to_bytes(std::string_view("\1\1/\0", 4));
  release.manifest.id = sha256(release.content);
  EXPECT_TRUE(verify(release).error().is(Errc::protocol_violation));
}

// CONTENT.md explains these bytes one by one.
TEST(Manifest, GoldenBytes) {
  Manifest manifest = full_manifest();
  manifest.signatures.resize(1);
  EXPECT_EQ(to_hex(manifest.encode()),
            "a201126564676573796e632f636f6e6669672f763107706c616e742d3705ab44dffc0118f43ecd2795eb90cba50052d9"
            "854711594e991ea7cd4e242bf257e47125968b3b71049fbc4802d1e40a71ea1359decfabacf70b34588037d4ff0c0001"
            "02030405060708090a0b0c0d0e0f8080f281838985060f726169736520746865206c696d69740380dac40980b4891305"
            "302e312e300206726f6f742d3106726f6f742d320106726f6f742d31" +
                std::string(128, '0'));
}

TEST(Release, GoldenBytes) {
  const Bytes bytes = release_of({{"limit", std::int64_t{1480}}}, 1).encode();
  EXPECT_EQ(to_hex(ByteView(bytes).last(11 + 8)), "0a01056c696d6974039017bc5dc3f670337c34");
}

}  // namespace
}  // namespace edgesync::config
