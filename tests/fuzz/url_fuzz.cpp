// SPDX-License-Identifier: Apache-2.0
// Any text as a URL: what is accepted says the same when it is written down again, carries no credentials, and goes
// over plaintext only to this machine and only with leave.
#include "fuzz/input.hpp"
#include "transport/url.hpp"

using namespace edgesync;
using fuzz::holds;

namespace {

bool plain(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f' && c != '"' && c != '@'; });
}

std::string written(const transport::Url& url) {
  return (url.secure ? "wss://" : "ws://") + url.authority() + url.target;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto url = transport::parse_url(text);
  if (!url) fuzz::is_told(url.error());
  for (const bool insecure : {false, true}) {
    const auto allowed = transport::parse_url(text, insecure);
    if (!allowed) fuzz::is_told(allowed.error());
    holds(allowed.has_value() == (url && (url->secure || (insecure && transport::is_loopback(url->host)))),
          "plaintext needs leave and a loopback host");
  }
  if (!url) return 0;
  holds(!url->host.empty() && url->host.size() <= 253 && plain(url->host), "a host is a name or an address");
  holds(url->port > 0 && url->target.front() == '/', "a port and a path");
  holds(url->target.find_first_of("\r\n \"?#") == std::string::npos, "nothing in the path ends a header");
  const auto again = transport::parse_url(written(*url));
  holds(again && written(*again) == written(*url), "written down it says the same");
  holds(again->host == url->host && again->port == url->port && again->secure == url->secure, "part by part");
  return 0;
}
