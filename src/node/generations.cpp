// SPDX-License-Identifier: Apache-2.0
#include "node/generations.hpp"

#include "base/text.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <vector>

namespace edgesync::node {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view shown_link = "..data", next_link = "..data_tmp", unfinished = "..new";
constexpr std::size_t present_most = 100;  // generations, however long they are to linger

Error failure(const std::error_code& code, const char* what, const std::string& path) {
  const bool full = code == std::errc::no_space_on_device || code.value() == EDQUOT;
  return {full ? Errc::storage_full : Errc::storage_io,
          "projection: " + std::string(what) + " " + printable(path) + ": " + code.message()};
}

Error failure(const char* what, const std::string& path) {
  return failure({errno, std::generic_category()}, what, path);
}

/// Closes what it holds.
class Descriptor {
 public:
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const noexcept { return number_; }

 private:
  int number_;
};

Result<void> sync_folder(const std::string& path) {
  const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || ::fsync(folder.get()) != 0) return failure("sync", path);
  return {};
}

std::string_view first_segment(std::string_view path) { return path.substr(0, path.find('/')); }

std::string target_of(std::string_view name) { return std::string(shown_link) + "/" + std::string(name); }

std::string read_link(const std::string& path) {
  std::error_code none;
  return fs::read_symlink(path, none).string();
}

/// What is in a directory, as far as it can be read.
std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  std::error_code code;
  for (fs::directory_iterator entry(path, code), end; !code && entry != end; entry.increment(code))
    names.push_back(entry->path().filename().string());
  return names;
}

/// The number of a generation's name; 0: it is no such name.
std::uint64_t number_of(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (!name.starts_with("..2") || dot < 3) return 0;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data() + dot + 1, name.data() + name.size(), number);
  return error == std::errc() && end == name.data() + name.size() ? number : 0;
}

/// "..2026_11_22_15_04_05.17", as the kubelet would; the number orders them, whatever the clock does.
std::string name_of(Timestamp wall, std::uint64_t number) {
  using namespace std::chrono;
  const auto midnight = floor<days>(wall);
  const year_month_day day(midnight);
  const hh_mm_ss time(floor<seconds>(wall - midnight));
  const int year = std::clamp(static_cast<int>(day.year()), 2000, 2999);  // so that number_of() knows it again
  char text[64];
  std::snprintf(text, sizeof text, "..%04d_%02u_%02u_%02d_%02d_%02d.", year, static_cast<unsigned>(day.month()),
                static_cast<unsigned>(day.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
  return text + std::to_string(number);
}

bool holds(const fs::path& path, const std::string& content, unsigned mode) {
  std::error_code none;
  if (static_cast<unsigned>(fs::symlink_status(path, none).permissions()) != mode) return false;
  if (fs::file_size(path, none) != content.size() || none) return false;
  std::ifstream in(path, std::ios::binary);
  return in && std::equal(content.begin(), content.end(), std::istreambuf_iterator<char>(in),
                          std::istreambuf_iterator<char>());
}

}  // namespace

Result<Generations> Generations::open(std::string directory, unsigned file_mode, Instant now) {
  Generations generations(std::move(directory), -1, file_mode);
  const std::string& path = generations.directory_;
  std::error_code code;
  if (!fs::is_directory(path, code)) {
    if (auto made = generations.make_folder(path); !made) return std::move(made).error();
    sync_folder(path + "/..").ignore();  // one that a power cut takes is made again
  }
  generations.lock_ = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (generations.lock_ < 0) return failure("open", path);
  if (::flock(generations.lock_, LOCK_EX | LOCK_NB) != 0)
    return Error(Errc::already_open, "projection: " + printable(path) + ": another projection has it");
  generations.find(now);
  generations.tidy();
  return generations;
}

Generations::Generations(Generations&& other) noexcept
    : directory_(std::move(other.directory_)),
      lock_(std::exchange(other.lock_, -1)),
      file_mode_(other.file_mode_),
      shown_(std::move(other.shown_)),
      present_(std::move(other.present_)) {}

Generations::~Generations() {
  if (lock_ >= 0) ::close(lock_);
}

void Generations::find(Instant now) {
  std::error_code none;
  for (const std::string& name : names_in(directory_)) {
    if (const std::uint64_t number = number_of(name); number > 0 && fs::is_directory(at(name), none))
      present_[number] = {name, now};
  }
  const std::string shown = read_link(at(shown_link));
  for (const auto& [number, generation] : present_)
    if (generation.name == shown) shown_ = shown;
}

/// What was not finished goes, and links that lead nowhere.
void Generations::tidy() const {
  std::error_code none;
  fs::remove_all(at(unfinished), none);
  fs::remove(at(next_link), none);
  for (const std::string& name : names_in(directory_))
    if (read_link(at(name)) == target_of(name) && !fs::exists(at(target_of(name)), none)) fs::remove(at(name), none);
}

bool Generations::shows(const Files& files) const {
  if (shown_.empty() || read_link(at(shown_link)) != shown_) return false;
  const fs::path root = at(shown_);
  std::error_code code;
  std::size_t same = 0;
  for (fs::recursive_directory_iterator entry(root, code), end; !code && entry != end; entry.increment(code)) {
    if (entry->is_directory(code)) continue;
    const auto file = files.find(entry->path().lexically_relative(root).string());
    if (file == files.end() || !holds(entry->path(), file->second, file_mode_)) return false;
    ++same;
  }
  return !code && same == files.size();
}

Result<void> Generations::show(const Files& files, Now now) {
  if (shows(files)) return link(files);
  const std::uint64_t number = present_.empty() ? 1 : present_.rbegin()->first + 1;
  const std::string name = name_of(now.wall, number);
  Result<void> done = write(files, name);
  if (done) present_[number] = {name, now.monotonic};
  if (done) done = link(files);
  for (auto& [known, generation] : present_)
    if (generation.name == shown_) generation.replaced = now.monotonic;
  if (done) done = swap(name);
  if (!done && read_link(at(shown_link)) != name) {
    std::error_code none;
    fs::remove_all(at(name), none);
    present_.erase(number);
  }
  tidy();
  return done;
}

/// Under another name until all of it is on the disk.
Result<void> Generations::write(const Files& files, const std::string& name) const {
  const std::string root = at(unfinished);
  std::error_code code;
  fs::remove_all(root, code);
  if (auto made = make_folder(root); !made) return made;
  std::set<std::string> folders;
  for (const auto& [path, content] : files) {
    for (std::size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1))
      if (folders.insert(path.substr(0, end)).second)
        if (auto made = make_folder(root + "/" + path.substr(0, end)); !made) return made;
    if (auto written = write_file(root + "/" + path, content); !written) return written;
  }
  for (const std::string& folder : folders)
    if (auto synced = sync_folder(root + "/" + folder); !synced) return synced;
  if (auto synced = sync_folder(root); !synced) return synced;
  fs::rename(root, at(name), code);
  if (code) return failure(code, "rename", root);
  return sync_folder(directory_);
}

