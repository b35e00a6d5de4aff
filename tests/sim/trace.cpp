// SPDX-License-Identifier: Apache-2.0
#include "sim/trace.hpp"

#include <cinttypes>

namespace edgesync::sim {
namespace {

constexpr std::size_t lines_kept = 80;

}  // namespace

std::uint64_t quick_hash(ByteView bytes) noexcept {
  std::uint64_t hash = 0x9e3779b97f4a7c15 ^ bytes.size();
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    const std::size_t size = std::min(bytes.size(), sizeof word);
    std::memcpy(&word, bytes.data(), size);
    hash = (hash ^ word) * 0xff51afd7ed558ccd;
    hash ^= hash >> 32;
    bytes = bytes.subspan(size);
  }
  return hash;
}

void Trace::mix(std::uint64_t word) noexcept {
  hash_ = (hash_ ^ word) * 0xff51afd7ed558ccd;
  hash_ ^= hash_ >> 29;
}

void Trace::note(Instant at, const char* what, int who, std::uint64_t a, std::uint64_t b) {
  const Line line{at, what, who, a, b};
  mix(static_cast<std::uint64_t>(at.time_since_epoch().count()));
  mix(quick_hash(as_view(what)));
  mix(static_cast<std::uint64_t>(who + 1));
  mix(a);
  mix(b);
  if (verbose_) std::puts(text(line).c_str());
  last_.push_back(line);
  if (last_.size() > lines_kept) last_.pop_front();
}

std::string Trace::text(const Line& line) {
  char buffer[160];
  const double seconds = static_cast<double>(line.at.time_since_epoch().count()) / 1e6;
  std::snprintf(buffer, sizeof buffer, "%12.6f  %2d  %-18s %" PRIu64 " %" PRIx64, seconds, line.who, line.what, line.a,
                line.b);
  return buffer;
}

std::vector<std::string> Trace::tail() const {
  std::vector<std::string> lines;
  for (const Line& line : last_) lines.push_back(text(line));
  return lines;
}

}  // namespace edgesync::sim
