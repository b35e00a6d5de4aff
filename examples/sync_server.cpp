// SPDX-License-Identifier: Apache-2.0
// A whole sync server: sync_server DATABASE PORT CERTIFICATE KEY TOKENS. Each line of TOKENS grants, for example,
// "s3cret rw twin/{name} telemetry/{name}". Ends orderly on SIGTERM and SIGINT.
#include <edgesync/edgesync.hpp>

#include <signal.h>

#include <cstdio>
#include <cstdlib>

namespace es = edgesync;

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
    options.port = static_cast<std::uint16_t>(std::atoi(argv[2]));
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
