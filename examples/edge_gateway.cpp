// SPDX-License-Identifier: Apache-2.0
// An edge gateway: telemetry goes up, its settings come down, and its twin stays the same on both sides. It replays a
// CSV file as if sensors spoke. Nothing here waits for a network, and a kill at any moment costs nothing: which row
// comes next is asked of the stream itself. Prints JSON lines; ends orderly on SIGTERM and SIGINT.
#include "gateway_input.hpp"

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace {

namespace es = edgesync;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// What a config version asks of this gateway.
struct Settings {
  double interval_ms = 0;   ///< Between two rows.
  double collector_c = 90;  ///< Above this the collector is too hot.
};

using Content = std::map<std::string, es::Value>;

std::optional<double> number(const Content& content, const std::string& key) {
  const auto found = content.find(key);
  if (found == content.end()) return std::nullopt;
  if (const auto* whole = std::get_if<std::int64_t>(&found->second)) return static_cast<double>(*whole);
  if (const auto* decimal = std::get_if<double>(&found->second)) return *decimal;
  return std::nullopt;
}

/// Nothing if the gateway cannot run with this content.
std::optional<Settings> to_settings(const Content& content) {
  const auto interval_ms = number(content, "sampling/interval_ms");
  const auto collector_c = number(content, "limits/collector_c");
  if (!interval_ms || *interval_ms < 0.1 || *interval_ms > 60'000) return std::nullopt;
  if (!collector_c || *collector_c < 0 || *collector_c > 200) return std::nullopt;
  return Settings{*interval_ms, *collector_c};
}

class Gateway {
 public:
  Gateway(const gateway::Arguments& arguments, gateway::Telemetry telemetry)
      : arguments_(arguments),
        telemetry_(std::move(telemetry)),
        settings_{1000 / arguments.rate},
        node_(es::Node::open({.database = arguments.db, .name = arguments.name}).value()),
        stream_(node_.stream("telemetry/" + arguments.name, {.columns = telemetry_.columns})),
        twin_(node_.state("twin/" + arguments.name)),
        config_(node_.config("plant")) {}

  void run(const sigset_t& ending) {
    start();
    const timespec tick = {0, 200'000'000};  // Rows that are due meanwhile go up as one batch: fewer, larger segments.
    do {
      step();
    } while (sigtimedwait(&ending, nullptr, &tick) < 0);
    const bool flushed = node_.flush(10s).has_value();
    report(flushed ? "stopped" : "stopped_unflushed");
    node_.close();
  }

 private:
  void start() {
    // What was active before the last stop is in use again at once, long before there is a network.
    if (const auto settings = to_settings(config_.scan().value_or(Content()))) settings_ = *settings;
    activation_ = config_.on_activate([this](const es::Candidate& next) { return activate(next); });
    events_ = node_.on_event([this](const es::Event& event) { note(event); });
    next_ = stream_.counts().value().produced;
    twin_.add("restarts", 1).value();
    started_ = reported_ = Clock::now();
    report("started");
    if (arguments_.url.empty()) return;
    es::LinkOptions link{.url = arguments_.url, .insecure = arguments_.insecure};
    link.token = [token = arguments_.token] { return token; };
    link.tls.ca_file = arguments_.ca;
    link.backoff_min = 250ms;  // The outages of a demonstration last seconds, not hours.
    link.backoff_max = 2s;
    node_.link(std::move(link)).value();
  }

  es::Verdict activate(const es::Candidate& next) {
    const auto settings = to_settings(next.content);
    if (!settings) return es::Verdict::reject;
    const std::lock_guard lock(mutex_);
    settings_ = *settings;
    return es::Verdict::healthy;
  }

  void note(const es::Event& event) {
    if (event.kind == es::EventKind::linked) offline_ = false;
    if (event.kind == es::EventKind::unlinked) offline_ = true;
    if (event.kind == es::EventKind::rolled_back) {
      if (const auto settings = to_settings(config_.scan().value_or(Content()))) {
        const std::lock_guard lock(mutex_);
        settings_ = *settings;
      }
    }
    std::string members;
    if (event.version.number != 0) members += ",\"version\":" + std::to_string(event.version.number);
    if (event.error.code) members += ",\"reason\":" + es::to_json(event.error.detail);
    say(es::name(event.kind), members);
  }

  void step() {
    Settings settings;
    {
      const std::lock_guard lock(mutex_);
      settings = settings_;
    }
    if (const bool offline = offline_; offline != was_offline_) become(offline, settings);
    sample(settings);
    if (Clock::now() - reported_ >= 250ms) report("progress");
  }

  /// Cut off from the hub, the gateway decides by itself. What the hub decided meanwhile meets it later as a conflict.
  void become(bool offline, const Settings& settings) {
    was_offline_ = offline;
    if (!offline) return;
    const double setpoint = std::min(settings.collector_c, hottest_) - 10;
    twin_
        .transact([&](es::Edit& edit) {
          edit.set("mode", std::string("autonomous"));
          edit.set("setpoint_c", setpoint);
        })
        .value();
    say("autonomous");
  }

  void sample(const Settings& settings) {
    const double elapsed_ms = std::chrono::duration<double, std::milli>(Clock::now() - started_).count();
    started_ = Clock::now();
    due_ += elapsed_ms / settings.interval_ms;
    const auto left = telemetry_.records.size() - std::min(next_, telemetry_.records.size());
    const auto count = std::min(static_cast<std::size_t>(due_), left);
    due_ -= static_cast<double>(static_cast<std::size_t>(due_));
    if (count == 0) return;
    const auto batch = std::span<const es::Record>(telemetry_.records).subspan(next_, count);
    next_ = stream_.append(batch).value().last;
    if (Clock::now() - described_ >= 1s) describe(batch.back(), settings);
  }

  void describe(const es::Record& last, const Settings& settings) {
    described_ = Clock::now();
    const auto* collector = std::get_if<double>(&last.fields[0]);
    if (collector == nullptr) return;
    hottest_ = std::max(hottest_, *collector);
    const bool hot = *collector > settings.collector_c;
    twin_
        .transact([&](es::Edit& edit) {
          edit.set("reported/collector_c", *collector);
          edit.set("reported/row", static_cast<std::int64_t>(next_));
          if (hot && !was_hot_) edit.insert("alarms", std::string("collector-hot"));
          if (!hot && was_hot_) edit.remove("alarms", std::string("collector-hot"));
        })
        .value();
    was_hot_ = hot;
  }

  void report(std::string_view event) {
    reported_ = Clock::now();
    const auto counts = stream_.counts().value();
    const es::Metrics metrics = node_.metrics();
    const std::pair<const char*, std::uint64_t> numbers[] = {{"produced", counts.produced},
                                                             {"delivered", counts.delivered},
                                                             {"pending", counts.pending},
                                                             {"dropped", counts.dropped},
                                                             {"config", config_.active().number},
                                                             {"bytes_sent", metrics.bytes_sent},
                                                             {"bytes_received", metrics.bytes_received}};
    std::string members;
    for (const auto& [name, number] : numbers) members += std::string(",\"") + name + "\":" + std::to_string(number);
    say(event, members);
  }

  /// `members`: further ones as JSON, each behind a comma.
  void say(std::string_view event, const std::string& members = {}) {
    const std::string line = "{\"event\":\"" + std::string(event) + '"' + members + "}\n";
    const std::lock_guard lock(output_);
    std::fputs(line.c_str(), stdout);
    std::fflush(stdout);
  }

  const gateway::Arguments arguments_;
  const gateway::Telemetry telemetry_;
  std::mutex mutex_;  ///< Guards settings_: handlers run on the runtime's thread.
  Settings settings_;
  std::mutex output_;  ///< One line at a time.
  std::atomic<bool> offline_{false};
  bool was_offline_ = false, was_hot_ = false;
  double hottest_ = 0, due_ = 0;
  std::size_t next_ = 0;  ///< Index of the next row: as many as the stream has numbered.
  Clock::time_point started_{}, reported_{}, described_{};
  es::Node node_;
  es::Stream stream_;
  es::State twin_;
  es::Config config_;
  es::Subscription activation_{}, events_{};
};

}  // namespace

int main(int argc, char** argv) {
  try {
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ending, nullptr);  // Before any thread: all inherit it, so only sigtimedwait sees them.
    const auto arguments = gateway::parse({argv + 1, argv + argc});
    Gateway(arguments, gateway::read_csv(arguments.csv, arguments.rows)).run(ending);
    return 0;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "edge_gateway: %s\n", failure.what());
    return 1;
  }
}
