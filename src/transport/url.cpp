// SPDX-License-Identifier: Apache-2.0
#include "transport/url.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace edgesync::transport {
namespace {

constexpr std::size_t url_bytes_max = 2048;
constexpr std::size_t host_bytes_max = 253;  // RFC 1035, without the final dot
constexpr std::size_t label_bytes_max = 63;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// The message never repeats the URL: a mistyped one may hold a password.
Error bad(std::string_view why) { return {Errc::invalid_argument, "url: " + std::string(why)}; }

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0 || !is_digit(text.front())) return {};
  return port;
}

bool is_path(std::string_view text) {
  constexpr std::string_view marks = "-._~!$&'()*+,;=:@/%";
  return std::ranges::all_of(text, [&](char c) { return is_digit(c) || is_letter(c) || marks.find(c) != marks.npos; });
}

bool is_label(std::string_view label) {
  if (label.empty() || label.size() > label_bytes_max || label.front() == '-' || label.back() == '-') return false;
  return std::ranges::all_of(label, [](char c) { return is_digit(c) || is_letter(c) || c == '-' || c == '_'; });
}

template <int family, std::size_t size>
std::optional<std::array<unsigned char, size>> parse_ip(std::string_view text) {
  std::array<unsigned char, size> bytes{};
  if (text.find('\0') != text.npos) return {};  // inet_pton() would take what stands before it
  if (inet_pton(family, std::string(text).c_str(), bytes.data()) != 1) return {};
  return bytes;
}
constexpr auto parse_v4 = parse_ip<AF_INET, 4>;
constexpr auto parse_v6 = parse_ip<AF_INET6, 16>;

/// A last label of digits only would let "1.2.3" pass for a name; such a host must be a whole IPv4 address.
bool is_name(std::string_view host) {
  if (host.empty() || host.size() > host_bytes_max) return false;
  std::string_view label;
  for (std::string_view rest = host;; rest.remove_prefix(label.size() + 1)) {
    label = rest.substr(0, rest.find('.'));
    if (!is_label(label)) return false;
    if (label.size() == rest.size()) break;
  }
  return !std::ranges::all_of(label, is_digit) || parse_v4(host);
}

struct Authority {
  std::string_view host, port;
  bool has_port = false;
};

Result<Authority> split(std::string_view text) {
  if (text.find('@') != text.npos) return bad("credentials do not belong into a URL");
  if (!text.starts_with('[')) {
    const auto colon = text.find(':');
    const std::string_view host = text.substr(0, colon);
    if (!is_name(host)) return bad("the host is neither a name nor an address");
    if (colon == text.npos) return Authority{host, {}};
    return Authority{host, text.substr(colon + 1), true};
  }
  const auto end = text.find(']');
  if (end == text.npos || !parse_v6(text.substr(1, end - 1))) return bad("no IPv6 address in the brackets");
  const std::string_view rest = text.substr(end + 1);
  if (!rest.empty() && rest.front() != ':') return bad("only a port may follow the bracket");
  return Authority{text.substr(1, end - 1), rest.substr(rest.empty() ? 0 : 1), !rest.empty()};
}

}  // namespace

std::string Url::authority() const {
  std::string text = host.find(':') == host.npos ? host : "[" + host + "]";
  if (port != (secure ? 443 : 80)) text += ":" + std::to_string(port);
  return text;
}

bool is_address(std::string_view host) { return parse_v4(host) || parse_v6(host); }

bool is_loopback(std::string_view host) {
  if (host == "localhost") return true;
  if (const auto v4 = parse_v4(host)) return v4->front() == 127;
  const auto v6 = parse_v6(host);
  return v6 && std::all_of(v6->begin(), v6->end() - 1, [](unsigned char byte) { return byte == 0; }) && v6->back() == 1;
}

Result<Url> parse_url(std::string_view text) {
  if (text.size() > url_bytes_max) return bad("longer than " + std::to_string(url_bytes_max) + " bytes");
  Url url;
  url.secure = text.starts_with("wss://");
  if (!url.secure && !text.starts_with("ws://")) return bad("it must start with wss://");
  text.remove_prefix(url.secure ? 6 : 5);
  const auto slash = text.find('/');
  const Result<Authority> where = split(text.substr(0, slash));
  if (!where) return where.error();
  std::ranges::transform(where->host, std::back_inserter(url.host), lower);
  url.port = url.secure ? 443 : 80;
  if (where->has_port) {
    const auto port = where->port.empty() ? std::nullopt : parse_port(where->port);
    if (!port) return bad("the port is not a number from 1 to 65535");
    url.port = *port;
  }
  if (slash != text.npos) url.target = text.substr(slash);
  if (!is_path(url.target)) return bad("the path has a query, a fragment or a character that needs escaping");
  return url;
}

Result<Url> parse_url(std::string_view text, bool insecure) {
  Result<Url> url = parse_url(text);
  if (!url || url->secure) return url;
  if (!insecure) return Error(Errc::insecure, "url: ws:// is plaintext and needs `insecure`");
  if (!is_loopback(url->host)) return Error(Errc::insecure, "url: plaintext goes to a loopback host only");
  return url;
}

}  // namespace edgesync::transport
