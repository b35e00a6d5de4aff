// SPDX-License-Identifier: Apache-2.0
// Edges that cost little: what a node says to a hub, and nothing behind it. They link, subscribe to one config scope,
// acknowledge what they are told of it, and come back with the backoff of a node.
#pragma once

#include "sync/backoff.hpp"
#include "transport/transport.hpp"
#include "wire/frame.hpp"

#include <edgesync/options.hpp>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace edgesync::bench {

using Clock = std::chrono::steady_clock;

struct FleetOptions {
  std::size_t edges = 0;
  std::uint16_t port = 0;
  std::string ca_file{};
  std::size_t dials_max = 100;  ///< At a time, at first; who lost its link dials when its backoff says so.
  std::chrono::milliseconds backoff_min{1'000}, backoff_max{300'000};
};

class Fleet {
 public:
  explicit Fleet(FleetOptions options);
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  /// Waits until all are subscribed. False after `patience`.
  bool await_linked(std::chrono::seconds patience);
  /// Forgets the moments of before.
  void forget();
  /// Waits for a version at every edge; when it came, in order. False after `patience`.
  bool await_told(std::chrono::seconds patience);
  std::vector<Clock::time_point> told();
  /// When edges were subscribed, in order.
  std::vector<Clock::time_point> linked();
  /// Waits until no edge is linked.
  bool await_lost(std::chrono::seconds patience);

 private:
  class Edge;
  void dial_more();
  std::string url_of(std::size_t number) const;

  const FleetOptions options_;
  std::shared_ptr<Runtime> runtime_;
  transport::Host& host_;
  wire::Codec codec_{};
  std::unique_ptr<Random> random_;
  std::vector<std::shared_ptr<Edge>> edges_{};
  std::size_t dialled_ = 0, dialling_ = 0;  // on the runtime
  bool stopping_ = false;
  std::mutex mutex_{};
  std::condition_variable changed_{};
  std::size_t up_ = 0;
  std::vector<Clock::time_point> linked_{}, told_{};
};

}  // namespace edgesync::bench
