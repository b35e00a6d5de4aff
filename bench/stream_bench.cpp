// SPDX-License-Identifier: Apache-2.0
// Streams: the segment codec beside the ways in which the same records travel and lie elsewhere. Every benchmark runs
// over a whole set: the synthetic one, small enough that its rows are in the
// cache as they are where they were just made, and each CSV file (.csv or .csv.zst) in the folder that the environment
// variable EDGESYNC_TELEMETRY names. One iteration is all records of the set; "B_record" is what one record takes.
#include "rivals.hpp"
#include "stream/segment_reader.hpp"
#include "telemetry.hpp"
#include "wire/compression.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>

namespace edgesync::bench {
namespace {

/// A set, the batches that a builder makes of it, and their segments. Only the set in use is kept: some are large.
struct Prepared {
  explicit Prepared(Telemetry read) : telemetry(std::move(read)) {
    stream::SegmentBuilder builder(telemetry.schema);
    std::size_t from = 0;
    const auto cut = [&](std::size_t to) {
      batches.push_back(Batch(telemetry.samples).subspan(from, to - from));
      segments.push_back(builder.finish(from + 1));
      from = to;
    };
    for (std::size_t i = 0; i < telemetry.samples.size(); ++i) {
      const Sample& sample = telemetry.samples[i];
      if (!builder.accepts(sample.fields)) cut(i);
      builder.add(sample.at, sample.fields);
    }
    cut(telemetry.samples.size());
  }

  Telemetry telemetry;
  std::vector<Batch> batches{};
  std::vector<Bytes> segments{};
};

const Prepared& prepared(const std::string& set) {
  static std::string name;
  static std::unique_ptr<const Prepared> current;
  if (current && name == set) return *current;
  current.reset();
  current = std::make_unique<const Prepared>(set.empty() ? slowly_varying(8'000) : read_csv(set));
  name = set;
  return *current;
}

void report(benchmark::State& state, const Prepared& set, std::size_t bytes) {
  const auto records = static_cast<double>(set.telemetry.samples.size());
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(set.telemetry.samples.size()));
  state.counters["B_record"] = static_cast<double>(bytes) / records;
}

std::size_t total(const std::vector<Bytes>& parts) {
  std::size_t bytes = 0;
  for (const Bytes& part : parts) bytes += part.size();
  return bytes;
}

/// Rows of values into segments: what lies on the hub's disk.
void segment_encode(benchmark::State& state, const std::string& name) {
  const Prepared& set = prepared(name);
  for (auto _ : state) {
    stream::SegmentBuilder builder(set.telemetry.schema);
    for (const Sample& sample : set.telemetry.samples) {
      if (!builder.accepts(sample.fields)) benchmark::DoNotOptimize(builder.finish(1));
      builder.add(sample.at, sample.fields);
    }
    benchmark::DoNotOptimize(builder.finish(1));
  }
  report(state, set, total(set.segments));
}

/// Segments into records.
void segment_decode(benchmark::State& state, const std::string& name) {
  const Prepared& set = prepared(name);
  for (auto _ : state)
    for (const Bytes& segment : set.segments) benchmark::DoNotOptimize(stream::decode(segment).value());
  report(state, set, total(set.segments));
}

/// The least value of one column of numbers after the other, all decoded; texts are passed over.
void segment_scan(benchmark::State& state, const std::string& name) {
  const Prepared& set = prepared(name);
  stream::ColumnValues values;
  std::size_t scanned = 0;
  for (auto _ : state) {
    for (const Bytes& segment : set.segments) {
      const auto reader = stream::SegmentReader::open(segment).value();
      for (std::size_t i = 0; i < reader.schema().columns.size(); ++i) {
        if (stream::is_text(reader.schema().columns[i].type)) continue;
        reader.column(i, reader.all(), values).value();
        benchmark::DoNotOptimize(*std::min_element(values.words.begin(), values.words.end()));
        scanned += values.words.size();
      }
    }
  }
  report(state, set, total(set.segments));
  state.counters["values_per_second"] = benchmark::Counter(static_cast<double>(scanned), benchmark::Counter::kIsRate);
}

/// Segments into the compressed bodies of frames, one segment each: what the wire carries.
void segment_frame(benchmark::State& state, const std::string& name) {
  const Prepared& set = prepared(name);
  wire::Compression compression(wire::Limits{});
  std::size_t bytes = 0;
  for (auto _ : state) {
    bytes = 0;
    for (const Bytes& segment : set.segments) bytes += compression.pack(segment).size();
  }
  report(state, set, bytes);
}

template <class Encode>
void batches(benchmark::State& state, const std::string& name, Encode encode) {
  const Prepared& set = prepared(name);
  std::size_t bytes = 0;
  for (auto _ : state) {
    bytes = 0;
    for (Batch batch : set.batches) bytes += encode(set.telemetry.schema, batch).size();
  }
  report(state, set, bytes);
}

void sqlite(benchmark::State& state, const std::string& name) {
  const Prepared& set = prepared(name);
  std::size_t bytes = 0;
  for (auto _ : state) bytes = sqlite_rows(set.telemetry.schema, set.batches);
  report(state, set, bytes);
}

using Run = void (*)(benchmark::State&, const std::string&);

void register_set(const std::string& title, const std::string& path) {
  const std::pair<const char*, Run> runs[] = {
      {"SegmentEncode", segment_encode},
      {"SegmentDecode", segment_decode},
      {"SegmentScan", segment_scan},
      {"SegmentFrame", segment_frame},
      {"JsonLines", [](auto& state, auto& name) { batches(state, name, json_lines); }},
      {"JsonZstd",
       [](auto& state, auto& name) {
         batches(state, name, [](auto& schema, Batch batch) { return zstd_3(json_lines(schema, batch)); });
       }},
      {"MsgpackZstd",
       [](auto& state, auto& name) {
         batches(state, name, [](auto&, Batch batch) { return zstd_3(msgpack_rows(batch)); });
       }},
      {"SqliteRows", sqlite}};
  for (const auto& [what, run] : runs)
    benchmark::RegisterBenchmark((title + "/" + what).c_str(), run, path)->Unit(benchmark::kMillisecond);
}

void register_folder(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const std::size_t csv = name.find(".csv");
    if (csv != std::string::npos) files[name.substr(0, csv)] = entry.path().string();
  }
  for (const auto& [title, path] : files) register_set(title, path);
}

}  // namespace
}  // namespace edgesync::bench

int main(int count, char** arguments) {
  benchmark::Initialize(&count, arguments);
  edgesync::bench::register_set("slowly_varying", "");
  if (const char* folder = std::getenv("EDGESYNC_TELEMETRY")) edgesync::bench::register_folder(folder);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
