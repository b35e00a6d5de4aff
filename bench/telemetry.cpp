// SPDX-License-Identifier: Apache-2.0
#include "telemetry.hpp"

#include "base/random.hpp"

#include <zstd.h>

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string_view>

namespace edgesync::bench {
namespace {

using Cells = std::vector<std::string_view>;

[[noreturn]] void refuse(const std::filesystem::path& file, const char* why) {
  std::cerr << file.string() << ": " << why << '\n';
  std::abort();
}

std::string unpack(const std::filesystem::path& file, const std::string& packed) {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 27);
  std::string text;
  std::vector<char> piece(ZSTD_DStreamOutSize());
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  while (in.pos < in.size) {
    ZSTD_outBuffer out{piece.data(), piece.size(), 0};
    if (ZSTD_isError(ZSTD_decompressStream(context, &out, &in))) refuse(file, "not zstd");
    text.append(piece.data(), out.pos);
  }
  ZSTD_freeDCtx(context);
  return text;
}

std::string read(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) refuse(file, "cannot be read");
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  return file.extension() == ".zst" ? unpack(file, text) : text;
}

Cells split(std::string_view text, char by) {
  Cells parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t to = std::min(text.find(by, from), text.size());
    parts.push_back(text.substr(from, to - from));
    from = to + 1;
  }
  return parts;
}

template <class Number>
std::optional<Number> number(std::string_view cell) {
  Number value{};
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc{} || end != cell.data() + cell.size()) return std::nullopt;
  return value;
}

/// "2013-03-01T00:00" or "2013-03-01 00:00:00", as UTC.
std::optional<Timestamp> time_of(std::string_view cell) {
  if (cell.size() < 16 || cell[4] != '-' || cell[13] != ':') return std::nullopt;
  const auto part = [&](std::size_t at, std::size_t size) { return number<int>(cell.substr(at, size)).value_or(0); };
  const std::chrono::year_month_day day{std::chrono::year(part(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(part(5, 2))),
                                        std::chrono::day(static_cast<unsigned>(part(8, 2)))};
  return std::chrono::sys_days(day) + std::chrono::hours(part(11, 2)) + std::chrono::minutes(part(14, 2)) +
         std::chrono::seconds(cell.size() >= 19 ? part(17, 2) : 0);
}

ColumnType type_of(const std::vector<Cells>& rows, std::size_t column) {
  ColumnType type = ColumnType::i64;
  for (const Cells& row : rows) {
    const std::string_view cell = row[column];
    if (cell.empty()) continue;
    if (type == ColumnType::i64 && !number<std::int64_t>(cell)) type = ColumnType::f64;
    if (type == ColumnType::f64 && !number<double>(cell)) return ColumnType::text;
  }
  return type;
}

Value value_of(ColumnType type, std::string_view cell) {
  if (cell.empty()) return {};
  if (type == ColumnType::i64) return *number<std::int64_t>(cell);
  if (type == ColumnType::f64) return *number<double>(cell);
  return std::string(cell);
}

}  // namespace

Telemetry read_csv(const std::filesystem::path& file) {
  const std::string text = read(file);
  std::vector<Cells> rows;
  for (std::string_view line : split(text, '\n'))
    if (!line.empty()) rows.push_back(split(line, ','));
  if (rows.size() < 2) refuse(file, "no rows");
  const Cells names = std::move(rows.front());
  rows.erase(rows.begin());
  for (const Cells& row : rows)
    if (row.size() != names.size()) refuse(file, "ragged");
  std::size_t clock = 0;
  while (clock < names.size() && !time_of(rows[0][clock])) ++clock;
  if (clock == names.size()) refuse(file, "no column of times");
  Telemetry telemetry;
  telemetry.samples.resize(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) telemetry.samples[i].at = time_of(rows[i][clock]).value_or(Timestamp{});
  for (std::size_t column = 0; column < names.size(); ++column) {
    if (column == clock) continue;
    const ColumnType type = type_of(rows, column);
    telemetry.schema.columns.push_back({std::string(names[column]), type});
    for (std::size_t i = 0; i < rows.size(); ++i)
      telemetry.samples[i].fields.push_back(value_of(type, rows[i][column]));
  }
  return telemetry;
}

Telemetry slowly_varying(std::size_t count) {
  Telemetry telemetry;
  telemetry.schema = {{{"inlet", f64},
                       {"outlet", f64},
                       {"casing", f64},
                       {"pressure", f64},
                       {"rpm", i64},
                       {"strokes", i64},
                       {"valve", boolean},
                       {"state", ColumnType::text}}};
  constexpr const char* words[] = {"idle", "starting", "running", "cooling down"};
  Xoshiro random(1);
  // One step of a walk: mostly none, else one up or down.
  const auto drift = [&](std::int64_t& value) {
    if (random.one_in(4)) value += random.one_in(2) ? 1 : -1;
    return value;
  };
  std::int64_t inlet = 215, outlet = 428, casing = 367, pressure = 10132, rpm = 1480, strokes = 1'000'000, state = 0;
  bool valve = false;
  for (std::size_t i = 0; i < count; ++i) {
    const auto at = 1'700'000'000'000 + static_cast<std::int64_t>(i * 1000 + random.below(3));
    if (random.one_in(200)) valve = !valve;
    if (random.one_in(500)) state = (state + 1) % 4;
    telemetry.samples.push_back(
        {Timestamp(std::chrono::milliseconds(at)),
         {static_cast<double>(drift(inlet)) / 10, static_cast<double>(drift(outlet)) / 10,
          static_cast<double>(drift(casing)) / 10, static_cast<double>(drift(pressure)) / 100, drift(rpm),
          strokes += 24 + static_cast<std::int64_t>(random.below(2)), valve, std::string(words[state])}});
  }
  return telemetry;
}

}  // namespace edgesync::bench
