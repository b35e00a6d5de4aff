// SPDX-License-Identifier: Apache-2.0
#include "config/gate.hpp"

#include "samples.hpp"
#include "signers.hpp"

#include <gtest/gtest.h>

namespace edgesync::config {
namespace {

const HashVerifier verifier;
constexpr Timestamp today{std::chrono::hours(24 * 20'000)};

Manifest version(std::uint64_t number, std::string scope = "plant-7", int content = 0) {
  Manifest manifest = release_of({{"limit", content}}, number).manifest;
  manifest.scope = std::move(scope);
  return manifest;
}

class Gates : public testing::Test {
 protected:
  Errc answer(const Manifest& manifest, std::string_view scope = "plant-7") {
    const auto admitted = gate.admit(manifest, scope, seen, today);
    return admitted ? Errc{} : static_cast<Errc>(admitted.error().code.value());
  }

  Gate gate{sample_root(), &verifier, "0.1.0"};
  Seen seen;
};

TEST_F(Gates, NeedTheSignatureOfOneWhoMayPublish) {
  EXPECT_EQ(answer(signed_by(version(1), {2})), Errc{});
  EXPECT_EQ(answer(signed_by(version(1), {3, 2})), Errc{});
  EXPECT_EQ(answer(version(1)), Errc::not_signed);
  EXPECT_EQ(answer(signed_by(version(1), {4})), Errc::not_signed);
  EXPECT_EQ(answer(signed_by(version(1), {9})), Errc::not_signed) << "a root key does not publish";
}

TEST_F(Gates, CountKeysAndNotSignatures) {
  EXPECT_EQ(answer(signed_by(version(1, "critical/a"), {2, 2, 2}), "critical/a"), Errc::not_signed);
  EXPECT_EQ(answer(signed_by(version(1, "critical/a"), {2, 4}), "critical/a"), Errc{});
  EXPECT_EQ(answer(signed_by(version(1, "critical/a"), {2, 8}), "critical/a"), Errc::not_signed);
}

TEST_F(Gates, RefuseEveryFieldThatWasAltered) {
  const Manifest good = signed_by(version(3), {2});
  std::vector<Manifest> altered(9, good);
  altered[0].number = 4;
  altered[1].id[0] ^= std::byte{1};
  altered[2].parent[0] ^= std::byte{1};
  altered[3].note += "!";
  altered[4].floor = 3;
  altered[5].not_before += std::chrono::seconds(1);
  altered[6].expires += std::chrono::hours(1'000'000);
  altered[7].min_library = "0.0.1";
  altered[8].key_ids.push_back(key_id(public_key(2)));
  for (const Manifest& manifest : altered) EXPECT_EQ(answer(manifest), Errc::untrusted);
  EXPECT_EQ(answer(good), Errc{});
}

TEST_F(Gates, LetAVersionNameWhoElseIsToSignIt) {
  Manifest manifest = version(1);
  manifest.key_ids = {key_id(public_key(2)), key_id(public_key(3))};
  EXPECT_EQ(answer(signed_by(manifest, {2})), Errc::not_signed);
  EXPECT_EQ(answer(signed_by(manifest, {2, 3})), Errc{});
  manifest.key_ids.push_back(key_id(public_key(7)));
  EXPECT_EQ(answer(signed_by(manifest, {2, 3, 7})), Errc::not_signed) << "7 is nobody";
}

TEST_F(Gates, TakeNothingOfAnotherScopeOrOfOneWithoutPublishers) {
  EXPECT_EQ(answer(signed_by(version(1, "plant-8"), {2}), "plant-7"), Errc::forbidden);
  EXPECT_EQ(answer(signed_by(version(1, "plant-8"), {2}), "plant-8"), Errc::not_signed);
  EXPECT_EQ(answer(version(1, "free"), "free"), Errc{}) << "a rule may say that nobody needs to sign";
}

TEST_F(Gates, NeverGoBack) {
  seen.add(version(5));
  EXPECT_EQ(answer(signed_by(version(4), {2})), Errc::outdated);
  EXPECT_EQ(answer(signed_by(version(5), {2})), Errc{});
  EXPECT_EQ(answer(signed_by(version(5, "plant-7", 1), {2})), Errc::equivocation);
  EXPECT_EQ(answer(signed_by(version(6), {2})), Errc{});
  EXPECT_EQ(*Seen::decode(seen.encode()), seen);
}

TEST_F(Gates, ForgetNothingThatWasRevoked) {
  Manifest manifest = version(9);
  manifest.floor = 8;
  seen.add(manifest);
  seen.add(version(10));
  EXPECT_EQ(seen.floor, 8u);
  EXPECT_FALSE(gate.standing(signed_by(version(7), {2}), "plant-7", seen, today));
  EXPECT_TRUE(gate.standing(signed_by(version(8), {2}), "plant-7", seen, today));
}

TEST_F(Gates, KeepTimesAndTheLibrarysVersion) {
  Manifest early = version(1), late = version(1), exact = version(1), newer = version(1), odd = version(1);
  early.not_before = today + std::chrono::seconds(1);
  late.expires = today;
  exact.not_before = today;
  exact.expires = today + std::chrono::seconds(1);
  exact.min_library = "0.1.0";
  newer.min_library = "0.1.1";
  odd.min_library = "soon";
  EXPECT_EQ(answer(signed_by(early, {2})), Errc::not_in_force);
  EXPECT_EQ(answer(signed_by(late, {2})), Errc::not_in_force);
  EXPECT_EQ(answer(signed_by(exact, {2})), Errc{});
  EXPECT_EQ(answer(signed_by(newer, {2})), Errc::unsupported);
  EXPECT_EQ(answer(signed_by(odd, {2})), Errc::unsupported);
  EXPECT_FALSE(gate.admit(signed_by(exact, {2}), "plant-7", seen, Timestamp{})) << "nobody knows what time it is";
  const Timestamp broken = Timestamp{} - std::chrono::hours(24);
  EXPECT_TRUE(gate.admit(signed_by(version(1), {2}), "plant-7", seen, broken)) << "it has no time to keep";
}

TEST_F(Gates, WithoutARootNeedNoSignatures) {
  gate = Gate({}, nullptr, "0.1.0");
  seen.add(version(5));
  EXPECT_EQ(answer(version(4)), Errc{});
  EXPECT_EQ(answer(version(4, "plant-8")), Errc::forbidden);
}

TEST(Roots, AreOneEncoding) {
  const Root root = signed_by(sample_root(), {2});
  EXPECT_EQ(Root::decode(root.encode()).value(), root);
  const Bytes bytes = root.encode();
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_FALSE(Root::decode(ByteView(bytes).first(cut))) << cut;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    Bytes other = bytes;
    other[at] ^= std::byte{0x10};
    const auto read = Root::decode(other);
    EXPECT_TRUE(!read || read->encode() == other) << at;
    if (!read) continue;
    EXPECT_FALSE(check_signed(*read, verifier) && read->signatures == root.signatures) << at;
  }
}

TEST(Roots, RefuseWhatCouldNeverHold) {
  const auto broken = [](auto change) {
    Root root = sample_root();
    change(root);
    return !check(root) && !Root::decode(root.encode());
  };
  EXPECT_TRUE(broken([](Root& root) { root.version = 0; }));
  EXPECT_TRUE(broken([](Root& root) { root.keys.threshold = 2; }));
  EXPECT_TRUE(broken([](Root& root) { root.keys = {}; }));
  EXPECT_TRUE(broken([](Root& root) { root.scopes["plant-7"].threshold = 0; }));
  EXPECT_TRUE(broken([](Root& root) { root.scopes["a*"] = group(1, {2}); }));
  EXPECT_TRUE(broken([](Root& root) { root.scopes["../a"] = group(1, {2}); }));
  EXPECT_TRUE(broken([](Root& root) { root.scopes["b"] = group(1, {3, 2}); }));
  EXPECT_TRUE(broken([](Root& root) { root.scopes["b"] = group(1, {2, 2}); }));
  EXPECT_TRUE(broken([](Root& root) { root.scopes["b"] = group(1, {0}); })) << "a key of small order";
}

TEST(Roots, TheLongestRuleCounts) {
  Root root = sample_root();
  root.scopes["*"] = group(1, {5});
  root.scopes["critical/line/*"] = group(1, {6});
  EXPECT_EQ(*root.publishers("plant-7"), group(1, {2, 3}));
  EXPECT_EQ(*root.publishers("plant-9"), group(1, {5}));
  EXPECT_EQ(*root.publishers("critical/line/1"), group(1, {6}));
  EXPECT_EQ(*root.publishers("critical/line"), group(2, {2, 3, 4}));
}

TEST(Roots, FollowOneAnotherByBothSetsOfKeys) {
  const Root first = sample_root();
  Root next = sample_root(2);
  next.keys = group(1, {10});
  next.signatures.clear();
  EXPECT_TRUE(follows(first, signed_by(next, {9, 10}), verifier));
  EXPECT_TRUE(follows(first, signed_by(next, {9}), verifier).error().is(Errc::not_signed));
  EXPECT_TRUE(follows(first, signed_by(next, {10}), verifier).error().is(Errc::not_signed));
  EXPECT_TRUE(follows(first, sample_root(3), verifier).error().is(Errc::outdated));
  EXPECT_TRUE(follows(first, sample_root(1), verifier).error().is(Errc::outdated));
}

TEST(Keys, AreRefusedIfAnybodyCouldSignUnderThem) {
  const std::string good(64, '2');
  EXPECT_EQ(key_id(parse_key_id(good).value()), good);
  for (const char* y : {"0000000000000000000000000000000000000000000000000000000000000000",
                        "0100000000000000000000000000000000000000000000000000000000000000",
                        "0100000000000000000000000000000000000000000000000000000000000080",
                        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
                        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
                        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "22", "", "not a key"})
    EXPECT_FALSE(parse_key_id(y)) << y;
}

}  // namespace
}  // namespace edgesync::config
