// SPDX-License-Identifier: Apache-2.0
// Layers: what overlays do to a content, key by key and against RFC 7396 itself, and what rules do to lists.
#include "config/layers.hpp"

#include "base/json.hpp"
#include "base/random.hpp"

#include <gmock/gmock.h>

#include <memory>

namespace edgesync::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

Content merged(const std::vector<Content>& layers) {
  std::vector<const Content*> each;
  for (const Content& layer : layers) each.push_back(&layer);
  return content_of(merge(each).settings);
}

Json json(std::string text) { return {std::move(text)}; }

TEST(Layers, TheHigherOneWinsKeyByKeyAndTheSourceIsKept) {
  const Content base{{"a", 1}, {"limits/rpm", 100}, {"limits/temp", 80}}, node{{"limits/rpm", 90}, {"z", true}};
  const Settings settings = merge({&base, &node}).settings;
  EXPECT_THAT(content_of(settings), ElementsAre(Pair("a", Value(1)), Pair("limits/rpm", Value(90)),
                                                Pair("limits/temp", Value(80)), Pair("z", Value(true))));
  EXPECT_EQ(settings.at("limits/rpm").layer, 1U);
  EXPECT_EQ(settings.at("limits/temp").layer, 0U);
}

TEST(Layers, NullRemovesWhatIsThereAndBelow) {
  EXPECT_THAT(merged({{{"a", 1}, {"a/b", 2}, {"a/b/c", 3}, {"ab", 4}}, {{"a", Value()}, {"never", Value()}}}),
              ElementsAre(Pair("ab", Value(4))));
}

TEST(Layers, AValueReplacesAFolderAndAFolderAValue) {
  EXPECT_THAT(merged({{{"a/b", 1}, {"a/c", 1}, {"a-", 1}}, {{"a", 2}}}),
              ElementsAre(Pair("a", Value(2)), Pair("a-", Value(1))));
  EXPECT_THAT(merged({{{"a", 1}}, {{"a/b/c", 2}}}), ElementsAre(Pair("a/b/c", Value(2))));
}

TEST(Layers, OneMayHoldAValueBesideItsFolder) {
  const Content both{{"a", 1}, {"a/b", 2}};
  EXPECT_EQ(merged({both}), both);
  EXPECT_EQ(merged({{{"a/z", 0}}, both}), both);
}

TEST(Layers, ListsAreReplacedUnlessARuleSaysOtherwise) {
  const Content base{{"dns", json(R"(["a", "b" , "c"])")}};
  EXPECT_THAT(merged({base, {{"dns", json("[]")}}}), ElementsAre(Pair("dns", Value(json("[]")))));
  EXPECT_THAT(merged({base, {{"dns/+", json(R"([ "c","d",["x, ]"] ])")}}}),
              ElementsAre(Pair("dns", Value(json(R"(["a","b","c","d",["x, ]"]])")))));
  EXPECT_THAT(merged({base, {{"dns/-", json(R"(["b","never"])")}}}),
              ElementsAre(Pair("dns", Value(json(R"(["a","c"])")))));
  EXPECT_THAT(merged({base, {{"dns/+", json(R"(["d"])")}, {"dns/-", json(R"(["a","d"])")}}}),
              ElementsAre(Pair("dns", Value(json(R"(["b","c"])")))));
}

TEST(Layers, AListRuleMakesAListButNoneToTakeFrom) {
  EXPECT_THAT(merged({{{"dns/+", json("[1]")}}}), ElementsAre(Pair("dns", Value(json("[1]")))));
  EXPECT_THAT(merged({{{"dns/-", json("[1]")}}}), IsEmpty());
  EXPECT_THAT(merged({{}, {{"dns", json("[1]")}, {"dns/+", json("[2]")}}}),
              ElementsAre(Pair("dns", Value(json("[1,2]")))));
}

