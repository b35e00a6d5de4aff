// SPDX-License-Identifier: Apache-2.0
// LogStream: a log whose lines are records of a stream. They are kept in their order through weeks without a network,
// within a quota, and what is dropped is counted. Made to be called by a logging library's sink; with spdlog:
//
//   auto log = es::LogStream::open(node, "logs/gw-17").value();
//   auto sink = std::make_shared<spdlog::sinks::callback_sink_mt>([log](const spdlog::details::log_msg& line) {
//     log.write({es::to_timestamp(line.time), es::Severity::info, view(line.logger_name), view(line.payload)});
//   });
//
// Not for NodeOptions::log, which must not call back. Handles as in state.hpp. Thread safety: any member from any
// thread.
#pragma once

#include <edgesync/node.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <string_view>

namespace edgesync {

/// The severity numbers of OpenTelemetry's log data model; those between them may be used, too.
enum class Severity : std::uint8_t { trace = 1, debug = 5, info = 9, warn = 13, error = 17, fatal = 21 };

struct LogLine {
  Timestamp at{};
  Severity severity = Severity::info;
  std::string_view logger{};   ///< Who wrote it, as the logging library calls it.
  std::string_view message{};  ///< What is above 64 KiB is cut off.
};

struct LogOptions {
  /// Retention, quota and so on. The columns are always severity (i64), logger and message (text).
  StreamOptions stream{.quota = 16 * MiB, .priority = Priority::bulk};
  Severity least = Severity::trace;    ///< Lines below are not kept.
  Severity durable = Severity::error;  ///< Lines of this severity and above are on disk when write() returns.
};

/// Any clock of the system's time, to the microsecond.
template <class Duration>
Timestamp to_timestamp(std::chrono::time_point<std::chrono::system_clock, Duration> at) noexcept {
  return Timestamp(std::chrono::floor<std::chrono::microseconds>(at.time_since_epoch()));
}

class EDGESYNC_EXPORT LogStream {
 public:
  /// Fails with: invalid_argument, type_mismatch, storage_*.
  static Result<LogStream> open(Node& node, std::string_view scope, LogOptions options = {});

  /// Never throws: a line that cannot be kept is counted in lost(). Below LogOptions::durable it does not wait for the
  /// disk, unless lines come faster than the disk takes them.
  void write(const LogLine& line) const noexcept;
  /// Lines that could not be kept since the stream was opened; what a quota drops later is in counts().
  std::uint64_t lost() const noexcept { return *lost_; }
  const Stream& stream() const noexcept { return stream_; }

 private:
  LogStream(Stream stream, const LogOptions& options);
  Stream stream_;
  Severity least_, durable_;
  std::shared_ptr<std::atomic<std::uint64_t>> lost_;
};

}  // namespace edgesync
