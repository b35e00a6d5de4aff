// SPDX-License-Identifier: Apache-2.0
#include "transport/runtime.hpp"

#include "transport/dial.hpp"
#include "transport/listener.hpp"
#include "transport/thread.hpp"

#include <edgesync/asio.hpp>
#include <edgesync/error.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/system/system_error.hpp>
#include <boost/version.hpp>

#include <future>
#include <optional>

namespace edgesync {
namespace transport {
namespace {

/// The io_context of a runtime with a thread. Its thread and everything that may still use its sockets share it.
struct Loop {
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
  /// Never armed: the first timer takes the descriptors that all of them need, here, where their lack can be told.
  boost::asio::steady_timer first{context};

  void run() {
    // Nothing is expected to throw; should it happen all the same, the others go on.
    while (!contained([this] { context.run(); })) {
    }
  }
};

std::shared_ptr<Engine> engine_on(const std::shared_ptr<Loop>& loop) {
  const auto executor = loop->context.get_executor();
  return std::make_shared<Engine>(
      executor, [executor] { return executor.running_in_this_thread(); }, std::weak_ptr<void>(loop));
}

/// Ends its thread with itself: everything on it is stopped, and run() returns when the last of it is done.
class ThreadHost final : public AsioHost {
 public:
  explicit ThreadHost(std::shared_ptr<Loop> loop) : AsioHost(engine_on(loop)), loop_(std::move(loop)) {}
  ~ThreadHost() override {
    stop_all();
    loop_->work.reset();
    if (!thread_) return;
    // Let go by one of its own handlers: the thread ends by itself, after that handler.
    if (inside())
      thread_->detach();
    else
      thread_->join();
  }
  void settle() noexcept override {
    if (inside()) return;
    contained([this] {
      const auto turn = std::make_shared<std::promise<void>>();
      const auto reached = turn->get_future();
      post([turn] { turn->set_value(); });
      reached.wait();
    });
  }
  bool start() {
    thread_ = quiet_thread([loop = loop_] { loop->run(); });
    return thread_.has_value();
  }

 private:
  const std::shared_ptr<Loop> loop_;
  std::optional<std::thread> thread_;
};

/// A callback among those that end with the runtime.
class EndWatch final : public Stoppable {
 public:
  explicit EndWatch(Function<void()> ended) : ended_(std::move(ended)) {}
  void stop(const Error&) override { ended_(); }

 private:
  const Function<void()> ended_;
};

/// Held by whoever wants to know; gone, the engine forgets.
class EndWatchHandle {
 public:
  EndWatchHandle(std::shared_ptr<Engine> engine, std::shared_ptr<EndWatch> watch)
      : engine_(std::move(engine)), watch_(std::move(watch)) {
    engine_->dispatch([engine = engine_, weak = std::weak_ptr<EndWatch>(watch_)] {
      if (const auto living = weak.lock(); living && !engine->enter(living)) living->stop(runtime_ended());
    });
  }
  ~EndWatchHandle() {
    contained([this] { engine_->dispatch([engine = engine_, watch = watch_] { engine->leave(watch.get()); }); });
  }
  EndWatchHandle(const EndWatchHandle&) = delete;
  EndWatchHandle& operator=(const EndWatchHandle&) = delete;

 private:
  const std::shared_ptr<Engine> engine_;
  const std::shared_ptr<EndWatch> watch_;
};

class EngineRef final : public HostRef {
 public:
  explicit EngineRef(std::shared_ptr<Engine> engine) : engine_(std::move(engine)) {}
  void post(Function<void()> work) override { engine_->post(std::move(work)); }
  std::shared_ptr<void> on_end(Function<void()> ended) override {
    return std::make_shared<EndWatchHandle>(engine_, std::make_shared<EndWatch>(std::move(ended)));
  }

 private:
  const std::shared_ptr<Engine> engine_;
};

class StrandHost final : public AsioHost {
 public:
  using Strand = boost::asio::strand<Executor>;
  explicit StrandHost(const Strand& strand)
      : AsioHost(std::make_shared<Engine>(
            strand, [strand] { return strand.running_in_this_thread(); }, std::nullopt)) {}
  ~StrandHost() override { stop_all(); }
};

}  // namespace

void AsioHost::stop_all() {
  contained([this] { engine_->post([engine = engine_] { engine->stop_all(); }); });
}

void AsioHost::post(Function<void()> work) { engine_->post(std::move(work)); }

std::shared_ptr<HostRef> AsioHost::reference() { return std::make_shared<EngineRef>(engine_); }

std::unique_ptr<Timer> AsioHost::timer(Function<void()> callback) { return make_timer(engine_, std::move(callback)); }

Result<void> AsioHost::connect(ConnectOptions options, std::shared_ptr<Handler> handler) {
  return dial(engine_, std::move(options), std::move(handler));
}

Result<std::unique_ptr<Listener>> AsioHost::listen(ListenOptions options, HandlerFactory factory) {
  return transport::listen(engine_, std::move(options), std::move(factory));
}

Host& host(Runtime& runtime) { return static_cast<Host&>(runtime); }

}  // namespace transport

Runtime::~Runtime() = default;

std::shared_ptr<Runtime> make_runtime() try {
  auto runtime = std::make_shared<transport::ThreadHost>(std::make_shared<transport::Loop>());
  if (!runtime->start()) detail::throw_failure(Error(Errc::limit_exceeded, "runtime: no thread to spare"));
  return runtime;
} catch (const boost::system::system_error& failure) {  // no descriptor is left for it
  detail::throw_failure(Error(Errc::limit_exceeded, std::string("runtime: ") + failure.what()));
}

namespace detail {

Result<std::shared_ptr<Runtime>> make_asio_runtime(const void* executor, int boost_version) {
  if (boost_version != BOOST_VERSION)
    return Error(Errc::unsupported, "asio_runtime: the application was compiled with Boost " +
                                        std::to_string(boost_version) + ", edgesync with " +
                                        std::to_string(BOOST_VERSION));
  const auto& theirs = *static_cast<const transport::Executor*>(executor);
  return std::shared_ptr<Runtime>(std::make_shared<transport::StrandHost>(boost::asio::make_strand(theirs)));
}

}  // namespace detail
}  // namespace edgesync
