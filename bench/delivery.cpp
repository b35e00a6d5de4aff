// SPDX-License-Identifier: Apache-2.0
// delivery: records from append() until the hub holds them durably, over TLS on this machine. Usage: delivery
// [MEGABYTES of backlog [BYTES per second that the node may send]]
//
// First throughput: records of eight columns, appended one by one and in batches of 100, and flushed. 0: no more. Then
// what a backlog does to what happens now: how long single records of a stream that is up to date take, on an idle link
// and beside a stream with a backlog, and how fast that drains without and with them. Hub and node share this process,
// and the machine's loopback; run by link.py the hub's end is in another network namespace, behind a slow link.
#include "directory.hpp"

#include <edgesync/edgesync.hpp>

#include <sched.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <thread>

namespace {

namespace es = edgesync;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double at_percent(std::vector<double> values, std::size_t percent) {
  std::sort(values.begin(), values.end());
  return values.at(std::min(values.size() - 1, values.size() * percent / 100));
}

/// Where the hub is: in a network namespace of its own, or here.
struct Place {
  std::string space{}, address = "127.0.0.1";

  static Place from_environment() {
    const char* const far = std::getenv("EDGESYNC_FAR");
    if (far == nullptr) return {};
    const std::string text = far;
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos) throw std::runtime_error("EDGESYNC_FAR is not NAMESPACE:ADDRESS");
    return {text.substr(0, colon), text.substr(colon + 1)};
  }
  /// Runs `body` there: threads that it starts and sockets that it opens stay there.
  void run(const std::function<void()>& body) const {
    if (space.empty()) return body();
    std::exception_ptr failed;
    std::thread([&] {
      try {
        const int there = ::open(("/run/netns/" + space).c_str(), O_RDONLY | O_CLOEXEC);
        if (there < 0 || ::setns(there, CLONE_NEWNET) != 0) throw std::runtime_error("no way into " + space);
        ::close(there);
        body();
      } catch (...) {
        failed = std::current_exception();
      }
    }).join();
    if (failed) std::rethrow_exception(failed);
  }
};

/// A certificate for `address` that is its own authority.
void make_certificate(const std::string& directory, const std::string& address) {
  const std::string command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
      "-subj /CN=" +
      address + " -addext subjectAltName=IP:" + address + " -keyout " + directory + "/hub.key -out " + directory +
      "/hub.pem 2> /dev/null";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("openssl could not make a certificate");
}

/// A hub and a node, in files of their own, not linked yet.
class Both {
 public:
  Both() : node_(open_node()) {
    place_.run([&] { hub_.emplace(open_hub()); });
    events_ = node_.on_event([this](const es::Event& event) {
      if (event.kind != es::EventKind::ack) return;
      const std::lock_guard lock(mutex_);
      acked_[event.scope] = event.commit.stamp;
      changed_.notify_all();
    });
  }

  void link(std::uint64_t bandwidth = 0) {
    es::LinkOptions options;
    options.bandwidth = bandwidth;
    options.url = "wss://" + place_.address + ":" + std::to_string(hub_->port());
    options.tls.ca_file = directory_.file("hub.pem");
    node_.link(std::move(options)).value();
  }
  void unlink() { node_.unlink(); }
  /// Eight columns of a machine, for ever if nobody takes them.
  es::Stream stream(const std::string& name) {
    es::StreamOptions options;
    for (const char* column : {"speed", "torque", "power", "voltage", "current", "heat", "pressure", "flow"})
      options.columns.push_back({column, es::ColumnType::f64});
    options.quota = 0;
    return node_.stream(name, std::move(options));
  }
  void flush() { node_.flush(600s).value(); }
  /// Until the hub holds it durably.
  void await_ack(const std::string& scope, std::uint64_t sequence) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, 600s, [&] { return acked_[scope] >= sequence; }))
      throw std::runtime_error("no ack of " + scope);
  }
  bool acked(const std::string& scope, std::uint64_t sequence) {
    const std::lock_guard lock(mutex_);
    return acked_[scope] >= sequence;
  }
  std::uint64_t bytes_sent() const { return node_.metrics().bytes_sent; }

 private:
  es::Hub open_hub() {
    make_certificate(directory_.path(), place_.address);
    es::HubOptions options;
    options.node.database = directory_.file("hub.db");
    options.address = place_.address;
    options.port = 0;
    options.tls.certificate_file = directory_.file("hub.pem");
    options.tls.key_file = directory_.file("hub.key");
    options.authorize.connect = [](const es::Credentials&) { return true; };
    options.authorize.scope = [](const es::Credentials&, es::Plane, std::string_view) {
      return es::Access::read_write;
    };
    return es::Hub::open(std::move(options)).value();
  }
  es::Node open_node() {
    es::NodeOptions options;
    options.database = directory_.file("node.db");
    options.stream_quota = 0;
    return es::Node::open(std::move(options)).value();
  }

  edgesync::Dir directory_;
  Place place_ = Place::from_environment();
  std::optional<es::Hub> hub_;
  es::Node node_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::uint64_t> acked_;
  es::Subscription events_;
};

