// SPDX-License-Identifier: Apache-2.0
// Masked streams: the hub gets what may leave, the node keeps the whole, and nobody forgets the rule.
#include "fleet.hpp"

#include <gmock/gmock.h>

#include <fstream>

namespace edgesync {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Masked : public Fleet {
 protected:
  static StreamOptions rides() {
    return {.columns = {{"km", i64}, {"driver", text}, {"pin", text}},
            .masks = {{"driver", Mask::hash("pepper")}, {"pin", Mask::drop()}}};
  }
  static std::vector<Value> fields(const Stream& stream, const ReplicaId& origin, std::uint64_t sequence) {
    return stream.read(origin, sequence, 1).value().records.at(0).fields;
  }
  std::string on_disk(const std::string& name) const {
    std::string all;
    for (const char* suffix : {".db", ".db-wal"}) {
      std::ifstream in(file(name + suffix), std::ios::binary);
      all.append(std::istreambuf_iterator<char>(in), {});
    }
    return all;
  }
};

TEST_F(Masked, GiveTheHubWhatMayLeaveAndKeepTheWhole) {
  Hub hub = open_hub();
  Node node = open_node();
  Stream stream = node.stream("rides", rides());
  EXPECT_EQ(stream.append({12, "driver-in-clear", "pin-in-clear"}).value().first, 1U);
  node.stream("rides").append({13, "driver-in-clear", "pin-in-clear"}).value();  // a handle that says no rules
  node.link(to_hub()).value();
  node.flush(20s).value();
  const Stream received = hub.stream("rides");
  const auto first = fields(received, node.id(), 1), second = fields(received, node.id(), 2);
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0], Value(std::int64_t{12}));
  EXPECT_EQ(first[1], second[1]);
  EXPECT_THAT(std::get<std::string>(first[1]), Not(HasSubstr("clear")));
  EXPECT_THAT(fields(node.stream("rides/local"), node.id(), 1),
              ElementsAre(Value(std::int64_t{12}), Value("driver-in-clear"), Value("pin-in-clear")));
  EXPECT_TRUE(hub.stream("rides/local").origins().value().empty());
  EXPECT_THAT(on_disk("node"), HasSubstr("pin-in-clear"));
  EXPECT_THAT(on_disk("hub"), HasSubstr("rides"));
  EXPECT_THAT(on_disk("hub"), Not(HasSubstr("in-clear")));
}

TEST_F(Masked, StayMaskedWhoeverOpensThem) {
  { open_node().stream("rides", rides()).append({1, "x", "y"}).value(); }
  Node node = open_node();
  node.stream("rides").append({2, "x", "y"}).value();  // known from the file
  EXPECT_EQ(fields(node.stream("rides"), node.id(), 1)[1], fields(node.stream("rides"), node.id(), 2)[1]);
  StreamOptions other = rides();
  other.masks.erase("driver");
  EXPECT_TRUE(node.stream("rides", other).append({3, "x", "y"}).error().is(Errc::type_mismatch));
  other.masks = {};
  EXPECT_TRUE(node.stream("rides", other).append({3, "x", "y"}).error().is(Errc::type_mismatch));
  other.columns.pop_back();  // as what leaves has them
  EXPECT_TRUE(node.stream("rides", other).append({3, "x"}).error().is(Errc::type_mismatch));
  node.stream("plain", {.columns = rides().columns}).append({1, "x", "y"}).value();
  EXPECT_TRUE(node.stream("plain", rides()).append({1, "x", "y"}).error().is(Errc::type_mismatch));
  EXPECT_EQ(node.stream("rides").counts().value().produced, 2U);
  EXPECT_EQ(node.stream("rides/local").counts().value().produced, 2U);
}

TEST_F(Masked, ArePastNoHandleThatIsOlderThanTheMasks) {
  Node node = open_node();
  StreamOptions options = rides();
  options.masks.erase("pin");  // what leaves has the same columns
  Stream before = node.stream("rides");
  node.stream("rides", options).append({1, "driver-in-clear", ""}).value();
  before.append({2, "driver-in-clear", ""}).value();
  const auto first = fields(node.stream("rides"), node.id(), 1), second = fields(node.stream("rides"), node.id(), 2);
  EXPECT_EQ(first[1], second[1]);
  EXPECT_EQ(node.stream("rides/local").counts().value().produced, 2U);
}

TEST_F(Masked, ChangeNothingWhereTheyAreRefused) {
  Node node = open_node();
  Stream stream = node.stream("rides", rides());
  for (int i = 0; i < 300; ++i) stream.append({}, {i, "x", std::string(100, static_cast<char>('a' + i % 26))}).value();
  StreamOptions other = rides();
  other.masks.erase("driver");
  other.quota = 1;
  EXPECT_TRUE(node.stream("rides", other).append({1, "x", "y"}).error().is(Errc::type_mismatch));
  stream.append({1, "x", "y"}).value();
  EXPECT_EQ(node.stream("rides/local").counts().value().dropped, 0U);
  node.stream("plain", {.columns = rides().columns}).append({1, "x", "y"}).value();
  EXPECT_TRUE(node.stream("plain", rides()).append({1, "x", "y"}).error().is(Errc::type_mismatch));
  for (const ScopeStatus& scope : node.status().scopes) EXPECT_NE(scope.scope, "plain/local");
  node.stream("taken/local", {.columns = {{"n", i64}}}).append({1}).value();
  EXPECT_TRUE(node.stream("taken", rides()).append({1, "x", "y"}).error().is(Errc::type_mismatch));
}

TEST_F(Masked, RefuseWhatDoesNotFitBeforeAnythingIsAppended) {
  Node node = open_node();
  Stream stream = node.stream("rides", rides());
  EXPECT_TRUE(stream.append({1, "x", 7}).error().is(Errc::type_mismatch));
  EXPECT_TRUE(stream.append({1, "x"}).error().is(Errc::invalid_argument));
  EXPECT_EQ(stream.counts().value().produced, 0U);
  EXPECT_EQ(node.stream("rides/local").counts().value().produced, 0U);
  const auto bad = node.stream("bad", {.columns = {{"n", i64}}, .masks = {{"m", Mask::drop()}}}).append({1});
  EXPECT_THAT(bad.error().detail, HasSubstr("column 'm': there is none"));
  const auto local =
      node.stream("here", {.columns = {{"n", i64}}, .local_only = true, .masks = {{"n", Mask::round(2)}}});
  EXPECT_THAT(Stream(local).append({1}).error().detail, HasSubstr("nothing leaves"));
}

TEST_F(Masked, AppendNothingOnceTheWholeHasNoPlace) {
  Node node = open_node();
  Stream stream = node.stream("rides", rides());
  stream.append({1, "x", "y"}).value();
  node.unsubscribe(Plane::stream, "rides/local", Node::Unsent::discard).value();
  EXPECT_TRUE(stream.append({2, "x", "y"}).error().is(Errc::not_found));
  EXPECT_EQ(stream.counts().value().produced, 1U);
  node.stream("rides", rides()).append({3, "x", "y"}).value();  // taken up again
  EXPECT_EQ(stream.counts().value().produced, 2U);
}

TEST_F(Masked, KeepNothingOfWhatAppendRefused) {
  Node node = open_node();
  StreamOptions options = rides();
  options.quota = 4'000;
  options.overflow = Overflow::reject;
  Stream stream = node.stream("rides", options);
  std::uint64_t kept = 0;
  while (stream.append({1, "x", "y"})) ++kept;
  EXPECT_GT(kept, 10U);
  EXPECT_EQ(node.stream("rides/local").counts().value().produced, kept);
}

}  // namespace
}  // namespace edgesync
