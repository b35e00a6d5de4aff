// SPDX-License-Identifier: Apache-2.0
// Searches: what it costs two stores to find d removals that one of them has missed and the other's log does not tell
// any more. Bytes and messages are those of the search, as frames; the delta that follows is not counted. A step is
// one go at the file, as a link takes it (sync::Limits): the longest of them is what others may have to wait for.
#include "directory.hpp"
#include "store/store.hpp"
#include "wire/frame.hpp"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <ctime>
#include <deque>

namespace edgesync {
namespace {

/// Milliseconds of the processor that this thread has used: others on the machine do not count.
double cpu_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

constexpr std::size_t look_entries = 4096, inspect_ranges = 16, inspects = 64;  // as in sync::Limits

std::string key_of(std::uint64_t number) {
  return "line-" + std::to_string(number % 7) + "/pump/speed/" + std::to_string(number);
}

/// One side.
struct Side {
  Side(const std::string& path, std::uint64_t seed) : random(seed) {
    store::Options options;
    options.path = path;
    store = store::Store::open(std::move(options), random, Timestamp{}).value();
    scope = store->open_scope(Plane::state, "twin").value();
  }
  void flush() {
    auto batch = store->begin_flush();
    store->write(*batch);
    if (store->finish(std::move(batch)).error) std::abort();
  }
  void commit(const Edit& edit) {
    store->commit(scope, edit.ops(), Timestamp(std::chrono::hours(24 * 365 * 56))).value();
    if (store->wants_flush()) flush();
  }

  Xoshiro random;
  std::unique_ptr<store::Store> store;
  store::ScopeId scope{};
};

/// `keys` cells on both sides; then the teller removes `removed` of them, anywhere, and forgets that.
void part_ways(Side& teller, Side& asker, std::uint64_t keys, std::uint64_t removed) {
  for (std::uint64_t i = 0; i < keys;) {
    Edit edit;
    for (std::uint64_t left = std::min<std::uint64_t>(1000, keys - i); left > 0; --left, ++i)
      edit.set(key_of(i), static_cast<std::int64_t>(i));
    teller.commit(edit);
  }
  teller.flush();
  asker.store->apply(store::RemoteCut{{{asker.scope, teller.store->delta(teller.scope, {}).value(), {}}}});
  asker.flush();
  for (std::uint64_t i = 0; i < removed; ++i) teller.commit(Edit().erase(key_of(i * (keys / removed) + i % 3)));
  teller.flush();
  teller.store->compact(0).value();
}

/// What a search takes.
class Cost {
 public:
  void send(const wire::Message& message) { bytes_ += codec_.encode({&message, 1}).size(); }
  void round_trip() { ++round_trips_; }
  /// One go at the file.
  template <class Look>
  void step(Side& side, Look look) {
    const double from = cpu_ms();
    side.store->look(side.scope, [&](crdt::CellSource& cells) { look(cells); }).value();
    const double ms = cpu_ms() - from;
    longest_ms_ = std::max(longest_ms_, ms), all_ms_ += ms;
  }
  void report(benchmark::State& state, std::size_t found) const {
    state.counters["bytes"] = static_cast<double>(bytes_);
    state.counters["round_trips"] = static_cast<double>(round_trips_);
    state.counters["step_ms"] = longest_ms_;
    state.counters["both_ms"] = all_ms_;
    state.counters["found"] = static_cast<double>(found);
  }

 private:
  wire::Codec codec_{{}};
  std::size_t bytes_ = 0, round_trips_ = 0;
  double longest_ms_ = 0, all_ms_ = 0;
};

wire::Findings tell(Side& teller, crdt::Survey& survey, const std::vector<crdt::KeyRange>& ranges, Cost& cost) {
  wire::Findings told{1, 1, {}, {}};
  if (!survey.done()) told.common = *survey.measure().common;
  while (!survey.done()) cost.step(teller, [&](crdt::CellSource& cells) { survey.walk(cells, look_entries); });
  for (std::size_t at = 0; at < ranges.size();)
    cost.step(teller, [&](crdt::CellSource& cells) {
      for (const std::uint64_t enough = survey.read() + look_entries; at < ranges.size() && survey.read() < enough;
           ++at)
        for (crdt::Finding& finding : crdt::inspect(survey, cells, ranges[at]))
          told.findings.push_back(std::move(finding));
    });
  cost.send(told);
  return told;
}

void take(Side& asker, crdt::Search& search, const wire::Findings& told, std::vector<crdt::KeyRange>& wanted,
          Cost& cost) {
  crdt::Survey& survey = search.survey();
  while (!survey.done()) cost.step(asker, [&](crdt::CellSource& cells) { survey.walk(cells, look_entries); });
  for (std::size_t at = 0; at < told.findings.size();)
    cost.step(asker, [&](crdt::CellSource& cells) {
      for (const std::uint64_t enough = survey.read() + look_entries;
           at < told.findings.size() && survey.read() < enough; ++at)
        if (search.take(cells, told.findings[at])) wanted.push_back(told.findings[at].range);
    });
}

void search(Side& teller, Side& asker, benchmark::State& state) {
  Cost cost;
  const crdt::Measure measure{teller.store->fingerprint_key(teller.scope),
                              crdt::meet(asker.store->context(asker.scope), teller.store->context(teller.scope))};
  crdt::Survey survey(measure);
  crdt::Search search(measure);
  std::deque<std::vector<crdt::KeyRange>> asked{{{}}};
  std::vector<crdt::KeyRange> wanted;
  while (!asked.empty()) {
    for (const auto& ranges : std::exchange(asked, {}))
      take(asker, search, tell(teller, survey, ranges, cost), wanted, cost);
    for (auto at = wanted.begin(); at != wanted.end() && asked.size() < inspects;) {
      const auto many = std::min<std::ptrdiff_t>(inspect_ranges, wanted.end() - at);
      cost.send(wire::Inspect{1, 1, asked.emplace_back(at, at + many)});
      at = wanted.erase(at, at + many);
    }
    cost.round_trip();
  }
  cost.report(state, search.removed().size());
}

void SearchForRemovals(benchmark::State& state) {
  const auto keys = static_cast<std::uint64_t>(state.range(0)), removed = static_cast<std::uint64_t>(state.range(1));
  const Dir dir;
  Side teller(dir.file("teller.db"), 1), asker(dir.file("asker.db"), 2);
  part_ways(teller, asker, keys, removed);
  for (auto _ : state) search(teller, asker, state);
}
BENCHMARK(SearchForRemovals)
    ->ArgNames({"keys", "missed"})
    ->ArgsProduct({{10'000}, {1, 10, 100, 1'000}})
    ->ArgsProduct({{100'000}, {1, 10, 100, 1'000, 10'000}})
    ->ArgsProduct({{1'000'000}, {1, 100}})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);

}  // namespace
}  // namespace edgesync

BENCHMARK_MAIN();
