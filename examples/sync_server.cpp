// SPDX-License-Identifier: Apache-2.0
// A whole sync server: sync_server DATABASE PORT CERTIFICATE KEY TOKENS. Each line of TOKENS grants, for example,
// "s3cret rw twin/{name} telemetry/{name}". Ends orderly on SIGTERM and SIGINT.
#include <edgesync/edgesync.hpp>

#include <signal.h>

#include <charconv>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>

namespace es = edgesync;

std::uint16_t to_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(text.begin(), text.end(), port);
  if (failure != std::errc() || end != text.end()) throw std::runtime_error(std::string(text) + ": not a port");
  return port;
}

int main(int argc, char** argv) {
  if (argc != 6) return std::fputs("usage: sync_server DATABASE PORT CERTIFICATE KEY TOKENS\n", stderr), 2;
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  try {
    es::HubOptions options;
    options.node = {.database = argv[1], .name = "sync_server"};
    options.port = to_port(argv[2]);
    options.tls = {.certificate_file = argv[3], .key_file = argv[4]};
    options.authorize = es::token_file(argv[5]).value();
    const auto hub = es::Hub::open(std::move(options)).value();
    std::printf("{\"event\":\"listening\",\"port\":%d}\n", hub.port());
    std::fflush(stdout);
    int signal = 0;
    sigwait(&ending, &signal);
  } catch (const std::exception& failure) {
    return std::fprintf(stderr, "sync_server: %s\n", failure.what()), 1;
  }
}
