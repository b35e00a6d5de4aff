// SPDX-License-Identifier: Apache-2.0
// A device whose power goes at every disk operation of a day of config: signed versions on trial, one confirmed, one
// that fails, one that ends the application, a revocation, a rollback, an older and an altered one in between. Each
// time it comes up with one whole version in use that was signed and accepted, goes on where it was, and ends the day
// as if nothing had happened.
#include "sim/fault_vfs.hpp"
#include "sync/config_plane.hpp"
#include "unit/config/samples.hpp"
#include "unit/config/signers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace edgesync::sync {
namespace {

using namespace std::chrono_literals;
using sim::Disk;
using sim::FaultVfs;

const config::HashVerifier verifier;
constexpr config::Rules rules{.health_window = 60s, .starts_max = 3};

config::Release version(std::uint64_t number, int limit, std::uint64_t floor = 0) {
  config::Release release = config::release_of({{"limit", limit}, {"twice", 2 * limit}}, number);
  release.manifest.floor = floor;
  release.manifest = config::signed_by(release.manifest, {2});
  return release;
}

/// One power-on of the device: a store, a plane, and an application that knows what it thinks of each version.
class Device {
 public:
  enum class Opinion { good, silent, bad, refused, fatal, dies };

  /// `shown`: the versions that readers ever saw.
  Device(FaultVfs& vfs, Now& now, std::set<std::uint64_t>& shown, std::map<std::uint64_t, Opinion> opinions)
      : now_(now), shown_(shown), opinions_(std::move(opinions)), random_(7) {
    store::Options options;
    options.path = "device.db";
    options.vfs = vfs.name();
    auto opened = store::Store::open(std::move(options), random_, now.wall);
    if (!opened) return;
    store_ = *std::move(opened);
    plane_ = std::make_unique<ConfigPlane>(*store_, rules, config::Gate(config::sample_root(), &verifier, "0.1.0"));
    plane_->tick(now.wall, now.monotonic);
    const auto scope = store_->open_scope(Plane::config, "plant-7");
    up_ = scope && plane_->open(*scope);
    if (up_) scope_ = *scope;
  }

  bool up() const { return up_; }
  ConfigPlane& plane() { return *plane_; }
  bool ended() const { return ended_; }

  void put(const config::Release& release) {
    const Edit edit = Edit().set(release_key, release.encode());
    store_->commit(scope_, edit.ops(), now_.wall).ignore();
    work();
  }
  void rollback(std::uint64_t number) {
    plane_->rollback(scope_, number, "by hand").ignore();
    work();
  }
  void pass(std::chrono::seconds time) {
    now_.monotonic += time;
    now_.wall += time;
    plane_->tick(now_.wall, now_.monotonic);
    work();
  }
  /// Until nothing is left to commit and the application has answered all it was asked.
  void work() {
    for (int round = 0; round < 50 && !ended_; ++round) {
      if (store_->accepted() > store_->durable()) {
        auto batch = store_->begin_flush();
        store_->write(*batch);
        const store::Flushed flushed = store_->finish(std::move(batch));
        if (flushed.error) return;
        plane_->flushed(flushed);
      }
      for (auto actions = plane_->take_actions(); !actions.empty(); actions = plane_->take_actions())
        for (const ConfigPlane::Action& action : actions) answer(action);
      plane_->tick(now_.wall, now_.monotonic);
      if (store_->accepted() == store_->durable()) return;
    }
  }

  /// Empty if one whole, signed, accepted version is in use, or none ever was.
  std::string fault(bool ever) {
    const auto rows = store_->versions(scope_);
    if (!rows) return "versions: " + rows.error().detail;
    int active = 0, trial = 0;
    for (const store::VersionRow& row : *rows) {
      active += row.role == VersionRole::active;
      trial += row.role == VersionRole::trial;
    }
    if (active > 1 || trial > 1) return "two are in use";
    for (const std::uint64_t number : shown_)
      if (std::none_of(rows->begin(), rows->end(), [&](const store::VersionRow& row) {
            return row.manifest.number == number && was_in_use(row.role);
          }))
        return "version " + std::to_string(number) + " was shown before it was journaled";
    const VersionInfo used = plane_->active(scope_);
    if (used.number == 0) return ever ? "none is in use" : "";
    const auto content = plane_->active_content(scope_);
    if (!content || content->size() != 2) return "no content";
    const auto limit = std::get<std::int64_t>(content->at("limit"));
    if (content->at("twice") != Value(2 * limit)) return "a mixture";
    if (limit != static_cast<std::int64_t>(used.number) * 10) return "content of another version";
    if (used.number == 66 || used.number == 3) return "one that is not signed, or refused";
    const auto release = store_->release(scope_, {used.number, used.id});
    if (!release || !config::verify(*release)) return "not whole";
    return config::Gate(config::sample_root(), &verifier, "0.1.0").standing(release->manifest, "plant-7", {}, now_.wall)
               ? ""
               : "not signed";
  }
  std::uint64_t in_use() { return plane_->active(scope_).number; }

