// SPDX-License-Identifier: Apache-2.0
// Engine: the executor that everything of one runtime runs on, and the list of what lives there. The executor runs one
// job at a time; unless a member says otherwise, it is used inside. Sessions, timers and listeners share the engine;
// the engine owns none of them, it only knows whom to stop.
#pragma once

#include "transport/contained.hpp"

#include <edgesync/error.hpp>
#include <edgesync/function.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace edgesync::transport {

using Executor = boost::asio::any_io_executor;

/// Something that must end when its runtime does.
class Stoppable {
 public:
  virtual ~Stoppable() = default;
  virtual void stop(const Error& why) = 0;
};

class Engine {
 public:
  /// `inside` tells whether the caller is running on `executor`. `context` is what `executor` belongs to; it must not
  /// be owned from within itself, so it is only watched. Nothing: the caller's, who promises that it lives.
  Engine(Executor executor, Function<bool()> inside, std::optional<std::weak_ptr<void>> context);

  const Executor& executor() const noexcept { return executor_; }
  bool inside() const { return inside_(); }  ///< Thread safety: any thread.

  /// Keeps the context alive; for those outside it who own sockets or timers of it. Thread safety: any thread.
  std::shared_ptr<void> hold() const { return context_ ? context_->lock() : nullptr; }

  /// After the end of the context, nothing. Thread safety: any thread.
  template <class Work>
  void post(Work work) {
    const auto kept = hold();
    if (context_ && !kept) return;
    boost::asio::post(executor_, [work = std::move(work)]() mutable { contained(work); });
  }
  /// At once if inside, else posted. Thread safety: any thread.
  template <class Work>
  void dispatch(Work work) {
    const auto kept = hold();
    if (context_ && !kept) return;
    boost::asio::dispatch(executor_, [work = std::move(work)]() mutable { contained(work); });
  }

  /// False if the runtime has ended: the newcomer must not begin.
  [[nodiscard]] bool enter(const std::shared_ptr<Stoppable>& newcomer);
  void leave(const Stoppable* who) noexcept { living_.erase(who); }
  /// Stops all that live here, and whoever comes later.
  void stop_all();

 private:
  const std::optional<std::weak_ptr<void>> context_;
  Executor executor_;
  Function<bool()> inside_;
  std::map<const Stoppable*, std::weak_ptr<Stoppable>> living_;
  bool stopped_ = false;
};

/// What everything on a runtime is told when the runtime is let go.
Error runtime_ended();

}  // namespace edgesync::transport
