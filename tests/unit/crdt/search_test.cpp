// SPDX-License-Identifier: Apache-2.0
// Surveys and searches over one table that stands still. What they promise while both sides move is with the laws.
#include "crdt/search.hpp"
#include "base/random.hpp"
#include "crdt/memory_table.hpp"

#include <gtest/gtest.h>

#include <array>

namespace edgesync::crdt {
namespace {

constexpr Hash128 secret{1, 2};

ReplicaId replica(std::uint8_t number) {
  ReplicaId id;
  id.bytes[0] = static_cast<std::byte>(number);
  return id;
}

Bytes key_of(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  return to_bytes("plant/line/" + std::string(6 - digits.size(), '0') + digits);
}

void put(MemoryTable& table, std::uint64_t number, std::uint8_t author = 1) {
  const Bytes key = key_of(number);
  const Cell before = table.find(key);
  Cell after = before;
  after.push_back({{replica(author), number + 1}, 0, to_bytes("value")});
  table.replace(key, before, after);
}

Context all() {
  Context context;
  for (const std::uint8_t author : std::array<std::uint8_t, 3>{1, 2, 3}) context.advance({replica(author), 1'000'000});
  return context;
}

Survey surveyed(MemoryTable& table, const Context& common, std::size_t block_entries = 8) {
  Survey survey({secret, common}, block_entries);
  while (!survey.walk(table, 5)) {
  }
  return survey;
}

Tally counted(MemoryTable& table, const Measure& measure, const KeyRange& range) {
  Tally tally;
  measure.each(table, range, [&](ByteView, const Entry&, std::uint64_t hash) { tally.add(hash); });
  return tally;
}

TEST(Survey, SumsAnyRangeAsACountOfItWould) {
  Xoshiro random(1);
  MemoryTable table(secret);
  for (std::uint64_t i = 0; i < 300; ++i) put(table, i, random.one_in(4) ? 2 : 1);
  Context common;
  common.advance({replica(1), 1'000'000});
  Survey survey = surveyed(table, common);
  for (int i = 0; i < 500; ++i) {
    std::uint64_t low = random.below(320), high = random.below(320);
    if (low > high) std::swap(low, high);
    const KeyRange range{random.one_in(8) ? Bytes{} : key_of(low), random.one_in(8) ? Bytes{} : key_of(high + 1)};
    ASSERT_EQ(survey.tally(table, range), counted(table, survey.measure(), range)) << low << " to " << high;
  }
}

TEST(Survey, ReadsEverythingOnceAndThenOnlyTheEndsOfRanges) {
  MemoryTable table(secret);
  for (std::uint64_t i = 0; i < 10'000; ++i) put(table, i);
  Survey survey = surveyed(table, all(), 64);
  EXPECT_EQ(survey.read(), 10'000U);
  survey.tally(table, {key_of(123), key_of(9'876)});
  EXPECT_LE(survey.read(), 10'000U + 2 * 64);
}

TEST(Survey, BoundsAreAsShortAsPartsTheKeys) {
  EXPECT_EQ(bound_between(to_bytes("plant/line/1"), to_bytes("plant/line/2/pump")), to_bytes("plant/line/2"));
  EXPECT_EQ(bound_between(to_bytes("a"), to_bytes("ab")), to_bytes("ab"));
  EXPECT_EQ(bound_between(to_bytes("a"), to_bytes("b")), to_bytes("b"));
}

/// Inspects until everything is listed by hash; how many findings that took.
std::size_t drill(Survey& survey, MemoryTable& table, const SearchShape& shape, std::size_t& entries) {
  std::size_t findings = 0;
  for (std::vector<KeyRange> wanted{{}}; !wanted.empty();) {
    const KeyRange range = wanted.back();
    wanted.pop_back();
    Bytes next = range.low;
    for (const Finding& finding : inspect(survey, table, range, shape)) {
      EXPECT_EQ(finding.range.low, next) << "parts follow one another";
      next = finding.range.high;
      EXPECT_TRUE(finding.small || finding.range != range) << "the same again";
      if (finding.small) entries += finding.hashes.size();
      if (!finding.small) wanted.push_back(finding.range);
      if (++findings > 100'000) return findings;
    }
    EXPECT_EQ(next, range.high);
  }
  return findings;
}

TEST(Inspect, ComesToAnEndHoweverEntriesAreSpread) {
  Xoshiro random(7);
  for (int round = 0; round < 200; ++round) {
    MemoryTable table(secret);
    const std::uint64_t keys = 1 + random.below(400), few = 1 + random.below(20);
    for (std::uint64_t i = 0; i < keys; ++i) put(table, i, random.one_in(few) ? 1 : 2);
    for (std::uint8_t author = 3; author < 3 + random.below(40); ++author) put(table, keys / 2, author);
    Context common;
    if (random.below(4) != 0) common.advance({replica(1), random.below(500)});
    for (std::uint8_t author = 3; author < 50; ++author) common.advance({replica(author), 500});
    Survey survey = surveyed(table, common, 1 + random.below(10));
    std::size_t entries = 0;
    ASSERT_LT(drill(survey, table, {2 + random.below(8), 1 + random.below(8)}, entries), 100'000U) << round;
    ASSERT_EQ(entries, counted(table, survey.measure(), {}).count) << round;
  }
}

}  // namespace
}  // namespace edgesync::crdt