 private:
  void answer(const ConfigPlane::Action& action) {
    const VersionInfo version = action.release.manifest.info();
    const Opinion opinion = opinions_.at(version.number);
    if (action.kind == config::Action::Kind::ask && opinion == Opinion::fatal) ended_ = true;
    if (ended_) return;
    if (action.kind == config::Action::Kind::ask)
      plane_->verdict(scope_, version, opinion == Opinion::refused ? Verdict::reject : Verdict::healthy, "").ignore();
    if (action.kind != config::Action::Kind::activate) return;
    shown_.insert(version.number);
    if (opinion == Opinion::dies) ended_ = true;
    if (opinion == Opinion::good) plane_->confirm(scope_).ignore();
    if (opinion == Opinion::bad) plane_->fail(scope_, 0, "it stutters").ignore();
  }

  static bool was_in_use(VersionRole role) {
    return role == VersionRole::active || role == VersionRole::trial || role == VersionRole::confirmed ||
           role == VersionRole::rolled_back || role == VersionRole::quarantined;
  }

  Now& now_;
  std::set<std::uint64_t>& shown_;
  std::map<std::uint64_t, Opinion> opinions_;
  Xoshiro random_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<ConfigPlane> plane_;
  store::ScopeId scope_{};
  bool up_ = false, ended_ = false;
};

using Opinion = Device::Opinion;

/// The day, in steps; each may be repeated after a power cut.
std::vector<std::function<void(Device&)>> day() {
  std::vector<std::function<void(Device&)>> steps;
  const auto offer = [&](config::Release release) {
    steps.push_back([release](Device& device) { device.put(release); });
  };
  offer(version(1, 10));
  offer(version(2, 20));
  offer(version(3, 30));  // refused
  offer(version(4, 40));  // fails
  offer(version(5, 50));  // says nothing
  steps.push_back([](Device& device) { device.pass(61s); });
  offer(version(1, 10));  // an older one
  config::Release forged = version(66, 660);
  forged.manifest.note = "forged";
  offer(forged);
  offer(version(6, 60));
  steps.push_back([](Device& device) { device.rollback(2); });
  offer(version(7, 70));  // ends the application whenever it is asked
  offer(version(8, 80));  // ends it as soon as it is in use
  offer(version(9, 90, 9));
  steps.push_back([](Device& device) { device.pass(61s); });
  return steps;
}

const std::map<std::uint64_t, Opinion> opinions{{1, Opinion::good},  {2, Opinion::good},   {3, Opinion::refused},
                                                {4, Opinion::bad},   {5, Opinion::silent}, {6, Opinion::good},
                                                {7, Opinion::fatal}, {8, Opinion::dies},   {9, Opinion::good}};

struct Played {
  std::uint64_t operations = 0;
  std::uint64_t in_use = 0;
  std::string fault{};
};

/// Plays the day; the power goes at disk operation `cut`, counted from the first, if it is not 0.
Played play(std::uint64_t cut, bool power) {
  Disk disk(cut + 1);
  FaultVfs vfs(disk);
  Now now{Instant(1h), Timestamp(std::chrono::hours(24 * 20'000))};
  if (cut > 0) disk.die_after(cut);
  Played played;
  bool ever = false;
  std::set<std::uint64_t> shown;
  auto device = std::make_unique<Device>(vfs, now, shown, opinions);
  const auto restart = [&] {
    device.reset();
    if (disk.dead()) disk.crash(power);
    device = std::make_unique<Device>(vfs, now, shown, opinions);
    if (!device->up()) return void(played.fault = "does not open");
    played.fault = device->fault(ever);  // what the file alone says
    if (!played.fault.empty()) return;
    device->work();
    if (!device->ended()) played.fault = device->fault(ever);
  };
  for (const auto& step : day()) {
    for (int attempt = 0; attempt < 8; ++attempt) {
      if (device->up()) step(*device);
      const bool again = disk.dead();
      for (int i = 0; (i < 5 && device->ended()) || disk.dead() || !device->up(); ++i) restart();
      if (played.fault.empty()) played.fault = device->fault(ever);
      if (!played.fault.empty()) return played;
      ever |= device->in_use() != 0;
      if (!again) break;
    }
  }
  played.in_use = device->in_use();
  played.operations = disk.operations();
  device.reset();
  return played;
}

class TrialDays : public testing::TestWithParam<bool> {};

TEST_P(TrialDays, EndAlikeWhereverThePowerGoes) {
  const Played clean = play(0, GetParam());
  ASSERT_EQ(clean.fault, "");
  ASSERT_EQ(clean.in_use, 9u);
  ASSERT_GT(clean.operations, 100u);
  for (std::uint64_t cut = 1; cut <= clean.operations; ++cut) {
    const Played cut_short = play(cut, GetParam());
    ASSERT_EQ(cut_short.fault, "") << "operation " << cut;
    ASSERT_EQ(cut_short.in_use, 9u) << "operation " << cut;
  }
  RecordProperty("operations", std::to_string(clean.operations));
}

INSTANTIATE_TEST_SUITE_P(Exhaustive, TrialDays, testing::Bool(),
                         [](const auto& of) { return of.param ? "PowerCuts" : "Crashes"; });

}  // namespace
}  // namespace edgesync::sync
