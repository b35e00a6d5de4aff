// SPDX-License-Identifier: Apache-2.0
// fleet: what a hub pays for many links, over TLS on this machine. Usage: fleet [EDGES [SECONDS of idling]]
//
// The hub is a process of its own; the edges (fleet_edge.hpp) share this one. First they link, and the hub's resident
// memory and CPU for each that has nothing to say are measured; then the hub publishes a version of 1,000 keys, and one
// that changes a key, and it is counted when they have it; last the hub is killed, started again, and it is counted
// how fast they come back. Wants as many file descriptors as there are edges.
#include "directory.hpp"
#include "fleet_edge.hpp"

#include <edgesync/edgesync.hpp>

#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <thread>

namespace {

namespace es = edgesync;
using namespace std::chrono_literals;
using es::bench::Clock;

constexpr std::size_t keys = 1'000;

void make_certificate(const std::string& directory) {
  const std::string command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=hub -addext "
      "subjectAltName=IP:127.0.0.1,IP:127.0.0.2,IP:127.0.0.3,IP:127.0.0.4 -keyout " +
      directory + "/hub.key -out " + directory + "/hub.pem 2> /dev/null";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("openssl could not make a certificate");
}

/// All keys at first, then one.
void publish(es::Config& config, std::int64_t number) {
  config
      .publish([&](es::Edit& edit) {
        for (std::size_t i = 0; i < (number == 0 ? keys : 1); ++i)
          edit.set("limits/channel-" + std::to_string(i), number);
      })
      .value();
}

/// The other process: publishes a version when it is told to, and says each time how many deltas it has encoded.
int hub_main(const std::string& directory, std::uint16_t port) {
  es::HubOptions options;
  options.node.database = directory + "/hub.db";
  options.node.name = "hub";
  options.port = port;
  options.limits.links = 100'000;
  options.tls.certificate_file = directory + "/hub.pem";
  options.tls.key_file = directory + "/hub.key";
  options.authorize.connect = [](const es::Credentials&) { return true; };
  options.authorize.scope = [](const es::Credentials&, es::Plane, std::string_view) { return es::Access::read_write; };
  es::Hub hub = es::Hub::open(std::move(options)).value();
  es::Config config = hub.config("fleet");
  std::cout << hub.port() << std::endl;
  std::int64_t number = 0;
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "publish") publish(config, number++);
    std::cout << hub.metrics().deltas_read << std::endl;
  }
  return 0;
}

/// The hub's process, from here.
class HubProcess {
 public:
  HubProcess(const std::string& directory, std::uint16_t wanted) {
    int in[2]{}, out[2]{};
    if (::pipe(in) != 0 || ::pipe(out) != 0) throw std::runtime_error("no pipe");
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    ::posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    for (const int end : {in[0], in[1], out[0], out[1]}) ::posix_spawn_file_actions_addclose(&actions, end);
    std::string self = "/proc/self/exe", role = "--hub", where = directory, at = std::to_string(wanted);
    char* argv[] = {self.data(), role.data(), where.data(), at.data(), nullptr};
    if (::posix_spawn(&pid_, self.c_str(), &actions, nullptr, argv, environ) != 0) throw std::runtime_error("no hub");
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]), ::close(out[1]);
    to_ = ::fdopen(in[1], "w"), from_ = ::fdopen(out[0], "r");
    port = static_cast<std::uint16_t>(read());
  }
  ~HubProcess() { end(SIGTERM); }
  HubProcess(const HubProcess&) = delete;
  HubProcess& operator=(const HubProcess&) = delete;

  void end(int signal) {
    if (pid_ == 0) return;
    ::kill(pid_, signal);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
    std::fclose(to_), std::fclose(from_);
  }
  /// Says "publish" or "count"; how many deltas it has encoded by then.
  unsigned long ask(const char* what) {
    std::fprintf(to_, "%s\n", what);
    std::fflush(to_);
    return read();
  }
  double resident_kib() const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    for (std::string word; status >> word;)
      if (double kib = 0; word == "VmRSS:" && status >> kib) return kib;
    return 0;
  }
  double cpu_seconds() const {
    std::ifstream stat("/proc/" + std::to_string(pid_) + "/stat");
    std::string word;
    for (int i = 0; i < 13; ++i) stat >> word;
    double user = 0, system = 0;
    stat >> user >> system;
    return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }

  std::uint16_t port = 0;

 private:
  unsigned long read() {
    unsigned long number = 0;
    if (std::fscanf(from_, "%lu", &number) != 1) throw std::runtime_error("the hub is gone");
    return number;
  }
  pid_t pid_ = 0;
  std::FILE *to_ = nullptr, *from_ = nullptr;
};

double seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

double at_percent(const std::vector<Clock::time_point>& times, Clock::time_point from, std::size_t percent) {
  return seconds(times.at(std::min(times.size() - 1, times.size() * percent / 100)) - from);
}

void await(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string("not all edges ") + what);
}

void link_and_idle(es::bench::Fleet& fleet, const HubProcess& hub, std::size_t edges, std::chrono::seconds idle) {
  const double before = hub.resident_kib(), cpu = hub.cpu_seconds(), n = static_cast<double>(edges);
  const auto start = Clock::now();
  await(fleet.await_linked(600s), "were linked");
  std::printf("%zu edges are linked after %.1f s, %.2f ms of the hub's CPU each\n", edges,
              seconds(Clock::now() - start), (hub.cpu_seconds() - cpu) / n * 1e3);
  const double idling = hub.cpu_seconds();
  std::this_thread::sleep_for(idle);  // measured over
  std::printf("idle: %.1f KiB resident each, %.2f %% of a core for 1,000 of them\n", (hub.resident_kib() - before) / n,
              (hub.cpu_seconds() - idling) / static_cast<double>(idle.count()) * 100 / n * 1'000);
}

void publish(es::bench::Fleet& fleet, HubProcess& hub, std::size_t edges, const char* what) {
  fleet.forget();
  const double cpu = hub.cpu_seconds();
  const auto before = hub.ask("count");
  const auto start = Clock::now();
  hub.ask("publish");
  await(fleet.await_told(600s), "were told");
  const auto told = fleet.told();
  std::printf(
      "%s is at 50 %% of them after %.2f s, at 99 %% after %.2f s, at all after %.2f s: %.0f us of CPU each, "
      "encoded %lu times\n",
      what, at_percent(told, start, 50), at_percent(told, start, 99), at_percent(told, start, 100),
      (hub.cpu_seconds() - cpu) / static_cast<double>(edges) * 1e6, hub.ask("count") - before);
}

void storm(es::bench::Fleet& fleet, HubProcess& hub, const std::string& directory, std::size_t edges) {
  const std::uint16_t port = hub.port;
  fleet.forget();
  const auto start = Clock::now();
  hub.end(SIGKILL);
  HubProcess next(directory, port);
  await(fleet.await_lost(60s), "noticed");
  await(fleet.await_linked(600s), "came back");
  std::map<std::int64_t, std::size_t> per_second;
  const auto linked = fleet.linked();
  for (const auto at : linked) ++per_second[static_cast<std::int64_t>(seconds(at - start))];
  std::size_t most = 0;
  for (const auto& [second, count] : per_second) most = std::max(most, count);
  std::printf(
      "after a SIGKILL of the hub 50 %% are back after %.1f s, all after %.1f s; at most %.1f %% in one second\n",
      at_percent(linked, start, 50), at_percent(linked, start, 100),
      100 * static_cast<double>(most) / static_cast<double>(edges));
}

void run(std::size_t edges, std::chrono::seconds idle) {
  const rlimit files{edges + 100, edges + 100};  // and what else a process has open
  if (::setrlimit(RLIMIT_NOFILE, &files) != 0) throw std::runtime_error("not as many file descriptors as edges");
  es::Dir directory;
  make_certificate(directory.path());
  HubProcess hub(directory.path(), 0);
  es::bench::Fleet fleet({.edges = edges, .port = hub.port, .ca_file = directory.file("hub.pem")});
  link_and_idle(fleet, hub, edges, idle);
  publish(fleet, hub, edges, "a version of 1,000 keys");
  publish(fleet, hub, edges, "one that changes a key");
  storm(fleet, hub, directory.path(), edges);
}

}  // namespace

int main(int argc, char** argv) try {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (argc == 4 && std::string_view(argv[1]) == "--hub")
    return hub_main(argv[2], static_cast<std::uint16_t>(std::stoul(argv[3])));
  run(argc > 1 ? std::stoul(argv[1]) : 1'000, std::chrono::seconds(argc > 2 ? std::stoul(argv[2]) : 60));
  return 0;
} catch (const std::exception& error) {
  std::cerr << "fleet: " << error.what() << '\n';
  return 1;
}
