// SPDX-License-Identifier: Apache-2.0
// What edge_gateway reads: its command line, and telemetry from a CSV file whose first column is a time such as
// 2018-04-20T06:00. Columns named *_s hold whole seconds, all others decimal numbers; an empty field is null.
#pragma once

#include <edgesync/edgesync.hpp>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace gateway {

namespace es = edgesync;

struct Arguments {
  std::string db{}, name{}, csv{}, url{}, token{}, ca{};
  std::size_t rows = SIZE_MAX;  ///< Replay at most so many.
  double rate = 20;             ///< Rows per second until a config says otherwise.
  bool insecure = false;
};

inline double to_number(const std::string& what, std::string_view text) {
  double number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) {
    throw std::runtime_error(what + ": '" + std::string(text) + "' is not a number");
  }
  return number;
}

inline Arguments parse(const std::vector<std::string>& words) {
  Arguments out;
  const std::map<std::string, std::string Arguments::*> texts = {
      {"--db", &Arguments::db},   {"--name", &Arguments::name},   {"--csv", &Arguments::csv},
      {"--url", &Arguments::url}, {"--token", &Arguments::token}, {"--ca", &Arguments::ca}};
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--insecure") {
      out.insecure = true;
      continue;
    }
    if (i + 1 == words.size()) throw std::runtime_error(words[i] + ": unknown, or needs a value");
    const std::string& option = words[i];
    const std::string& value = words[++i];
    if (const auto text = texts.find(option); text != texts.end()) {
      out.*text->second = value;
    } else if (option == "--rows") {
      out.rows = static_cast<std::size_t>(to_number(option, value));
    } else if (option == "--rate") {
      out.rate = to_number(option, value);
    } else {
      throw std::runtime_error(option + ": unknown option");
    }
  }
  if (out.db.empty() || out.name.empty() || out.csv.empty())
    throw std::runtime_error("--db, --name and --csv are needed");
  if (out.rate <= 0) throw std::runtime_error("--rate: must be positive");
  return out;
}

inline std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> out;
  std::istringstream text(line);
  for (std::string field; std::getline(text, field, ',');) out.push_back(field);
  return out;
}

inline es::Timestamp to_time(const std::string& text) {
  int year = 0;
  unsigned month = 0, day = 0, hour = 0, minute = 0;
  if (std::sscanf(text.c_str(), "%d-%u-%uT%u:%u", &year, &month, &day, &hour, &minute) != 5) {
    throw std::runtime_error("time: '" + text + "' is not like 2018-04-20T06:00");
  }
  const std::chrono::sys_days date(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day));
  return date + std::chrono::hours(hour) + std::chrono::minutes(minute);
}

struct Telemetry {
  std::vector<es::Column> columns{};
  std::vector<es::Record> records{};
};

inline es::Record to_record(const std::vector<es::Column>& columns, const std::string& line) {
  const auto texts = split(line);
  if (texts.size() != columns.size() + 1) throw std::runtime_error("csv: '" + line + "' has another number of fields");
  es::Record record{.sequence = 0, .at = to_time(texts[0]), .fields = {}};
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string& text = texts[i + 1];
    if (text.empty()) {
      record.fields.emplace_back();
    } else if (columns[i].type == es::i64) {
      record.fields.emplace_back(static_cast<std::int64_t>(to_number(columns[i].name, text)));
    } else {
      record.fields.emplace_back(to_number(columns[i].name, text));
    }
  }
  return record;
}

inline Telemetry read_csv(const std::string& path, std::size_t rows) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) throw std::runtime_error("csv: " + path + ": cannot be read");
  Telemetry out;
  const auto names = split(line);
  for (std::size_t i = 1; i < names.size(); ++i) {
    const bool seconds = names[i].size() > 2 && names[i].substr(names[i].size() - 2) == "_s";
    out.columns.push_back({names[i], seconds ? es::i64 : es::f64});
  }
  while (out.records.size() < rows && std::getline(file, line)) out.records.push_back(to_record(out.columns, line));
  return out;
}

}  // namespace gateway
