// SPDX-License-Identifier: Apache-2.0
// RolloutController: reports of nodes in, open waves out. Both are written before they are acted on, and reading a
// report twice does no harm.
#include "crdt/transaction.hpp"
#include "node/fleet.hpp"
#include "node/follower.hpp"
#include "node/publishing.hpp"
#include "transport/timer.hpp"

#include <edgesync/rollout.hpp>

#include <algorithm>

namespace edgesync {
namespace {

using namespace std::chrono_literals;

constexpr const char* consumer_name = "rollouts";
constexpr std::size_t reports_at_once = 1000;
constexpr std::size_t ops_at_once = crdt::transaction_ops_max - 2 * config::max_labels - 6;  // one report more fits
constexpr std::chrono::seconds pause_after_failure{1};

}  // namespace

class RolloutController::Worker {
 public:
  Worker(std::shared_ptr<node::Core> core, Stream reports, State latest, node::Fleet fleet,
         RolloutControllerOptions options)
      : core_(std::move(core)),
        reports_(std::move(reports)),
        latest_(std::move(latest)),
        options_(std::move(options)),
        fleet_(std::move(fleet)) {}

  Result<void> begin() {
    const auto subscribe = [this](const node::Follower::Wake& wake) {
      wake_ = wake;
      std::vector<Subscription> subscriptions;
      subscriptions.push_back(reports_.on_records(wake));
      subscriptions.push_back(core_->handlers().on_published({}, wake));
      return subscriptions;
    };
    Result<void> first;
    auto follower = node::Follower::start(
        subscribe, {[this] { return attempt(); }, [this](Instant now) { return by_time(now); }}, first);
    if (!follower) return std::move(follower).error();
    follower_ = *std::move(follower);
    return {};
  }

 private:
  Result<void> attempt() {
    const auto more = take_reports();
    auto advanced = advance_all();  // however many more reports there are
    if (!more) return more.error();
    if (*more) wake_();
    return advanced;
  }

  Instant by_time(Instant now) {
    if (now < next_) return next_;
    if (!advance_all()) next_ = now + pause_after_failure;
    return next_;
  }

  /// All that there were when it was called: nothing is concluded from half of them. True if there may be more.
  Result<bool> take_reports() {
    const auto behind = consumer_.behind();
    if (!behind) return behind.error();
    for (std::uint64_t taken = 0; taken < *behind;) {
      auto delivery = consumer_.next(reports_at_once);
      if (!delivery) return std::move(delivery).error();
      if (delivery->empty()) return false;
      for (const OriginRecords& origin : delivery->origins) taken += std::max<std::size_t>(1, origin.records.size());
      if (auto done = take(*delivery); !done) return forget(std::move(done).error());
    }
    return *behind > 0;
  }

  Result<void> take(Delivery& delivery) {
    // A node that goes by another replica id since has said its last under that.
    std::sort(delivery.origins.begin(), delivery.origins.end(), [](const OriginRecords& a, const OriginRecords& b) {
      return !b.records.empty() && (a.records.empty() || a.records.back().at < b.records.back().at);
    });
    Edit edit;
    for (const OriginRecords& origin : delivery.origins)
      for (const Record& record : origin.records) {
        if (const auto report = node::to_report(record)) fleet_.take(*report, edit);
        if (edit.ops().size() > ops_at_once)
          if (auto kept = keep(edit); !kept) return kept;
      }
    if (auto kept = keep(edit); !kept) return kept;
    return consumer_.commit(delivery.upto);
  }

  Result<void> keep(Edit& edit) {
    if (edit.ops().empty()) return {};
    const auto kept = latest_.commit(std::exchange(edit, {}));
    return kept ? Result<void>() : kept.error();
  }

  /// What is known is what is written: after a failure both are read again.
  Error forget(Error why) {
    if (auto fleet = node::Fleet::load(latest_)) fleet_ = *std::move(fleet);
    consumer_ = reports_.consumer(consumer_name);
    return why;
  }

  Result<void> advance_all() {
    next_ = never;
    std::vector<std::string> names;
    {
      const auto lock = core_->lock();
      if (!lock) return lock.error();
      for (const store::Scope& scope : core_->store().scopes())
        if (scope.plane == Plane::config) names.push_back(scope.name);
    }
    Result<void> all;
    for (const std::string& name : names)
      if (auto advanced = advance(name); !advanced && all) all = std::move(advanced);  // one holds up no other
    return all;
  }

  Result<void> advance(const std::string& name) {
    const node::ScopeHandle scope(core_, Plane::config, name);
    auto lock = scope.lock_idle();
    if (!lock) return std::move(lock).error();
    const auto rolling = core_->engine().config().rollout(scope.id);
    if (!rolling) return rolling.error();
    if (!*rolling || config::is_over((*rolling)->progress.phase)) return {};
    const Now now = core_->now();
    const config::Progress next = step(**rolling, name, now);
    if (const auto due = config::due((*rolling)->rollout, next)) {
      const auto left = *due - soaks_[name].at(next, now);
      next_ = std::min(next_, now.monotonic + std::clamp<Instant::duration>(left, 10ms, 1h));
    }
    if (next == (*rolling)->progress) return {};
    const auto put = [&](sync::ConfigPlane& plane) { return plane.advance(scope.id, next, core_->time()); };
    if (auto done = node::settled(scope, *lock, node::write(scope, *lock, put)); !done) return done;
    lock->unlock();
    if (!options_.on_progress || (next.phase == (*rolling)->progress.phase && next.open == (*rolling)->progress.open))
      return {};
    if (const auto status = Config(std::make_shared<node::ScopeHandle>(scope)).rollout().status())
      options_.on_progress(name, *status);
    return {};
  }

  config::Progress step(const sync::ConfigPlane::Rolling& rolling, const std::string& name, const Now& now) {
    const Timestamp time = soaks_[name].at(rolling.progress, now);
    config::Progress next =
        config::advance(rolling.rollout, rolling.progress, fleet_.count(rolling.rollout, name), time);
    if (rolling.overtaken) next.phase = RolloutPhase::superseded;
    return next;
  }

  const std::shared_ptr<node::Core> core_;
  Stream reports_;
  State latest_;
  const RolloutControllerOptions options_;
  node::Fleet fleet_;  // the follower's, with what follows
  Consumer consumer_ = reports_.consumer(consumer_name);
  std::map<std::string, config::SoakClock> soaks_{};  // by config scope
  Instant next_ = never;
  node::Follower::Wake wake_{};
  std::unique_ptr<node::Follower> follower_{};  // goes first
};

RolloutController::RolloutController(std::unique_ptr<Worker> worker) noexcept : worker_(std::move(worker)) {}
RolloutController::RolloutController(RolloutController&&) noexcept = default;
RolloutController& RolloutController::operator=(RolloutController&&) noexcept = default;
RolloutController::~RolloutController() = default;

Result<RolloutController> RolloutController::start(Hub& hub, RolloutControllerOptions options) {
  if (!hub.core_->is_root())
    return Error(Errc::invalid_argument, "rollout: a relay opens no waves: that is the root's business");
  State latest = hub.state(options.fleet);
  auto fleet = node::Fleet::load(latest);
  if (!fleet) return std::move(fleet).error();
  Stream reports = hub.stream(options.fleet);
  auto worker =
      std::make_unique<Worker>(hub.core_, std::move(reports), std::move(latest), *std::move(fleet), std::move(options));
  if (auto begun = worker->begin(); !begun) return std::move(begun).error();
  return RolloutController(std::move(worker));
}

}  // namespace edgesync
