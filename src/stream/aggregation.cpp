// SPDX-License-Identifier: Apache-2.0
#include "stream/aggregation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace edgesync::stream {
namespace {

bool within(const SegmentInfo& info, const Range& range) noexcept {
  return range.from <= info.from && info.to <= range.to;
}

template <class T>
T value_of(std::uint64_t bits) noexcept {
  return std::bit_cast<T>(bits);
}

template <class T>
void widen(std::uint64_t& min, std::uint64_t& max, const Statistics& more) noexcept {
  if (value_of<T>(more.min) < value_of<T>(min)) min = more.min;
  if (value_of<T>(more.max) > value_of<T>(max)) max = more.max;
}

}  // namespace

std::optional<std::size_t> position(const Schema& schema, std::string_view column) noexcept {
  const auto& columns = schema.columns;
  const auto at = std::find_if(columns.begin(), columns.end(), [&](const Column& one) { return one.name == column; });
  return at == columns.end() ? std::nullopt : std::optional(static_cast<std::size_t>(at - columns.begin()));
}

Result<std::vector<Rows>> rows_within(const SegmentReader& reader, const Range& range) {
  const Rows rows = reader.rows(range.first, range.last);
  if (rows.begin == rows.end || reader.info().to < range.from || range.to < reader.info().from)
    return std::vector<Rows>();
  if (within(reader.info(), range)) return std::vector<Rows>{rows};
  std::vector<Timestamp> times;
  if (auto read = reader.times(rows, times); !read) return std::move(read).error();
  std::vector<Rows> runs;
  for (std::size_t row = rows.begin; row < rows.end; ++row) {
    const Timestamp at = times[row - rows.begin];
    if (at < range.from || range.to < at) continue;
    if (runs.empty() || runs.back().end != row) runs.push_back({row, row});
    ++runs.back().end;
  }
  return runs;
}

bool keep_rows(std::vector<Rows>& runs, std::size_t most) {
  for (auto run = runs.begin(); run != runs.end(); ++run) {
    if (run->end - run->begin <= most) {
      most -= run->end - run->begin;
      continue;
    }
    run->end = run->begin + most;
    runs.erase(most == 0 ? run : run + 1, runs.end());
    return false;
  }
  return true;
}

Result<std::vector<Record>> read_rows(const SegmentReader& reader, const std::vector<Rows>& runs,
                                      std::span<const std::optional<std::size_t>> columns) {
  std::vector<Record> records;
  std::vector<Timestamp> times;
  ColumnValues values;
  std::size_t budget = max_segment_bytes;  // a small input may name one long text many times
  for (const Rows& run : runs) {
    const std::size_t base = records.size();
    if (auto read = reader.times(run, times); !read) return std::move(read).error();
    for (std::size_t i = 0; i < times.size(); ++i)
      records.push_back({reader.info().first + run.begin + i, times[i], std::vector<Field>(columns.size())});
    for (std::size_t column = 0; column < columns.size(); ++column) {
      if (!columns[column]) continue;
      if (auto read = reader.column(*columns[column], run, values); !read) return std::move(read).error();
      for (const ByteView text : values.texts) {
        if (text.size() > budget) return Error(Errc::limit_exceeded, "segment: above 4 MiB decoded");
        budget -= text.size();
      }
      const ColumnType type = reader.schema().columns[*columns[column]].type;
      for (std::size_t i = 0; i < times.size(); ++i) records[base + i].fields[column] = value_at(type, values, i);
    }
  }
  return records;
}

Result<void> Aggregation::add(ByteView segment, std::string_view column, const Range& range) {
  const auto reader = SegmentReader::open(segment);
  if (!reader) return reader.error();
  const auto runs = rows_within(*reader, range);
  if (!runs) return runs.error();
  for (const Rows& run : *runs) records_ += run.end - run.begin;
  const auto at = position(reader->schema(), column);
  if (runs->empty() || !at || reader->schema().columns[*at].type != type_) return {};
  const auto& noted = reader->statistics(*at);
  if (runs->front() == reader->all() && noted && noted->sum && !noted->some_nan)
    return add(*noted, reader->info().count - reader->nulls(*at), 0.0), Result<void>();
  return add_values(*reader, *at, *runs);
}

Result<void> Aggregation::add_values(const SegmentReader& reader, std::size_t column, const std::vector<Rows>& runs) {
  ColumnValues values;
  for (const Rows& run : runs) {
    if (auto read = reader.column(column, run, values); !read) return read;
    std::vector<std::uint64_t> present;
    for (std::size_t row = 0; row < values.words.size(); ++row)
      if (!values.null(row) && !(type_ == ColumnType::f64 && std::isnan(values.real(row))))
        present.push_back(values.words[row]);
    const auto as_double = [&](double sum, std::uint64_t bits) {
      return sum +
             (type_ == ColumnType::f64 ? value_of<double>(bits) : static_cast<double>(value_of<std::int64_t>(bits)));
    };
    const double sum = std::accumulate(present.begin(), present.end(), 0.0, as_double);
    if (const auto of_run = statistics_of(type_, present)) add(*of_run, present.size(), sum);
  }
  return {};
}

/// `sum`: where the statistics have none.
void Aggregation::add(const Statistics& statistics, std::uint64_t values, double sum) {
  if (values_ == 0) min_ = statistics.min, max_ = statistics.max;
  type_ == ColumnType::f64 ? widen<double>(min_, max_, statistics) : widen<std::int64_t>(min_, max_, statistics);
  values_ += values;
  if (!statistics.sum) {
    has_room_ = false;
    sum_ += sum;
  } else if (type_ == ColumnType::f64) {
    sum_ += value_of<double>(*statistics.sum);
  } else {
    const auto more = value_of<std::int64_t>(*statistics.sum);
    has_room_ = has_room_ && !__builtin_add_overflow(whole_, more, &whole_);
    sum_ += static_cast<double>(more);
  }
}

Aggregate Aggregation::result() const {
  Aggregate found{records_, values_, {}, {}, {}};
  if (values_ == 0) return found;
  if (type_ == ColumnType::f64) {
    found.min = value_of<double>(min_), found.max = value_of<double>(max_), found.sum = sum_;
    return found;
  }
  found.min = value_of<std::int64_t>(min_), found.max = value_of<std::int64_t>(max_);
  found.sum = has_room_ ? Value(whole_) : Value(sum_);
  return found;
}

}  // namespace edgesync::stream

namespace edgesync {

double Aggregate::mean() const noexcept {
  const auto* whole = std::get_if<std::int64_t>(&sum);
  const auto* real = std::get_if<double>(&sum);
  const double total = whole != nullptr ? static_cast<double>(*whole) : real != nullptr ? *real : 0.0;
  return values == 0 ? std::numeric_limits<double>::quiet_NaN() : total / static_cast<double>(values);
}

}  // namespace edgesync
