// SPDX-License-Identifier: Apache-2.0
#include "transport/strangers.hpp"

#include <boost/asio/ip/address.hpp>

namespace edgesync::transport {
namespace {

constexpr std::size_t networks_max = 4'096;  // remembered without a stranger from there

}  // namespace

Result<void> Strangers::enter(const std::string& network, Instant now) {
  if (strangers_ >= limits_.strangers_max)
    return Error(Errc::limit_exceeded, "too many connections that are not open yet");
  if (arrivals_.within_at(limits_.arrivals) > now) return Error(Errc::limit_exceeded, "too many at once");
  if (networks_.size() >= networks_max) forget_some(now);
  const auto at = networks_.try_emplace(network).first;
  const bool suspect = at->second.refused.within_at(refusals_) > now;
  const std::size_t most = suspect ? limits_.suspects_per_network : limits_.strangers_per_network;
  if (at->second.strangers >= most)
    return Error(Errc::limit_exceeded, suspect ? "too many from this network, which was refused too often"
                                               : "too many from this network that are not open yet");
  if (at->second.arrivals.within_at(limits_.arrivals_of_network) > now)
    return Error(Errc::limit_exceeded, "too many at once from this network");
  arrivals_.add(1, limits_.arrivals, now);
  at->second.arrivals.add(1, limits_.arrivals_of_network, now);
  ++at->second.strangers;
  ++strangers_;
  return {};
}

void Strangers::leave(const std::string& network, Instant now) {
  const auto at = networks_.find(network);
  --strangers_;
  --at->second.strangers;
  if (at->second.even(now)) networks_.erase(at);
}

void Strangers::refused(const std::string& network, Instant now) {
  if (networks_.size() >= networks_max) forget_some(now);
  if (networks_.size() >= networks_max && !networks_.contains(network)) return;
  networks_[network].refused.add(1, refusals_, now);
}

/// Those that are nobody's place and hardly suspect.
void Strangers::forget_some(Instant now) {
  std::erase_if(networks_, [&](const auto& one) {
    const Network& network = one.second;
    return network.strangers == 0 && network.refused.within_at(refusals_) <= now && network.arrivals.even(now);
  });
}

std::string network_of(const std::string& address) {
  boost::system::error_code error;
  const auto parsed = boost::asio::ip::make_address(address, error);
  if (error) return address;
  if (parsed.is_v4() || parsed.to_v6().is_v4_mapped()) {
    const auto v4 = parsed.is_v4() ? parsed.to_v4() : make_address_v4(boost::asio::ip::v4_mapped, parsed.to_v6());
    return boost::asio::ip::make_address_v4(v4.to_uint() & 0xFFFFFF00u).to_string() + "/24";
  }
  auto bytes = parsed.to_v6().to_bytes();
  std::fill(bytes.begin() + 7, bytes.end(), static_cast<unsigned char>(0));
  return boost::asio::ip::make_address_v6(bytes).to_string() + "/56";
}

}  // namespace edgesync::transport
