// SPDX-License-Identifier: Apache-2.0
// Versions that do not fit the schema of their scope: refused by name, and nobody is asked about them.
#include "fleet.hpp"

#include <gmock/gmock.h>

namespace edgesync {
namespace {

using testing::HasSubstr;
using Tree = std::map<std::string, Value>;

constexpr const char* limits = R"({
  "type": "object",
  "required": ["limits"],
  "properties": {
    "name": {"type": "string", "pattern": "^gw-[0-9]+$"},
    "limits": {
      "type": "object",
      "required": ["rpm"],
      "additionalProperties": false,
      "properties": {
        "rpm": {"type": "integer", "minimum": 1, "maximum": 3000},
        "ratio": {"type": "number"},
        "names": {"type": "array", "items": {"type": "string"}}
      }
    }
  }
})";

JsonSchema schema(std::string_view text = limits) { return JsonSchema::parse(text).value(); }
std::string problem(const Tree& content) {
  const auto fits = schema().check(content);
  EXPECT_TRUE(fits || fits.error().is(Errc::invalid_argument));
  return fits ? "" : fits.error().detail;
}

TEST(JsonSchemas, TakeAContentForTheDocumentThatItsPathsMake) {
  EXPECT_EQ(problem({{"limits/rpm", 1200}}), "");
  EXPECT_EQ(problem({{"limits/rpm", 1200}, {"limits/ratio", 0.5}, {"limits/names", Json{R"(["a"])"}}}), "");
  EXPECT_EQ(problem({{"limits", Json{R"({"rpm": 1200})"}}}), "");
  EXPECT_EQ(problem({{"limits/rpm", 1200}, {"other/a/b", {}}, {"other/a/c", Bytes{std::byte{1}}}}), "");
}

TEST(JsonSchemas, NameWhereAndWhatIsWrong) {
  EXPECT_THAT(problem({}), HasSubstr("'limits'"));
  EXPECT_THAT(problem({{"limits/rpm", "fast"}}), HasSubstr("limits/rpm: "));
  EXPECT_THAT(problem({{"limits/rpm", 3001}}), HasSubstr("limits/rpm: "));
  EXPECT_THAT(problem({{"limits/rpm", 1.5}}), HasSubstr("limits/rpm: "));
  EXPECT_THAT(problem({{"limits/rpm", 1}, {"limits/names", Json{R"(["a", 2])"}}}), HasSubstr("limits/names/1: "));
  EXPECT_THAT(problem({{"limits/rpm", 1}, {"limits/extra", 1}}), HasSubstr("'extra'"));
  EXPECT_THAT(problem({{"limits/rpm", 1}, {"limits/ratio", std::nan("")}}), HasSubstr("limits/ratio: "));
  EXPECT_THAT(problem({{"limits", 3}, {"limits/rpm", 1}}), HasSubstr("limits: is a value"));
}

