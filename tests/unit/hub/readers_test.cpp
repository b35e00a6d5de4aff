// SPDX-License-Identifier: Apache-2.0
// Threads that read while versions change: each sees one version, never a mixture. EDGESYNC_ACTIVATIONS: so many.
#include "fleet.hpp"

#include <atomic>
#include <cstdlib>
#include <thread>

namespace edgesync {
namespace {

constexpr int keys = 50;
constexpr std::size_t threads = 8;
constexpr int reads_each = 100;  // per version and thread: what reads all the time leaves no processor for versions

std::uint64_t activations() {
  const char* told = std::getenv("EDGESYNC_ACTIVATIONS");
  return told != nullptr ? std::strtoull(told, nullptr, 10) : 150;
}

/// The one value that all keys have, or nothing.
template <class Settings, class Get>
std::optional<std::int64_t> one_of(const Settings& settings, const Get& get) {
  std::optional<std::int64_t> one;
  if (settings.size() != keys) return one;
  for (const auto& entry : settings) {
    const std::int64_t value = std::get<std::int64_t>(get(entry));
    if (one && *one != value) return std::nullopt;
    one = value;
  }
  return one;
}

class Readers : public Fleet {
 protected:
  static std::map<std::string, Value> version(std::int64_t value) {
    std::map<std::string, Value> content;
    for (int i = 0; i < keys; ++i) content["section-" + std::to_string(i % 7) + "/key-" + std::to_string(i)] = value;
    return content;
  }
  /// Versions only go forward, and are whole.
  void note(std::optional<std::int64_t> seen, std::int64_t& last) {
    if (!seen || *seen < last) ++mixed_;
    last = seen.value_or(last);
    ++reads_;
  }

  /// Calls `read` while versions change.
  template <class Read>
  std::jthread reader(Read read) {
    return std::jthread([this, read] {
      std::int64_t last = 0;
      for (std::uint64_t seen = 0; !over_; published_.wait(seen)) {
        seen = published_;
        for (int i = 0; i < reads_each; ++i) note(read(), last);
      }
    });
  }
  void tell_readers(std::uint64_t published) {
    published_ = published;
    published_.notify_all();
  }

  std::atomic<std::uint64_t> published_ = 0;
  std::atomic<bool> over_ = false;
  std::atomic<std::uint64_t> reads_ = 0, mixed_ = 0;
};

TEST_F(Readers, SeeOneVersionThroughHandlesAndLayers) {
  Hub hub = open_hub();
  Node node = open_node();
  Witness active;
  const auto watching =
      node.config("app").on_active([&](const VersionInfo& version) { active.saw(std::to_string(version.number)); });
  node.link(to_hub()).value();
  hub.config("app").publish_tree(version(1)).value();
  ASSERT_TRUE(active.waits_for("1"));
  LayeredConfig layered = LayeredConfig::open(node, {"app"}).value();
  std::vector<std::jthread> readers;
  for (std::size_t i = 0; i < threads / 2; ++i) {
    readers.push_back(reader([config = node.config("app")] {
      return one_of(config.scan().value(), [](const auto& entry) { return entry.second; });
    }));
    readers.push_back(reader([&layered] {
      return one_of(layered.current()->settings(), [](const auto& entry) { return entry.second.value; });
    }));
  }
  for (std::uint64_t number = 2; number <= activations() + 1; ++number) {
    tell_readers(number);
    hub.config("app").publish_tree(version(static_cast<std::int64_t>(number))).value();
    ASSERT_TRUE(active.waits_for(std::to_string(number)));
  }
  over_ = true;
  tell_readers(0);
  readers.clear();
  EXPECT_EQ(mixed_, 0U);
  EXPECT_GT(reads_, activations());
  RecordProperty("reads", std::to_string(reads_));
}

}  // namespace
}  // namespace edgesync
