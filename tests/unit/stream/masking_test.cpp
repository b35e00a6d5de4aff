// SPDX-License-Identifier: Apache-2.0
// Masks: what leaves of a record.
#include "stream/masking.hpp"

#include "base/random.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

namespace edgesync::stream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Schema whole{{{"n", i64}, {"driver", text}, {"lat", f64}, {"card", bytes}, {"ok", boolean}}};

Value one(const Column& column, const Mask& mask, const Value& value) {
  const Masking masking({{column, {"rest", i64}}}, {{column.name, mask}});
  return masking.apply(std::vector<Value>{value, Value()}).at(0);
}

TEST(Masking, LeavesNoColumnOfWhatIsDropped) {
  const Masking masking(whole, {{"driver", Mask::drop()}, {"card", Mask::drop()}});
  EXPECT_THAT(masking.shipped().columns, ElementsAre(Column{"n", i64}, Column{"lat", f64}, Column{"ok", boolean}));
  const std::vector<Value> row{std::int64_t{7}, "Ada", 1.5, Bytes(3), true};
  EXPECT_THAT(masking.apply(row), ElementsAre(Value(std::int64_t{7}), Value(1.5), Value(true)));
}

TEST(Masking, HashesUnderTheKeyAndTheColumn) {  // expectations from another implementation of HMAC-SHA-256
  EXPECT_EQ(one({"driver", text}, Mask::hash("secret"), "Ada"), Value("5f5e85bc5cbc1e6afd11f4f8ec4b5c5e"));
  const Value card = one({"card", bytes}, Mask::hash(std::string(64, 'k')), Bytes{std::byte{1}, std::byte{0xff}});
  EXPECT_EQ(to_hex(std::get<Bytes>(card)), "4dcf93c296ab75edd9461ab62d96ffcf");
  EXPECT_NE(one({"driver", text}, Mask::hash("other"), "Ada"), Value("5f5e85bc5cbc1e6afd11f4f8ec4b5c5e"));
  EXPECT_NE(one({"guest", text}, Mask::hash("secret"), "Ada"), Value("5f5e85bc5cbc1e6afd11f4f8ec4b5c5e"));
}

TEST(Masking, RoundsToTheNearestMultiple) {
  EXPECT_EQ(one({"lat", f64}, Mask::round(0.01), 48.137154), Value(48.14));
  EXPECT_EQ(one({"lat", f64}, Mask::round(0.25), -1.125), Value(-1.25));
  EXPECT_EQ(one({"lat", f64}, Mask::round(10), std::int64_t{1234}), Value(1230.0));
  EXPECT_EQ(one({"n", i64}, Mask::round(10), std::int64_t{15}), Value(std::int64_t{20}));
  EXPECT_EQ(one({"n", i64}, Mask::round(10), std::int64_t{-14}), Value(std::int64_t{-10}));
  EXPECT_EQ(one({"n", i64}, Mask::round(10), std::int64_t{-15}), Value(std::int64_t{-20}));
}

TEST(Masking, RoundsWhatHasNoMultipleNearItTowardsTheNearestThereIs) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max(),
                         least = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(one({"n", i64}, Mask::round(1000), most), Value(most - most % 1000));
  EXPECT_EQ(one({"n", i64}, Mask::round(1000), least), Value(least - least % 1000));
  EXPECT_EQ(one({"lat", f64}, Mask::round(0.1), 1e300), Value(1e300));
  EXPECT_EQ(one({"lat", f64}, Mask::round(1e-300), 1e300), Value(1e300));
  EXPECT_EQ(one({"lat", f64}, Mask::round(1e308), 1.7e308), Value(1e308));
  EXPECT_EQ(one({"lat", f64}, Mask::round(0.1), INFINITY), Value(INFINITY));
  EXPECT_TRUE(std::isnan(std::get<double>(one({"lat", f64}, Mask::round(0.1), NAN))));
}

TEST(Masking, RoundedValuesAreNearAndStayWhereTheyAre) {
  Xoshiro random(5);
  for (int i = 0; i < 20'000; ++i) {
    const double step =
        std::pow(10.0, static_cast<double>(random.below(7)) - 4) * static_cast<double>(1 + random.below(9));
    const double value = (static_cast<double>(random.below(2'000'001)) - 1'000'000) / 997;
    const double rounded = std::get<double>(one({"x", f64}, Mask::round(step), value));
    ASSERT_LE(std::abs(rounded - value), step / 2 * (1 + 1e-9)) << value << " by " << step;
    ASSERT_EQ(one({"x", f64}, Mask::round(step), rounded), Value(rounded)) << value << " by " << step;
  }
}

TEST(Masking, LeavesNullNull) {
  EXPECT_EQ(one({"driver", text}, Mask::hash("k"), Value()), Value());
  EXPECT_EQ(one({"lat", f64}, Mask::round(1), Value()), Value());
}

TEST(Masking, RefusesMasksThatAreNone) {
  const std::vector<std::pair<Masks, std::string>> bad{
      {{{"nobody", Mask::drop()}}, "'nobody': there is none"},
      {{{"n", Mask::hash("k")}}, "'n': hash is for text and bytes"},
      {{{"driver", Mask::hash("")}}, "'driver': the key"},
      {{{"driver", Mask::hash(std::string(65, 'k'))}}, "'driver': the key"},
      {{{"ok", Mask::round(1)}}, "'ok': round is for"},
      {{{"lat", Mask::round(0)}}, "'lat': the step"},
      {{{"lat", Mask::round(-1)}}, "'lat': the step"},
      {{{"lat", Mask::round(INFINITY)}}, "'lat': the step"},
      {{{"lat", Mask::round(NAN)}}, "'lat': the step"},
      {{{"lat", Mask::round(1e-310)}}, "'lat': the step"},
      {{{"n", Mask::round(0.5)}}, "'n': the step is not whole"},
      {{{"n", Mask::drop()},
        {"driver", Mask::drop()},
        {"lat", Mask::drop()},
        {"card", Mask::drop()},
        {"ok", Mask::drop()}},
       "no column is left"},
  };
  for (const auto& [masks, why] : bad) {
    const auto good = validate(masks, whole);
    ASSERT_FALSE(good) << why;
    EXPECT_TRUE(good.error().is(Errc::invalid_argument));
    EXPECT_THAT(good.error().detail, HasSubstr(why));
  }
  EXPECT_TRUE(validate({{"driver", Mask::hash("k")}, {"lat", Mask::round(0.1)}}, whole));
}

TEST(Masking, AreReadAsTheyWereWritten) {
  const Masks masks{{"driver", Mask::hash("k")}, {"lat", Mask::round(0.1)}, {"card", Mask::drop()}};
  Bytes body;
  Writer out(body);
  write_masks(out, masks);
  Reader in(body);
  EXPECT_EQ(read_masks(in), masks);
  EXPECT_TRUE(in.done());
  for (std::size_t size = 0; size < body.size(); ++size) {
    Reader torn(ByteView(body).first(size));
    read_masks(torn);
    EXPECT_FALSE(torn.done()) << size;
  }
}

}  // namespace
}  // namespace edgesync::stream
