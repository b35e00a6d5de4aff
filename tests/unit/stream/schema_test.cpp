// SPDX-License-Identifier: Apache-2.0
#include "stream/schema.hpp"

#include "samples.hpp"

#include <gtest/gtest.h>

namespace edgesync::stream {
namespace {

Schema named(std::vector<std::string> names) {
  Schema schema;
  for (std::string& name : names) schema.columns.push_back({std::move(name), edgesync::i64});
  return schema;
}

TEST(Schema, WantsOneTo64UniqueShortNames) {
  EXPECT_TRUE(validate(named({"a", "b"})));
  EXPECT_TRUE(validate(named({std::string(64, 'x')})));
  EXPECT_TRUE(validate(named({})).error().is(Errc::invalid_argument));
  EXPECT_TRUE(validate(named({""})).error().is(Errc::invalid_argument));
  EXPECT_TRUE(validate(named({std::string(65, 'x')})).error().is(Errc::limit_exceeded));
  EXPECT_EQ(validate(named({"a", "b", "a"})).error().detail, "schema: column 'a' twice");
  EXPECT_TRUE(validate(named(std::vector<std::string>(65, "x"))).error().is(Errc::limit_exceeded));
  EXPECT_TRUE(validate(Schema{{{"x", ColumnType{0}}}}).error().is(Errc::invalid_argument));
  EXPECT_TRUE(validate(Schema{{{"x", ColumnType{6}}}}).error().is(Errc::invalid_argument));
}

TEST(Schema, RefusalsNameTheColumn) {
  const Schema schema{{{"temp", edgesync::f64}, {"ok", boolean}}};
  EXPECT_EQ(fits(schema, std::vector<Value>{21.5, std::string("yes")}).error().detail,
            "column 'ok': holds boolean, not text");
  EXPECT_TRUE(fits(schema, std::vector<Value>{21.5}).error().is(Errc::invalid_argument));
  EXPECT_TRUE(fits(schema, std::vector<Value>{21.5, Json{"true"}}).error().is(Errc::type_mismatch));
  EXPECT_TRUE(fits(schema, std::vector<Value>{std::monostate{}, std::monostate{}}));
}

TEST(Schema, IntegersFitADoubleOnlyWhenExact) {
  const Schema schema{{{"x", edgesync::f64}}};
  EXPECT_TRUE(fits(schema, std::vector<Value>{std::int64_t{1480}}));
  EXPECT_TRUE(fits(schema, std::vector<Value>{std::numeric_limits<std::int64_t>::min()}));
  for (std::int64_t lost : {(std::int64_t{1} << 53) + 1, std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_TRUE(fits(schema, std::vector<Value>{lost}).error().is(Errc::type_mismatch)) << lost;
  }
}

TEST(Schema, ARecordIsAtMostHalfAMebibyte) {
  const Schema schema{{{"x", edgesync::text}}};
  EXPECT_TRUE(fits(schema, std::vector<Value>{std::string(max_record_bytes - 16, 'x')}));
  EXPECT_TRUE(
      fits(schema, std::vector<Value>{std::string(max_record_bytes - 15, 'x')}).error().is(Errc::limit_exceeded));
}

}  // namespace
}  // namespace edgesync::stream