TEST(JsonSchemas, MatchNoTextThatIsTooLongForIt) {
  EXPECT_EQ(problem({{"limits/rpm", 1}, {"name", "gw-17"}}), "");
  EXPECT_THAT(problem({{"limits/rpm", 1}, {"name", "gw-x"}}), HasSubstr("name: "));
  EXPECT_THAT(problem({{"limits/rpm", 1}, {"name", "gw-" + std::string(400'000, '1')}}), HasSubstr("1 KiB"));
  EXPECT_TRUE(schema(R"({"type": "object"})").check({{"long", std::string(400'000, '1')}}));
}

TEST(JsonSchemas, MatchNoNameThatIsTooLongForIt) {
  const JsonSchema names =
      schema(R"({"properties": {"all": {"patternProperties": {"^[a-z]+$": {"type": "integer"}}}}})");
  EXPECT_TRUE(names.check({{"all", Json{R"({"a": 1})"}}}));
  EXPECT_FALSE(names.check({{"all", Json{R"({"a": "b"})"}}}));
  EXPECT_FALSE(names.check({{"all", Json{"{\"" + std::string(400'000, 'a') + "\": 1}"}}}));
}

TEST(JsonSchemas, CompareNoMoreItemsThanTheyCan) {
  const JsonSchema unique = schema(R"({"properties": {"all": {"uniqueItems": true}}})");
  const auto items = [](int count, int different) {
    std::string text = "[";
    for (int i = 0; i < count; ++i) text += (i == 0 ? "" : ",") + std::to_string(i % different);
    return std::map<std::string, Value>{{"all", Json{text + "]"}}};
  };
  EXPECT_TRUE(unique.check(items(1'024, 1'024)));
  EXPECT_FALSE(unique.check(items(1'024, 1)));
  EXPECT_THAT(unique.check(items(10, 9)).error().detail, HasSubstr("all"));
  EXPECT_THAT(unique.check(items(10'000, 10'000)).error().detail, HasSubstr("1024 items"));
  EXPECT_TRUE(schema(R"({"properties": {"all": {"maxItems": 20000}}})").check(items(10'000, 1)));
}

TEST(JsonSchemas, ANumberThatNobodyCanHoldDoesNotFit) {
  for (const std::string& text : {std::string("[1e400]"), "[" + std::string(400, '9') + "e1]"}) {
    const auto checked = schema("{}").check({{"n", Json{text}}});
    ASSERT_FALSE(checked) << text;
    EXPECT_TRUE(checked.error().is(Errc::invalid_argument)) << checked.error().detail;
  }
}

TEST(JsonSchemas, ThatAreNoneAreRefused) {
  for (const char* text : {"", "{", "[]", "3", R"({"type": "nonsense"})", R"({"properties": 3})", R"({"pattern": "("})",
                           R"({"patternProperties": {"(": {}}})", R"({"$ref": "http://localhost/other"})",
                           R"({"$ref": "#/nowhere"})", R"({"$ref": "#"})", R"({"allOf": [{"$ref": "#"}]})",
                           R"({"properties": {"a": {"not": {"$ref": "#/properties/a"}}}})",
                           R"({"definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}},
           "$ref": "#/definitions/a"})"}) {
    const auto parsed = JsonSchema::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_TRUE(parsed.error().is(Errc::invalid_argument)) << text;
    EXPECT_THAT(parsed.error().detail, HasSubstr("schema: ")) << text;
  }
  EXPECT_FALSE(JsonSchema::parse(std::string(100'000, '[') + std::string(100'000, ']')));
  const JsonSchema tree = schema(R"({"properties": {"below": {"$ref": "#"}, "leaf": {"type": "integer"}}})");
  EXPECT_TRUE(tree.check({{"below/below/leaf", 1}}));
  EXPECT_FALSE(tree.check({{"below/below/leaf", "1"}}));
}

/// What a property is called says nothing of what the schema wants, and what is data is no schema.
TEST(JsonSchemas, AreNotReadWhereThereAreNone) {
  const std::string text(2'000, 'a');
  Json many{"["};
  for (int i = 0; i < 2'000; ++i) many.text += (i == 0 ? "" : ",") + std::to_string(i);
  many.text += "]";
  const JsonSchema names = schema(R"({"properties": {"format": {"type": "string"}, "pattern": {}, "uniqueItems": {}},
      "default": {"pattern": "("}, "enum": [{"$ref": "#", "format": "("}, {}], "additionalProperties": {}})");
  EXPECT_FALSE(names.check({{"a", text}})) << "it is none of the two";
  const JsonSchema plain = schema(R"({"properties": {"format": {}, "pattern": {}, "uniqueItems": {}}})");
  EXPECT_TRUE(plain.check({{"format", text}, {"pattern", many}}));
  const JsonSchema hidden = schema(R"({"properties": {"default": {"type": "string", "pattern": "^a+$"}}})");
  EXPECT_TRUE(hidden.check({{"default", std::string("aaa")}}));
  EXPECT_FALSE(hidden.check({{"default", std::string(400'000, 'a')}}));
  EXPECT_FALSE(JsonSchema::parse(R"({"dependencies": {"a": {"$ref": "#"}}})"));
  EXPECT_TRUE(JsonSchema::parse(R"({"dependencies": {"a": ["b"]}, "properties": {"not": {"$ref": "#"}}})"));
}

class Schemas : public Fleet {};

TEST_F(Schemas, AVersionThatDoesNotFitIsRefusedByTheNodeBeforeItIsAsked) {
  Hub hub = open_hub();
  hub.config("app").publish([](Edit& edit) { edit.set("limits/rpm", 1200); }).value();
  NodeOptions options{.database = file("strict.db"), .name = "strict"};
  options.schemas.emplace("app", schema());
  Node node = Node::open(std::move(options)).value();
  Witness events, asked;
  const auto heard = node.on_event([&](const Event& event) {
    if (event.kind == EventKind::rejected) events.saw(std::to_string(event.version.number) + " " + event.error.detail);
  });
  const auto active = node.config("app").on_active(
      [&](const VersionInfo& version) { events.saw("active " + std::to_string(version.number)); });
  const auto decided = node.config("app").on_activate([&](const Candidate& candidate) {
    asked.saw(std::to_string(candidate.version.number));
    return Verdict::healthy;
  });
  node.link(to_hub()).value();
  ASSERT_TRUE(events.waits_for("active 1"));
  hub.config("app").publish([](Edit& edit) { edit.set("limits/rpm", 9000); }).value();
  ASSERT_TRUE(events.waits_for_more_than(1, 20s));
  EXPECT_THAT(events.seen().back(), HasSubstr("2 does not fit its schema: limits/rpm: "));
  EXPECT_EQ(node.config("app").active().number, 1U);
  EXPECT_EQ(node.config("app").history(1).value().front().role, VersionRole::quarantined);
  hub.config("app").publish([](Edit& edit) { edit.set("limits/rpm", 900); }).value();
  ASSERT_TRUE(events.waits_for("active 3"));
  EXPECT_EQ(asked.seen(), (std::vector<std::string>{"1", "3"}));
}

TEST_F(Schemas, AVersionThatDoesNotFitIsNotPublished) {
  NodeOptions options{.database = file("author.db"), .name = "author"};
  options.schemas.emplace("app", schema());
  Node node = Node::open(std::move(options)).value();
  for (const Result<VersionInfo>& published :
       {node.config("app").publish([](Edit& edit) { edit.set("limits/rpm", 0); }),
        node.config("app").publish_tree({{"limits/rpm", 0}}),
        node.config("app").rollout().publish_tree({{"limits/rpm", 0}}, {.waves = {{.percent = 100}}})}) {
    ASSERT_FALSE(published);
    EXPECT_TRUE(published.error().is(Errc::invalid_argument));
    EXPECT_THAT(published.error().detail, HasSubstr("config: app: does not fit its schema: limits/rpm: "));
  }
  EXPECT_EQ(node.config("app").publish_tree({{"limits/rpm", 1}}).value().number, 1U);
  EXPECT_TRUE(node.config("other").publish_tree({{"limits/rpm", 0}}));
}

}  // namespace
}  // namespace edgesync
