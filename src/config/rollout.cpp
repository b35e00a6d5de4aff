// SPDX-License-Identifier: Apache-2.0
#include "config/rollout.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

namespace edgesync::config {
namespace {

using Phase = RolloutPhase;

constexpr std::size_t text_bytes_max = 64;  // of a label's key, and of its value
constexpr std::chrono::seconds soak_max = std::chrono::hours(24 * 30);
constexpr Timestamp time_max{std::chrono::seconds(253'402'300'799)};  // the end of the year 9999

Error bad(const std::string& what) { return {Errc::invalid_argument, "rollout: " + what}; }

/// So that "key=value,key=value" can be read again.
bool is_label_text(std::string_view text) {
  const auto plain = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f && c != '=' && c != ','; };
  return !text.empty() && text.size() <= text_bytes_max && is_utf8(text) &&
         std::all_of(text.begin(), text.end(), plain);
}

Result<void> check_wave(const RolloutWave& wave) {
  if (wave.percent < 1 || wave.percent > 100) return bad("percent is not 1 to 100");
  if (wave.gate.success_percent > 100) return bad("success_percent is not 0 to 100");
  if (wave.gate.error_percent < 1 || wave.gate.error_percent > 100) return bad("error_percent is not 1 to 100");
  if (wave.gate.soak < std::chrono::seconds(0) || wave.gate.soak > soak_max) return bad("soak is not 0 to 30 days");
  return check(wave.labels);
}

void write(Writer& out, const RolloutWave& wave) {
  out.varint(wave.labels.size());
  for (const auto& [key, value] : wave.labels) out.blob(as_view(key)), out.blob(as_view(value));
  out.varint(wave.percent);
  out.varint(wave.gate.reported_min);
  out.varint(wave.gate.success_percent);
  out.varint(wave.gate.error_percent);
  out.varint(static_cast<std::uint64_t>(wave.gate.soak.count()));
  out.u8(wave.gate.approval ? 1 : 0);
}

/// A number that `Number` can hold.
template <class Number>
Number read_number(Reader& in) {
  const std::uint64_t number = in.varint();
  if (number > std::numeric_limits<Number>::max()) in.fail();
  return static_cast<Number>(number);
}

RolloutWave read_wave(Reader& in) {
  RolloutWave wave;
  for (std::size_t left = in.count(2); left > 0 && !in.failed(); --left) {
    std::string key(as_text(in.blob()));
    wave.labels.insert_or_assign(std::move(key), std::string(as_text(in.blob())));
  }
  wave.percent = read_number<unsigned>(in);
  wave.gate.reported_min = read_number<std::uint32_t>(in);
  wave.gate.success_percent = read_number<unsigned>(in);
  wave.gate.error_percent = read_number<unsigned>(in);
  wave.gate.soak = std::chrono::seconds(read_number<std::uint32_t>(in));
  wave.gate.approval = in.u8() == 1;
  return wave;
}

Sha256Digest read_digest(Reader& in) {
  Sha256Digest digest{};
  const ByteView bytes = in.raw(digest.size());
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

/// Of a hundred nodes which one this is.
unsigned place_of(const Rollout& rollout, std::string_view name) {
  Sha256 hash;
  hash.add(rollout.id);
  hash.add(as_view(name));
  const Sha256Digest digest = hash.finish();
  return static_cast<unsigned>(Reader(ByteView(digest)).u64() % 100);
}

std::uint64_t reported(const WaveCounts& counts) { return counts.active + counts.failed; }

bool fails(const RolloutGate& gate, const WaveCounts& counts) {
  return counts.failed > 0 && reported(counts) >= gate.reported_min &&
         counts.failed * 100 >= gate.error_percent * reported(counts);
}

bool passes(RolloutGate gate, const WaveCounts& counts, bool last) {
  // Nobody may be left for the last wave; a first one without nodes is a mistake in the plan.
  const std::uint64_t known = counts.untouched + counts.staged + reported(counts);
  if (last && known < gate.reported_min) gate.reported_min = static_cast<std::uint32_t>(known);
  return reported(counts) >= gate.reported_min && counts.active * 100 >= gate.success_percent * reported(counts);
}

/// Whether too many nodes of an open wave have failed; then it says so.
bool stops(const Rollout& rollout, Progress& progress, const std::vector<WaveCounts>& counts) {
  for (std::size_t wave = 0; wave < progress.open; ++wave) {
    if (!fails(rollout.plan.waves[wave].gate, counts[wave])) continue;
    progress.phase = Phase::stopped;
    progress.reason = "wave " + std::to_string(wave + 1) + ": " + std::to_string(counts[wave].failed) + " of " +
                      std::to_string(reported(counts[wave])) + " nodes that reported have failed";
    return true;
  }
  return false;
}

/// Whether the wave after the last open one may open.
bool gate_opens(const Rollout& rollout, Progress& progress, const WaveCounts& counts, Timestamp now) {
  const RolloutGate& gate = rollout.plan.waves[progress.open - 1].gate;
  if (rollout.approved >= progress.open) return true;
  if (!passes(gate, counts, progress.open == rollout.plan.waves.size())) {
    progress.passed_since = {};
    return false;
  }
  if (progress.passed_since == Timestamp{} || progress.passed_since > now) progress.passed_since = now;
  return !gate.approval && now - progress.passed_since >= gate.soak;
}

}  // namespace

Result<void> check(const Labels& labels) {
  if (labels.size() > max_labels) return bad("more than 16 labels");
  for (const auto& [key, value] : labels)
    if (!is_label_text(key) || !is_label_text(value))
      return bad("label \"" + printable(key) + "\"=\"" + printable(value) +
                 "\": each is 1 to 64 bytes of UTF-8 without '=', ',' and control characters");
  return {};
}

Result<void> check(const RolloutPlan& plan) {
  if (plan.waves.empty() || plan.waves.size() > max_waves) return bad("there are not 1 to 16 waves");
  for (std::size_t i = 0; i < plan.waves.size(); ++i)
    if (auto good = check_wave(plan.waves[i]); !good)
      return Error(good.error().code, good.error().detail + " (wave " + std::to_string(i + 1) + ")");
  if (!plan.waves.back().labels.empty() || plan.waves.back().percent != 100)
    return bad("the last wave does not take in everybody");
  return {};
}

bool Rollout::is_of(std::uint64_t version, std::string_view version_id) const {
  return number == version && to_hex(id) == version_id;
}

Bytes Rollout::encode() const {
  Bytes bytes;
  Writer out(bytes);
  out.varint(number);
  out.raw(id);
  out.u8(static_cast<std::uint8_t>(order));
  out.varint(approved);
  out.varint(plan.waves.size());
  for (const RolloutWave& wave : plan.waves) write(out, wave);
  return bytes;
}

Result<Rollout> Rollout::decode(ByteView bytes) {
  Reader in(bytes);
  Rollout rollout;
  rollout.number = in.varint();
  rollout.id = read_digest(in);
  rollout.order = static_cast<Order>(in.u8());
  rollout.approved = read_number<std::uint32_t>(in);
  for (std::size_t left = in.count(7); left > 0 && !in.failed(); --left) rollout.plan.waves.push_back(read_wave(in));
  const bool ordered = rollout.order >= Order::run && rollout.order <= Order::abort;
  const bool whole = in.done() && ordered && check(rollout.plan);
  if (!whole || !equal(rollout.encode(), bytes)) return Error(Errc::protocol_violation, "rollout: malformed");
  return rollout;
}

Bytes Progress::encode() const {
  Bytes bytes;
  Writer out(bytes);
  out.varint(number);
  out.raw(id);
  out.u8(static_cast<std::uint8_t>(phase));
  out.varint(open);
  out.svarint(passed_since.time_since_epoch().count());
  out.blob(as_view(reason));
  return bytes;
}

Result<Progress> Progress::decode(ByteView bytes) {
  Reader in(bytes);
  Progress progress;
  progress.number = in.varint();
  progress.id = read_digest(in);
  progress.phase = static_cast<Phase>(in.u8());
  progress.open = read_number<std::uint32_t>(in);
  progress.passed_since = Timestamp(Timestamp::duration(in.svarint()));
  progress.reason = as_text(in.blob());
  const bool phased = progress.phase >= Phase::waiting && progress.phase <= Phase::superseded;
  const bool timed = progress.passed_since >= Timestamp{} && progress.passed_since <= time_max;
  if (!in.done() || !phased || !timed || progress.open > max_waves || !equal(progress.encode(), bytes))
    return Error(Errc::protocol_violation, "rollout: its progress is malformed");
  return progress;
}

bool precedes(const Rollout& a, const Rollout& b) {
  const auto key = [](const Rollout& one) { return std::tuple(one.number, one.id, one.order, one.approved); };
  return key(a) != key(b) ? key(a) < key(b) : a.encode() < b.encode();
}

bool precedes(const Progress& a, const Progress& b) {
  const auto key = [](const Progress& one) {
    return std::tuple(one.number, one.id, is_over(one.phase), one.phase, one.open);
  };
  return key(a) != key(b) ? key(a) < key(b) : a.encode() < b.encode();
}

std::size_t wave_of(const Rollout& rollout, const Member& member) {
  const auto takes_in = [&](const RolloutWave& wave) {
    const auto has = [&](const auto& label) {
      const auto found = member.labels.find(label.first);
      return found != member.labels.end() && found->second == label.second;
    };
    return std::all_of(wave.labels.begin(), wave.labels.end(), has) && place_of(rollout, member.name) < wave.percent;
  };
  const auto& waves = rollout.plan.waves;
  return static_cast<std::size_t>(std::find_if(waves.begin(), waves.end(), takes_in) - waves.begin());
}

bool lets_in(const Rollout& rollout, const Progress& progress, const Member& member) {
  return progress.number == rollout.number && progress.id == rollout.id && progress.phase == Phase::running &&
         rollout.order == Rollout::Order::run && wave_of(rollout, member) < progress.open;
}

bool is_over(RolloutPhase phase) noexcept {
  return phase == Phase::done || phase == Phase::stopped || phase == Phase::aborted || phase == Phase::superseded;
}

Progress advance(const Rollout& rollout, Progress progress, const std::vector<WaveCounts>& counts, Timestamp now) {
  if (progress.number != rollout.number || progress.id != rollout.id)
    progress = {rollout.number, rollout.id, Phase::waiting, 0, {}, {}};
  if (is_over(progress.phase)) return progress;
  const auto& waves = rollout.plan.waves;
  progress.open = std::min(progress.open, static_cast<std::uint32_t>(waves.size()));  // whoever wrote it
  if (rollout.order == Rollout::Order::abort) {
    progress.phase = Phase::aborted;
    return progress;
  }
  if (stops(rollout, progress, counts)) return progress;
  progress.phase = rollout.order == Rollout::Order::pause ? Phase::paused : Phase::running;
  if (progress.phase == Phase::paused) {
    progress.passed_since = {};  // nobody looks whether it goes on holding
    return progress;
  }
  if (progress.open == 0) progress.open = 1;
  while (!stops(rollout, progress, counts) && gate_opens(rollout, progress, counts[progress.open - 1], now)) {
    if (progress.open == waves.size()) {
      progress.phase = Phase::done;
      return progress;
    }
    ++progress.open;
    progress.passed_since = {};
  }
  return progress;
}

std::optional<Timestamp> due(const Rollout& rollout, const Progress& progress) {
  if (progress.phase != Phase::running || progress.passed_since == Timestamp{}) return {};
  if (progress.open == 0 || progress.open > rollout.plan.waves.size()) return {};
  const RolloutGate& gate = rollout.plan.waves[progress.open - 1].gate;
  if (gate.approval) return {};
  return progress.passed_since + gate.soak;
}

Timestamp SoakClock::at(const Progress& progress, const Now& now) {
  if (progress.passed_since != since_) since_ = progress.passed_since, seen_ = now.monotonic;
  if (since_ == Timestamp{} || since_ > now.wall) return now.wall;
  return std::min(now.wall, since_ + (now.monotonic - seen_));
}

}  // namespace edgesync::config

namespace edgesync {

const char* name(RolloutPhase phase) noexcept {
  switch (phase) {
    case RolloutPhase::waiting:
      return "waiting";
    case RolloutPhase::running:
      return "running";
    case RolloutPhase::paused:
      return "paused";
    case RolloutPhase::done:
      return "done";
    case RolloutPhase::stopped:
      return "stopped";
    case RolloutPhase::aborted:
      return "aborted";
    case RolloutPhase::superseded:
      return "superseded";
  }
  return "unknown";
}

}  // namespace edgesync
