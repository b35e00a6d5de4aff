// SPDX-License-Identifier: Apache-2.0
#include <edgesync/log_stream.hpp>

namespace edgesync {
namespace {

constexpr std::size_t message_bytes_max = 64 * 1024;

/// Not through a character of UTF-8.
std::string_view cut(std::string_view text) noexcept {
  if (text.size() <= message_bytes_max) return text;
  std::size_t end = message_bytes_max;
  while (end > message_bytes_max - 4 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace

LogStream::LogStream(Stream stream, const LogOptions& options)
    : stream_(std::move(stream)),
      least_(options.least),
      durable_(options.durable),
      lost_(std::make_shared<std::atomic<std::uint64_t>>(0)) {}

Result<LogStream> LogStream::open(Node& node, std::string_view scope, LogOptions options) {
  options.stream.columns = {{"severity", i64}, {"logger", text}, {"message", text}};
  LogStream log(node.stream(scope, options.stream), options);
  if (auto columns = log.stream_.columns(); !columns) return std::move(columns).error();
  return log;
}

void LogStream::write(const LogLine& line) const noexcept try {
  if (line.severity < least_) return;
  const Durability durability = line.severity < durable_ ? Durability::fast : Durability::durable;
  std::vector<Field> fields{std::int64_t{static_cast<std::uint8_t>(line.severity)}, std::string(line.logger),
                            std::string(cut(line.message))};
  if (!Stream(stream_).append(line.at, std::move(fields), durability)) ++*lost_;
} catch (...) {  // no memory
  ++*lost_;
}

}  // namespace edgesync
