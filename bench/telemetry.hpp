// SPDX-License-Identifier: Apache-2.0
// Telemetry: the streams that the codec is measured on. One is made here, eight slowly varying columns; others are read
// from CSV files, plain or zstd, whose first time-like column becomes the records' time and whose other columns get the
// narrowest type that holds every cell: i64, f64, text. An empty cell is null.
#pragma once

#include "stream/segment.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace edgesync::bench {

struct Sample {
  Timestamp at{};
  std::vector<Value> fields{};
};

struct Telemetry {
  stream::Schema schema{};
  std::vector<Sample> samples{};
};

/// A machine sampled once a second by a timer that is up to 2 ms late: three temperatures with one decimal, a pressure
/// with two, speed, a counter, a switch, and a state of four words.
Telemetry slowly_varying(std::size_t count);

/// Aborts, naming the file, if it cannot be read.
Telemetry read_csv(const std::filesystem::path& file);

}  // namespace edgesync::bench
