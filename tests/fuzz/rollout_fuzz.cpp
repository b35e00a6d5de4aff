// SPDX-License-Identifier: Apache-2.0
// Rollouts and progresses of any bytes: what is accepted has one encoding, and wherever a hostile progress says a
// rollout is, what follows stays within the plan, is over once it is over, and changes nothing the second time.
#include "config/rollout.hpp"
#include "fuzz/input.hpp"

using namespace edgesync;
using fuzz::holds;

namespace {

std::vector<WaveCounts> counts_for(const config::Rollout& rollout, fuzz::Input& in) {
  std::vector<WaveCounts> counts(rollout.plan.waves.size());
  for (WaveCounts& wave : counts) wave = {in.u8(), in.u8(), in.u8(), in.u8()};
  return counts;
}

void follow(const config::Rollout& rollout, const config::Progress& progress, fuzz::Input& in) {
  const std::size_t waves = rollout.plan.waves.size();
  const config::Member member{"node", {{"pool", "canary"}}};
  holds(config::wave_of(rollout, member) < waves, "somebody belongs to no wave");
  if (config::lets_in(rollout, progress, member)) holds(progress.phase == RolloutPhase::running, "let in, not running");
  const auto counts = counts_for(rollout, in);
  const Timestamp now{Timestamp::duration(in.u16())};
  const config::Progress next = config::advance(rollout, progress, counts, now);
  holds(next.open <= std::max<std::size_t>(waves, progress.open), "a wave that is not in the plan");
  holds(config::advance(rollout, next, counts, now) == next, "the second time it is another");
  if (const auto due = config::due(rollout, next))
    holds(!config::is_over(next.phase), "something is due after the end");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  const ByteView first = in.take(in.u16() % 2048), second = in.take(in.u8());
  const auto rollout = config::Rollout::decode(first);
  auto progress = config::Progress::decode(second);
  if (!rollout) fuzz::is_told(rollout.error());
  if (!progress) fuzz::is_told(progress.error());
  if (rollout) holds(equal(rollout->encode(), first) && config::check(rollout->plan), "a rollout has one encoding");
  if (progress) holds(equal(progress->encode(), second), "a progress has one encoding");
  if (!rollout) return 0;
  if (!progress) progress = config::Progress{};
  if (in.u8() % 2 == 0) progress->number = rollout->number, progress->id = rollout->id;
  follow(*rollout, *progress, in);
  return 0;
}
