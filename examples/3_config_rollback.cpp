// SPDX-License-Identifier: Apache-2.0
// Lesson 3: configuration comes as whole versions. The application has the last word on each, a bad one never becomes
// active, and the way back needs no network. Usage: 3_config_rollback DIRECTORY
#include <edgesync/edgesync.hpp>

#include <condition_variable>
#include <cstdio>
#include <stdexcept>

namespace es = edgesync;

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: 3_config_rollback DIRECTORY\n", stderr), 2;
  try {
    std::mutex mutex;
    std::condition_variable answered;
    int answers = 0;

    auto node = es::Node::open({.database = std::string(argv[1]) + "/config.db", .name = "gw-17"}).value();
    auto config = node.config("plant-7");
    const auto activation = config.on_activate([](const es::Candidate& next) {
      const auto* rpm = std::get_if<std::int64_t>(&next.content.at("limits/max_rpm"));
      return rpm != nullptr && *rpm <= 3000 ? es::Verdict::healthy : es::Verdict::reject;
    });
    const auto events = node.on_event([&](const es::Event& event) {
      if (event.kind != es::EventKind::activated && event.kind != es::EventKind::rejected) return;
      std::printf("%-9s version %d\n", es::name(event.kind), static_cast<int>(event.version.number));
      const std::lock_guard lock(mutex);
      ++answers;
      answered.notify_one();
    });
    const auto publish = [&](std::int64_t rpm) {  // Returns once the application has answered.
      std::unique_lock lock(mutex);
      const int before = answers;
      config.publish([&](es::Edit& edit) { edit.set("limits/max_rpm", rpm); }, "by the lesson").value();
      if (!answered.wait_for(lock, std::chrono::seconds(10), [&] { return answers > before; })) {
        throw std::runtime_error("no answer to a version");
      }
    };

    publish(1200);
    publish(1500);
    publish(9000);  // The handler refuses it: version 2 stays.
    if (config.active().number != 2) throw std::runtime_error("version 2 should be active");
    config.rollback(config.last_good()).value();
    std::printf("rolled back: max_rpm is %s\n", es::to_json(config.get("limits/max_rpm").value()).c_str());
    if (config.get("limits/max_rpm").value() != es::Value(std::int64_t{1200})) throw std::runtime_error("not 1200");
  } catch (const std::exception& failure) {
    return std::fprintf(stderr, "3_config_rollback: %s\n", failure.what()), 1;
  }
}
