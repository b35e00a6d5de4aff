// SPDX-License-Identifier: Apache-2.0
// Lesson 7: a version reaches a fleet in waves. Canaries take it first; if they refuse it nobody else ever sees it, and
// if they are content with it the others follow. Hub and nodes share one process. Usage: 7_rollout DIRECTORY
#include <edgesync/edgesync.hpp>

#include <condition_variable>
#include <cstdio>
#include <stdexcept>

namespace es = edgesync;

namespace {

/// Waits for what handlers on other threads count.
class Count {
 public:
  void add() {
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_one();
  }
  void reach(int wanted) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(10), [&] { return count_ >= wanted; }))
      throw std::runtime_error("it did not come that far");
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

es::Hub open_hub(const std::string& directory, const std::shared_ptr<es::Loopback>& loopback) {
  es::HubOptions options;
  options.node = {.database = directory + "/hub.db", .name = "hub"};
  options.loopback = loopback;
  options.authorize.connect = [](const es::Credentials& who) { return who.token == "s3cret"; };
  options.authorize.scope = [](const es::Credentials&, es::Plane, std::string_view) { return es::Access::read_write; };
  return es::Hub::open(std::move(options)).value();
}

es::Node open_node(const std::string& directory, const std::string& name) {
  es::NodeOptions options{.database = directory + "/" + name + ".db", .name = name};
  options.labels = {{"pool", name.starts_with("canary") ? "canary" : "line"}};
  options.fleet = "fleet";  // it reports there which versions it has
  return es::Node::open(std::move(options)).value();
}

void run(const std::string& directory) {
  const auto loopback = es::make_loopback();
  Count over, in_use;
  auto hub = open_hub(directory, loopback);
  es::RolloutControllerOptions options;
  options.on_progress = [&](const std::string&, const es::RolloutStatus& status) {
    std::printf("version %d: %s, %d of 2 waves open%s%s\n", static_cast<int>(status.version), es::name(status.phase),
                static_cast<int>(status.open), status.reason.empty() ? "" : ": ", status.reason.c_str());
    if (status.phase != es::RolloutPhase::running) over.add();
  };
  const auto controller = es::RolloutController::start(hub, std::move(options)).value();

  std::vector<es::Node> nodes;
  std::vector<es::Subscription> handlers;
  for (const char* name : {"canary-1", "line-1", "line-2"}) {
    nodes.push_back(open_node(directory, name));
    es::Config config = nodes.back().config("pumps");
    handlers.push_back(config.on_activate([](const es::Candidate& next) {
      const auto* rpm = std::get_if<std::int64_t>(&next.content.at("max_rpm"));
      return rpm != nullptr && *rpm <= 3000 ? es::Verdict::healthy : es::Verdict::reject;
    }));
    handlers.push_back(config.on_active([&, name](const es::VersionInfo& version) {
      std::printf("  %-8s runs version %d\n", name, static_cast<int>(version.number));
      in_use.add();
    }));
    nodes.back().link({.token = [] { return "s3cret"; }, .loopback = loopback}).value();
  }

  hub.config("pumps").publish_tree({{"max_rpm", 1200}}).value();  // for everybody at once
  in_use.reach(3);
  es::Rollout rollout = hub.config("pumps").rollout();
  const es::RolloutPlan plan{{{.labels = {{"pool", "canary"}}}, {}}};
  rollout.publish_tree({{"max_rpm", 9000}}, plan, "a slip of the pen").value();
  over.reach(1);
  rollout.publish_tree({{"max_rpm", 1500}}, plan).value();
  over.reach(2);
  in_use.reach(6);
  if (rollout.status().value().phase != es::RolloutPhase::done) throw std::runtime_error("version 3 should be done");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: 7_rollout DIRECTORY\n", stderr), 2;
  try {
    run(argv[1]);
  } catch (const std::exception& failure) {
    return std::fprintf(stderr, "7_rollout: %s\n", failure.what()), 1;
  }
}