Result<void> Generations::write_file(const std::string& path, std::string_view content) const {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) return failure("make", path);
  while (!content.empty()) {
    const ::ssize_t count = ::write(file.get(), content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return failure("write", path);
    content.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::fchmod(file.get(), file_mode_) != 0 || ::fsync(file.get()) != 0) return failure("sync", path);
  return {};
}

/// Whoever may read may enter, and nobody else may write.
Result<void> Generations::make_folder(const std::string& path) const {
  if (::mkdir(path.c_str(), 0700) != 0) return failure("make", path);
  const ::mode_t readers = file_mode_ & 0444;
  if (::chmod(path.c_str(), 0700 | readers | readers >> 2) != 0) return failure("set the mode of", path);
  return {};
}

Result<void> Generations::link(const Files& files) const {
  std::set<std::string> names;
  for (const auto& [path, content] : files) names.emplace(first_segment(path));
  std::error_code code;
  for (const std::string& name : names) {
    if (read_link(at(name)) == target_of(name)) continue;
    fs::create_symlink(target_of(name), at(name), code);
    if (code == std::errc::file_exists)
      return Error(Errc::invalid_argument, "projection: " + printable(at(name)) + ": something else has this name");
    if (code) return failure(code, "link", at(name));
  }
  return {};
}

Result<void> Generations::swap(const std::string& name) {
  std::error_code code;
  fs::create_symlink(name, at(next_link), code);
  if (code) return failure(code, "link", at(next_link));
  fs::rename(at(next_link), at(shown_link), code);
  if (code) return failure(code, "rename", at(next_link));
  if (auto synced = sync_folder(directory_); !synced) return synced;
  shown_ = name;
  return {};
}

Instant Generations::prune(std::size_t kept, std::chrono::milliseconds linger, Instant now) {
  Instant next = never;
  const std::string shown = read_link(at(shown_link));
  std::size_t spare = present_.size() - std::min(present_.size(), kept);
  for (auto one = present_.begin(); one != present_.end() && spare > 0;) {
    const Instant due = one->second.replaced + linger;
    const bool crowded = present_.size() > present_most;
    if (one->second.name == shown || (now < due && !crowded)) {
      if (one->second.name != shown) next = std::min(next, due);
      ++one;
      continue;
    }
    std::error_code none;
    fs::remove_all(at(one->second.name), none);
    one = present_.erase(one), --spare;
  }
  return next;
}

}  // namespace edgesync::node