TEST(Layers, AListRuleWithoutAListIsLeftOutAndTold) {
  const Content base{{"dns", "a"}, {"ntp", json("[1]")}},
      node{{"dns/+", json("[1]")}, {"ntp/+", 7}, {"ntp/-", json("[1]")}};
  const Merged merged = merge({&base, &node});
  EXPECT_THAT(content_of(merged.settings), ElementsAre(Pair("dns", Value("a")), Pair("ntp", Value(json("[]")))));
  ASSERT_EQ(merged.problems.size(), 2U);
  EXPECT_EQ(merged.problems[0].layer, 1U);
  EXPECT_EQ(merged.problems[0].what, "dns/+: what it would change is no JSON list");
  EXPECT_EQ(merged.problems[1].what, "ntp/+: is no JSON list");
}

TEST(Layers, AJsonObjectIsAValueLikeOthers) {
  EXPECT_THAT(merged({{{"a", json(R"({"x": 1, "y": 2})")}}, {{"a", json(R"({"x": null})")}}}),
              ElementsAre(Pair("a", Value(json(R"({"x": null})")))));
}

/// A JSON value as RFC 7396 sees it: null, an object, or something else.
struct Node {
  std::map<std::string, Node> members{};
  std::int64_t value = 0;
  bool null = false;
  bool object() const { return !members.empty(); }
};

/// RFC 7396, section 2, as it is written there. An object without members is no different from none in a flat content.
Node merge_patch(Node target, const Node& patch) {
  if (!patch.object()) return patch;
  if (!target.object()) target = Node();
  for (const auto& [name, value] : patch.members) {
    if (value.null) {
      target.members.erase(name);
    } else {
      Node changed = merge_patch(target.members.contains(name) ? target.members[name] : Node(), value);
      const bool empty = value.object() && !changed.object();
      if (empty)
        target.members.erase(name);
      else
        target.members[name] = std::move(changed);
    }
  }
  return target;
}

void flatten(const Node& node, const std::string& at, Content& into) {
  for (const auto& [name, member] : node.members) {
    const std::string key = at.empty() ? name : at + "/" + name;
    if (member.object())
      flatten(member, key, into);
    else
      into[key] = member.null ? Value() : Value(member.value);
  }
}

Node random_object(Random& random, int depth) {
  Node node;
  for (const char* name : {"a", "b", "c"}) {
    const std::uint64_t kind = random.next() % 8;
    if (kind < 3) continue;
    Node& member = node.members[name];
    if (kind == 3) member.null = true;
    if (kind > 3) member.value = static_cast<std::int64_t>(random.next() % 100);
    if (kind > 5 && depth > 0) member = random_object(random, depth - 1);
    if (kind > 5 && !member.object()) member.null = true;  // an empty object is not to be told from none
  }
  return node;
}

TEST(Layers, AreMergePatches) {
  Xoshiro random(7396);
  for (int round = 0; round < 20'000; ++round) {
    Node target;
    std::vector<Content> layers;
    for (int i = 0; i < 4; ++i) {
      Node patch = random_object(random, 3);
      patch.members["d"].value = i;  // never empty
      target = merge_patch(std::move(target), patch);
      Content flat;
      flatten(patch, "", flat);
      layers.push_back(std::move(flat));
    }
    Content expected;
    flatten(target, "", expected);
    ASSERT_EQ(merged(layers), expected) << round;
  }
}

TEST(JsonList, GivesItsElementsAsTheyAreWritten) {
  EXPECT_EQ(json_list(" [ 1 , \"a,]\" ,{\"x\": [2]}, [] ] ").value(),
            (std::vector<std::string_view>{"1", "\"a,]\"", "{\"x\": [2]}", "[]"}));
  EXPECT_EQ(json_list("[]").value().size(), 0U);
  for (const char* bad : {"", "[", "]", "[1", "[1,]", "[,1]", "[1 2]", "[1]x", "{}", "1", "[\xff]"})
    EXPECT_FALSE(json_list(bad)) << bad;
}

}  // namespace
}  // namespace edgesync::config
