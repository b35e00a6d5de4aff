// SPDX-License-Identifier: Apache-2.0
#include "transport/resolve.hpp"

#include "transport/thread.hpp"

#include <netdb.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstring>

namespace edgesync::transport {
namespace {

namespace ip = boost::asio::ip;

constexpr std::size_t addresses_max = 16;

ip::address to_address(const sockaddr& from) {
  if (from.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &from, sizeof v4);
    return ip::address_v4(ntohl(v4.sin_addr.s_addr));
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &from, sizeof v6);
  ip::address_v6::bytes_type bytes{};
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  return ip::address_v6(bytes, v6.sin6_scope_id);
}

Result<Lookup::Addresses> resolve(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int failed = getaddrinfo(host.c_str(), nullptr, &hints, &found); failed != 0)
    return Error(Errc::name_unknown, "cannot resolve " + host + ": " +
                                         (failed == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(failed)));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> guard(found, freeaddrinfo);
  Lookup::Addresses addresses;
  for (const addrinfo* at = found; at != nullptr && addresses.size() < addresses_max; at = at->ai_next)
    if (at->ai_family == AF_INET || at->ai_family == AF_INET6) addresses.push_back(to_address(*at->ai_addr));
  if (addresses.empty()) return Error(Errc::name_unknown, "cannot resolve " + host + ": no address");
  return addresses;
}

}  // namespace

std::shared_ptr<Lookup> Lookup::start(const std::string& host, Done done) {
  auto lookup = std::make_shared<Lookup>();
  lookup->done_ = std::move(done);
  boost::system::error_code not_an_address;
  if (const auto address = ip::make_address(host, not_an_address); !not_an_address) {
    lookup->finish(Addresses{address});
    return lookup;
  }
  if (!start_quiet_thread([lookup, host] { lookup->finish(resolve(host)); }))
    lookup->finish(Error(Errc::limit_exceeded, "cannot resolve " + host + ": no thread to spare"));
  return lookup;
}

void Lookup::cancel() {
  const std::lock_guard lock(mutex_);
  done_ = nullptr;
}

void Lookup::finish(Result<Addresses> result) {
  const std::lock_guard lock(mutex_);
  if (done_) done_(std::move(result));
  done_ = nullptr;
}

}  // namespace edgesync::transport
