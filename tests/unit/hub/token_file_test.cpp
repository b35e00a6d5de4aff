// SPDX-License-Identifier: Apache-2.0
#include <edgesync/options.hpp>

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace edgesync {
namespace {

class TokenFile : public testing::Test {
 protected:
  TokenFile() : path_((std::filesystem::temp_directory_path() / ("tokens-" + std::to_string(::getpid()))).string()) {}
  ~TokenFile() override { std::filesystem::remove(path_); }

  Result<Authorizer> load(const std::string& text) {
    std::ofstream(path_) << text;
    return token_file(path_);
  }
  static Credentials who(std::string token, std::string name = "gw-1") {
    return {std::move(token), std::move(name), {}, {}};
  }

  std::string path_;
};

TEST_F(TokenFile, GrantsWhatItSaysAndNothingElse) {
  const auto loaded = load("# comment\ns3cret rw twin/{name} plant/*\nreader ro *\n\n");
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(loaded->connect(who("s3cret")));
  EXPECT_FALSE(loaded->connect(who("S3cret")));
  EXPECT_FALSE(loaded->connect(who("")));
  EXPECT_EQ(loaded->scope(who("s3cret"), Plane::state, "twin/gw-1"), Access::read_write);
  EXPECT_EQ(loaded->scope(who("s3cret"), Plane::state, "twin/gw-2"), Access::none);
  EXPECT_EQ(loaded->scope(who("s3cret"), Plane::config, "plant/line-3"), Access::read_write);
  EXPECT_EQ(loaded->scope(who("s3cret"), Plane::config, "plant"), Access::none);
  EXPECT_EQ(loaded->scope(who("s3cret"), Plane::config, "planted/x"), Access::none);
  EXPECT_EQ(loaded->scope(who("reader"), Plane::state, "twin/gw-1"), Access::read);
  EXPECT_EQ(loaded->scope(who("nobody"), Plane::state, "twin/gw-1"), Access::none);
}

TEST_F(TokenFile, ANodeCannotNameItselfOutOfItsScope) {
  const auto loaded = load("s3cret rw twin/{name}/*\n");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->scope(who("s3cret", "gw/../x"), Plane::state, "twin/gw/../x/y"), Access::none);
  EXPECT_EQ(loaded->scope(who("s3cret", "*"), Plane::state, "twin/other/y"), Access::none);
  EXPECT_EQ(loaded->scope(who("s3cret", ""), Plane::state, "twin//y"), Access::none);
}

TEST_F(TokenFile, WhatIsEdgesyncsOwnIsToBeNamed) {
  const auto loaded = load("all rw *\nown rw {name}/* edgesync/{name} edgesync/*\nlist rw edgesync/access\n");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->scope(who("all"), Plane::state, "edgesync/access"), Access::none);
  EXPECT_EQ(loaded->scope(who("own", "edgesync"), Plane::state, "edgesync/access"), Access::none);
  EXPECT_EQ(loaded->scope(who("own", "access"), Plane::state, "edgesync/access"), Access::none);
  EXPECT_EQ(loaded->scope(who("list"), Plane::state, "edgesync/access"), Access::read_write);
}

TEST_F(TokenFile, FaultsNameTheLine) {
  EXPECT_TRUE(token_file("/no/such/file").error().is(Errc::not_found));
  EXPECT_NE(load("good rw a\nbad xx a\n").error().detail.find(":2:"), std::string::npos);
  EXPECT_TRUE(load("lonely rw\n").error().is(Errc::invalid_argument));
}

}  // namespace
}  // namespace edgesync
