// SPDX-License-Identifier: Apache-2.0
#include "hub_side.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string_view>
#include <variant>

namespace program {
namespace {

using Limit = std::variant<std::size_t es::HubLimits::*, double es::HubLimits::*, es::Rate es::HubLimits::*>;

struct NamedLimit {
  std::string_view name;
  Limit member;
};

// A rate is PER_SECOND/BURST.
constexpr std::array<NamedLimit, 11> limits = {{{"links", &es::HubLimits::links},
                                                {"strangers", &es::HubLimits::strangers},
                                                {"strangers-per-network", &es::HubLimits::strangers_per_network},
                                                {"arrivals", &es::HubLimits::arrivals},
                                                {"arrivals-per-network", &es::HubLimits::arrivals_per_network},
                                                {"refusals-per-network", &es::HubLimits::refusals_per_network},
                                                {"suspects-per-network", &es::HubLimits::suspects_per_network},
                                                {"refusals-per-name", &es::HubLimits::refusals_per_name},
                                                {"frames", &es::HubLimits::frames},
                                                {"bytes", &es::HubLimits::bytes},
                                                {"incoming-bytes", &es::HubLimits::incoming_bytes}}};

template <class Number>
bool read(std::string_view text, Number& out) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
  return failure == std::errc() && end == text.data() + text.size() && out >= 0;
}

bool read(std::string_view text, es::Rate& out) {
  const auto slash = text.find('/');
  return slash != std::string_view::npos && read(text.substr(0, slash), out.per_second) &&
         read(text.substr(slash + 1), out.burst);
}

}  // namespace

struct Tokens::Shared {
  std::string path{};
  std::mutex mutex{};
  es::Authorizer now{};  // guarded by mutex
};

es::Result<Tokens> Tokens::read(const std::string& path) {
  Tokens tokens(std::make_shared<Shared>());
  tokens.shared_->path = path;
  if (auto read = tokens.read_again(); !read) return read.error();
  return tokens;
}

es::Result<void> Tokens::read_again() {
  if (shared_->path.empty()) return {};
  auto grants = es::token_file(shared_->path);
  if (!grants) return grants.error();
  const std::lock_guard lock(shared_->mutex);
  shared_->now = std::move(*grants);
  return {};
}

es::Authorizer Tokens::authorizer() const {
  es::Authorizer authorizer;
  if (shared_->path.empty()) return authorizer;
  authorizer.connect = [shared = shared_](const es::Credentials& credentials) {
    const std::lock_guard lock(shared->mutex);
    return shared->now.connect(credentials);
  };
  authorizer.scope = [shared = shared_](const es::Credentials& credentials, es::Plane plane, std::string_view scope) {
    const std::lock_guard lock(shared->mutex);
    return shared->now.scope(credentials, plane, scope);
  };
  return authorizer;
}

es::Result<es::HubLimits> limits_of(const Options& options) {
  es::HubLimits result;
  for (const auto& limit : options.limits) {
    const std::string &name = limit.first, &value = limit.second;
    const auto known = std::find_if(limits.begin(), limits.end(), [&](const auto& one) { return one.name == name; });
    if (known == limits.end()) return es::Error(es::Errc::invalid_argument, "--limit: " + name + ": unknown");
    const bool good = std::visit([&](const auto member) { return read(value, result.*member); }, known->member);
    if (!good) return es::Error(es::Errc::invalid_argument, "--limit: " + name + ": '" + value + "' is none");
  }
  return result;
}

void notify_manager(const char* state) noexcept {
  const char* const path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t size = path == nullptr ? 0 : std::strlen(path);
  if (size == 0 || size >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path, size);
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // an abstract one
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
  // Nobody to tell if it cannot be told.
  (void)!::sendto(socket, state, std::strlen(state), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), length);
  ::close(socket);
}

}  // namespace program
