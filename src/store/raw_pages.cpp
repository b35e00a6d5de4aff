// SPDX-License-Identifier: Apache-2.0
#include "store/raw_pages.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace edgesync::store {
namespace {

constexpr std::size_t header_bytes = 100, log_header_bytes = 32, frame_header_bytes = 24;

bool plausible(std::size_t page_bytes) noexcept {
  return page_bytes >= 512 && page_bytes <= 65'536 && (page_bytes & (page_bytes - 1)) == 0;
}

bool read_at(int fd, std::uint64_t at, Bytes& into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got = ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(at + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    done += static_cast<std::size_t>(got);
  }
  return true;
}

/// The log's checksum (section 4.2): over pairs of 32-bit words in the order that its magic number names.
class LogSum {
 public:
  explicit LogSum(bool big_endian) noexcept : big_endian_(big_endian) {}

  void add(ByteView bytes) noexcept {
    for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
      a_ += word(bytes, at) + b_;
      b_ += word(bytes, at + 4) + a_;
    }
  }
  bool is(ByteView stored) const noexcept { return number_at(stored, 0, 4) == a_ && number_at(stored, 4, 4) == b_; }

 private:
  std::uint32_t word(ByteView bytes, std::size_t at) const noexcept {
    const std::uint32_t number = number_at(bytes, at, 4);
    return big_endian_ ? number : __builtin_bswap32(number);
  }
  bool big_endian_;
  std::uint32_t a_ = 0, b_ = 0;
};

/// SQLite's own locks on the file: nobody opens it meanwhile.
Result<void> lock(int fd, const std::string& path) {
  constexpr off_t pending_byte = 0x40000000, lock_bytes = 512;
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = pending_byte;
  range.l_len = lock_bytes;
  if (::fcntl(fd, F_SETLK, &range) == 0) return {};
  if (errno == EACCES || errno == EAGAIN) return Error(Errc::already_open, "salvage: " + path + ": is open elsewhere");
  return Error(Errc::storage_io, "salvage: " + path + ": " + std::generic_category().message(errno));
}

}  // namespace

std::uint32_t number_at(ByteView bytes, std::size_t at, std::size_t size) noexcept {
  std::uint32_t number = 0;
  for (std::size_t i = at; i < at + size && i < bytes.size(); ++i)
    number = number << 8 | std::to_integer<std::uint32_t>(bytes[i]);
  return number;
}

Result<RawPages> RawPages::open(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return Error(Errc::storage_io, "salvage: " + path + ": " + std::generic_category().message(errno));
  RawPages pages(file, ::open((path + "-wal").c_str(), O_RDONLY | O_CLOEXEC));
  if (auto locked = lock(file, path); !locked) return locked.error();
  pages.read_header();
  if (pages.log_ >= 0) pages.read_log();
  return pages;
}

RawPages::RawPages(RawPages&& other) noexcept
    : file_(std::exchange(other.file_, -1)),
      log_(std::exchange(other.log_, -1)),
      page_bytes_(other.page_bytes_),
      count_(other.count_),
      logged_(std::move(other.logged_)) {}

RawPages::~RawPages() {
  if (file_ >= 0) ::close(file_);
  if (log_ >= 0) ::close(log_);
}

void RawPages::read_header() {
  Bytes header(header_bytes);
  if (read_at(file_, 0, header)) {
    const std::uint32_t stored = number_at(header, 16, 2);
    const std::size_t bytes = stored == 1 ? 65'536 : stored;
    if (plausible(bytes) && as_text(header).starts_with("SQLite format 3")) page_bytes_ = bytes;
  }
  struct stat found {};
  if (::fstat(file_, &found) == 0)
    count_ = static_cast<PageNumber>((static_cast<std::uint64_t>(found.st_size) + page_bytes_ - 1) / page_bytes_);
}

void RawPages::read_log() {
  Bytes header(log_header_bytes);
  if (!read_at(log_, 0, header)) return;
  const std::uint32_t magic = number_at(header, 0, 4);
  if ((magic & ~1U) != 0x377f0682U || !plausible(number_at(header, 8, 4))) return;
  LogSum sum((magic & 1U) != 0);
  sum.add(ByteView(header).first(24));
  if (!sum.is(ByteView(header).subspan(24))) return;
  page_bytes_ = number_at(header, 8, 4);
  std::map<PageNumber, std::uint64_t> uncommitted;
  Bytes frame(frame_header_bytes + page_bytes_);
  for (std::uint64_t at = log_header_bytes; read_at(log_, at, frame); at += frame.size()) {
    const ByteView all(frame);
    sum.add(all.first(8));
    sum.add(all.subspan(frame_header_bytes));
    if (!equal(all.subspan(8, 8), ByteView(header).subspan(16, 8)) || !sum.is(all.subspan(16, 8))) return;
    uncommitted[number_at(all, 0, 4)] = at + frame_header_bytes;
    const PageNumber pages = number_at(all, 4, 4);
    if (pages == 0) continue;
    for (const auto& [page, where] : uncommitted) logged_[page] = where;
    uncommitted.clear();
    count_ = std::max(count_, pages);
  }
}

std::optional<Bytes> RawPages::read(PageNumber page) const {
  if (page == 0 || page > count_) return std::nullopt;
  Bytes bytes(page_bytes_);
  const auto at = logged_.find(page);
  const bool got = at != logged_.end() ? read_at(log_, at->second, bytes)
                                       : read_at(file_, std::uint64_t{page - 1} * page_bytes_, bytes);
  return got ? std::optional(std::move(bytes)) : std::nullopt;
}

std::optional<std::set<PageNumber>> RawPages::free_pages() const {
  const auto first = read(1);
  if (!first || !as_text(*first).starts_with("SQLite format 3")) return std::nullopt;
  std::set<PageNumber> free;
  const std::uint32_t expected = number_at(*first, 36, 4);
  for (PageNumber trunk = number_at(*first, 32, 4); trunk != 0;) {
    const auto page = read(trunk);
    if (!page || !free.insert(trunk).second) return std::nullopt;
    const std::size_t leaves = number_at(*page, 4, 4);
    if (leaves > page_bytes_ / 4 - 2) return std::nullopt;
    for (std::size_t i = 0; i < leaves; ++i) free.insert(number_at(*page, 8 + 4 * i, 4));
    trunk = number_at(*page, 0, 4);
  }
  return free.size() == expected ? std::optional(std::move(free)) : std::nullopt;
}

}  // namespace edgesync::store