/// Slowly varying, or noise that does not compress.
class Machine {
 public:
  explicit Machine(bool noisy) : noisy_(noisy) {}
  es::Record next() {
    es::Record record{0, at_ += 100ms, {}};
    for (double& value : values_) {
      value = noisy_ ? std::uniform_real_distribution<>()(random_)
                     : std::round((value + std::normal_distribution<>(0, 0.03)(random_)) * 10) / 10;
      record.fields.emplace_back(value);
    }
    return record;
  }
  std::vector<es::Record> next(std::size_t count) {
    std::vector<es::Record> records;
    while (records.size() < count) records.push_back(next());
    return records;
  }

 private:
  bool noisy_;
  std::mt19937_64 random_{7};
  es::Timestamp at_{std::chrono::hours(24 * 365 * 56)};
  std::array<double, 8> values_{50, 12, 700, 230, 3, 45, 2, 18};
};

void throughput(std::size_t batch, std::size_t count) {
  Both both;
  es::Stream stream = both.stream("machine");
  both.link();
  auto records = Machine(false).next(std::min<std::size_t>(count, 10'000));  // as an application has them: in its cache
  es::Timestamp at = records.front().at;
  const std::uint64_t sent = both.bytes_sent();
  const auto start = Clock::now();
  const double cpu = cpu_seconds();
  for (std::size_t i = 0; i < count; i += batch) {
    const auto some = std::span(records).subspan(i % records.size(), batch);
    for (es::Record& record : some) record.at = at += 100ms;
    stream.append(some, es::Durability::fast).value();
  }
  both.flush();
  const double wall = seconds_since(start), used = cpu_seconds() - cpu, n = static_cast<double>(count);
  std::printf(
      "in batches of %3zu: %5.2f M records/s durable at the hub, %5.2f M per second of CPU (node and hub), "
      "%.2f bytes each on the wire\n",
      batch, n / wall / 1e6, n / used / 1e6, static_cast<double>(both.bytes_sent() - sent) / n);
}

/// Milliseconds from append() to the ack, one record at a time, until `enough`.
std::vector<double> latencies(Both& both, es::Stream& live, const std::function<bool(std::size_t)>& enough) {
  Machine machine(true);
  std::vector<double> times;
  while (!enough(times.size())) {
    const auto start = Clock::now();
    const auto records = machine.next(1);
    both.await_ack("live", live.append(records).value().last);
    times.push_back(seconds_since(start) * 1e3);
    std::this_thread::sleep_for(20ms);
  }
  return times;
}

constexpr std::size_t record_bytes = 64;  // of eight numbers that do not compress

/// That many, and some.
std::uint64_t pile_up(es::Stream& stream, std::size_t bytes) {
  Machine machine(true);
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < bytes / record_bytes; i += 10'000)
    last = stream.append(machine.next(10'000), es::Durability::fast).value().last;
  return last;
}

void backlog(std::size_t bytes, std::uint64_t bandwidth) {
  Both both;
  es::Stream live = both.stream("live"), history = both.stream("history");
  both.link(bandwidth);
  both.flush();
  const auto idle = latencies(both, live, [](std::size_t count) { return count == 200; });
  const auto drain = [&](const std::function<void(std::uint64_t)>& meanwhile) {
    both.unlink();
    const std::uint64_t last = pile_up(history, bytes);
    both.link(bandwidth);
    both.await_ack("history", last - bytes / record_bytes + 1);  // the first
    const std::uint64_t sent = both.bytes_sent();
    const auto start = Clock::now();
    meanwhile(last);
    both.await_ack("history", last);
    return static_cast<double>(both.bytes_sent() - sent) / seconds_since(start) / 1e6;
  };
  const double alone = drain([](std::uint64_t) {});
  std::vector<double> beside;
  const double shared = drain([&](std::uint64_t last) {
    beside = latencies(both, live, [&](std::size_t count) { return count > 0 && both.acked("history", last); });
  });
  std::printf(
      "a live record: p50 %.1f ms, p99 %.1f ms on an idle link; beside a backlog p50 %.1f ms, p99 %.1f ms "
      "(%zu of them)\n",
      at_percent(idle, 50), at_percent(idle, 99), at_percent(beside, 50), at_percent(beside, 99), beside.size());
  std::printf("a backlog of %zu MB drains with %.1f MB/s alone, with %.1f MB/s (%.0f %%) beside live records\n",
              bytes / 1'000'000, alone, shared, 100 * shared / alone);
}

}  // namespace

int main(int argc, char** argv) try {
  const std::size_t megabytes = argc > 1 ? std::stoul(argv[1]) : 64, bandwidth = argc > 2 ? std::stoul(argv[2]) : 0;
  for (const std::size_t batch : {std::size_t{1}, std::size_t{100}}) throughput(batch, 2'000'000);
  if (megabytes > 0) backlog(megabytes * 1'000'000, bandwidth);
  return 0;
} catch (const std::exception& error) {
  std::cerr << "delivery: " << error.what() << '\n';
  return 1;
}
