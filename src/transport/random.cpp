// SPDX-License-Identifier: Apache-2.0
#include "transport/transport.hpp"

#include <openssl/rand.h>

#include <random>

namespace edgesync::transport {
namespace {

class SystemRandom final : public Random {
 public:
  std::uint64_t next() override {
    std::uint64_t value = 0;
    if (RAND_bytes(reinterpret_cast<unsigned char*>(&value), sizeof value) == 1) return value;
    // OpenSSL could not seed itself; the kernel may still serve us.
    return (static_cast<std::uint64_t>(device_()) << 32) | device_();
  }

 private:
  std::random_device device_{};
};

}  // namespace

std::unique_ptr<Random> system_random() { return std::make_unique<SystemRandom>(); }

}  // namespace edgesync::transport
