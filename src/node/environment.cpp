// SPDX-License-Identifier: Apache-2.0
#include "node/environment.hpp"

#include "base/hash.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace edgesync::node {
namespace {

/// The first line of a small file of the system, or nothing.
std::string line_of(const std::string& path) {
  constexpr std::size_t bytes_max = 256;
  std::ifstream in(path);
  std::string line(bytes_max, '\0');
  in.read(line.data(), static_cast<std::streamsize>(line.size()));
  line.resize(static_cast<std::size_t>(in.gcount()));
  return line.substr(0, line.find_first_of(std::string_view("\n\0", 2)));
}

void add(Environment& facts, const char* name, std::string value) {
  if (!value.empty()) facts.emplace(name, std::move(value));
}

bool in_container() {
  std::error_code ignored;
  for (const char* mark : {"/.dockerenv", "/run/.containerenv"})
    if (std::filesystem::exists(mark, ignored)) return true;
  return std::getenv("KUBERNETES_SERVICE_HOST") != nullptr || std::getenv("container") != nullptr;
}

std::string board() {
  for (const char* path : {"/sys/class/dmi/id/product_uuid", "/sys/firmware/devicetree/base/serial-number"})
    if (auto id = line_of(path); !id.empty()) return id;
  return {};
}

/// The disk under a file: of a partition the directory above it in sysfs is its disk.
std::string disk(dev_t device) {
  const std::string block = "/sys/dev/block/" + std::to_string(major(device)) + ':' + std::to_string(minor(device));
  for (const char* where : {"/device/", "/../device/"})
    for (const char* fact : {"cid", "serial", "wwid"}) {
      std::error_code failure;
      const auto directory = std::filesystem::canonical(block, failure);
      if (failure) return {};
      if (auto id = line_of(directory.string() + where + fact); !id.empty()) return id;
    }
  return {};
}

std::string file(const std::string& path, const struct stat& found) {
  struct statfs system {};
  if (::statfs(path.c_str(), &system) != 0) return {};
  std::array<int, 2> id{};
  static_assert(sizeof system.f_fsid == sizeof id);
  std::memcpy(id.data(), &system.f_fsid, sizeof id);
  std::string facts = std::to_string(id[0]) + ':' + std::to_string(id[1]) + ':' + std::to_string(found.st_ino);
  struct statx more {};
  if (::statx(AT_FDCWD, path.c_str(), 0, STATX_BTIME, &more) == 0 && (more.stx_mask & STATX_BTIME) != 0)
    facts += ':' + std::to_string(more.stx_btime.tv_sec) + '.' + std::to_string(more.stx_btime.tv_nsec);
  return facts;
}

}  // namespace

std::uint64_t boot_of_machine() {
  const std::string id = line_of("/proc/sys/kernel/random/boot_id");
  return id.empty() ? 0 : siphash({0, 0}, as_view(id)).a;
}

Environment environment_of(const std::string& database) {
  Environment facts;
  if (!in_container()) add(facts, "machine", line_of("/etc/machine-id"));
  add(facts, "board", board());
  struct stat found {};
  if (::stat(database.c_str(), &found) != 0) return facts;
  add(facts, "disk", disk(found.st_dev));
  add(facts, "file", file(database, found));
  return facts;
}

}  // namespace edgesync::node
