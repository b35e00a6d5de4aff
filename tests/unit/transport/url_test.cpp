// SPDX-License-Identifier: Apache-2.0
#include "transport/url.hpp"

#include "transport/close_reason.hpp"

#include <gtest/gtest.h>

namespace edgesync::transport {
namespace {

TEST(Url, TakesHostPortAndPath) {
  const auto url = parse_url("wss://Hub.Example.com:8443/plant-7/x%20y").value();
  EXPECT_TRUE(url.secure);
  EXPECT_EQ(url.host, "hub.example.com");
  EXPECT_EQ(url.port, 8443);
  EXPECT_EQ(url.target, "/plant-7/x%20y");
  EXPECT_EQ(url.authority(), "hub.example.com:8443");
}

TEST(Url, FillsInPortAndPath) {
  EXPECT_EQ(parse_url("wss://hub").value().port, 443);
  EXPECT_EQ(parse_url("wss://hub").value().target, "/");
  EXPECT_EQ(parse_url("wss://hub").value().authority(), "hub");
  EXPECT_EQ(parse_url("ws://localhost").value().port, 80);
}

TEST(Url, TakesAddresses) {
  EXPECT_EQ(parse_url("wss://192.0.2.7:1").value().authority(), "192.0.2.7:1");
  const auto url = parse_url("wss://[2001:DB8::7]:444/").value();
  EXPECT_EQ(url.host, "2001:db8::7");
  EXPECT_EQ(url.authority(), "[2001:db8::7]:444");
}

TEST(Url, RefusesEverythingElse) {
  const std::string long_label(64, 'a'), long_path(3000, 'a');
  for (const std::string& text : {std::string(),
                                  std::string("hub"),
                                  std::string("https://hub"),
                                  std::string("WSS://hub"),
                                  std::string("wss://"),
                                  std::string("wss:///x"),
                                  std::string("wss://:1"),
                                  std::string("wss://user@hub"),
                                  std::string("wss://user:secret@hub"),
                                  std::string("wss://hub:"),
                                  std::string("wss://hub:0"),
                                  std::string("wss://hub:65536"),
                                  std::string("wss://hub:-1"),
                                  std::string("wss://hub:+1"),
                                  std::string("wss://hub:1x"),
                                  std::string("wss://hub:1:2"),
                                  std::string("wss://hub?x"),
                                  std::string("wss://hub/?x"),
                                  std::string("wss://hub/#x"),
                                  std::string("wss://hub/a b"),
                                  std::string("wss://hub/a\r\nX: y"),
                                  std::string("wss://hub/\xc3\xa4"),
                                  std::string("wss://h ub"),
                                  std::string("wss://h\tub"),
                                  std::string("wss://hub."),
                                  std::string("wss://.hub"),
                                  std::string("wss://a..b"),
                                  std::string("wss://-a"),
                                  std::string("wss://a-.b"),
                                  std::string("wss://1.2.3"),
                                  std::string("wss://1.2.3.256"),
                                  std::string("wss://::1"),
                                  std::string("wss://[::1"),
                                  std::string("wss://[::1]x"),
                                  std::string("wss://[::1%lo]"),
                                  std::string("wss://[::1\0]", 12),
                                  std::string("wss://[127.0.0.1]"),
                                  std::string("wss://[]"),
                                  "wss://" + long_label,
                                  "wss://hub/" + long_path,
                                  std::string("wss://hub\0x", 11)}) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_TRUE(url.error().is(Errc::invalid_argument)) << text;
    EXPECT_EQ(url.error().detail.find("secret"), std::string::npos);
  }
}

TEST(Url, PlaintextNeedsLeaveAndLoopback) {
  EXPECT_TRUE(parse_url("ws://hub", false).error().is(Errc::insecure));
  EXPECT_TRUE(parse_url("ws://localhost", false).error().is(Errc::insecure));
  EXPECT_TRUE(parse_url("ws://hub", true).error().is(Errc::insecure));
  EXPECT_TRUE(parse_url("ws://192.0.2.1", true).error().is(Errc::insecure));
  EXPECT_TRUE(parse_url("ws://127.evil.example", true).error().is(Errc::insecure));
  for (const char* text : {"ws://localhost:1", "ws://127.0.0.1", "ws://127.9.9.9", "ws://[::1]:80", "wss://hub"})
    EXPECT_TRUE(parse_url(text, true)) << text;
}

TEST(CloseReason, CarriesTheCodeByName) {
  for (int value = 1; value <= static_cast<int>(Errc::closed); ++value) {
    const auto errc = static_cast<Errc>(value);
    const CloseReason reason = to_close_reason({errc, "why not"});
    const Error seen = from_close_reason(reason.code, reason.text);
    EXPECT_TRUE(seen.is(errc == Errc::cancelled ? Errc::closed : errc)) << name(errc);
    EXPECT_EQ(seen.detail, "the peer closed the connection: why not");
  }
}

TEST(CloseReason, IsShortPrintableUtf8) {
  const CloseReason reason = to_close_reason({Errc::forbidden, "\n\xff\xc3\xa4" + std::string(500, 'x')});
  EXPECT_EQ(reason.code, 1008);
  EXPECT_EQ(reason.text.size(), close_text_bytes_max);
  EXPECT_TRUE(reason.text.starts_with("forbidden: ??\xc3\xa4xxx"));
}

TEST(CloseReason, FallsBackToTheNumber) {
  EXPECT_TRUE(from_close_reason(1000, "").is(Errc::closed));
  EXPECT_TRUE(from_close_reason(1002, "nonsense").is(Errc::protocol_violation));
  EXPECT_TRUE(from_close_reason(1008, "").is(Errc::forbidden));
  EXPECT_TRUE(from_close_reason(1009, "").is(Errc::limit_exceeded));
  EXPECT_TRUE(from_close_reason(1013, "busy").is(Errc::unreachable));
  EXPECT_TRUE(from_close_reason(4999, "x: y").is(Errc::closed));
}

TEST(CloseReason, ForeignCategoriesAreInternal) {
  const Error why(std::make_error_code(std::errc::io_error), "disk");
  EXPECT_EQ(to_close_reason(why).code, 1011);
}

}  // namespace
}  // namespace edgesync::transport
