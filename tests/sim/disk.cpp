// SPDX-License-Identifier: Apache-2.0
#include "sim/disk.hpp"

#include <algorithm>

namespace edgesync::sim {

void Disk::apply(Image& image, const Write& write) {
  if (write.truncate) return image.resize(write.offset);
  image.write(write.offset, write.data);
}

void Disk::persist(File& file) {
  if (!file.entry_durable) sync_directory();
  if (file.pending.empty()) return;
  ++durable_changes_;
  const bool cut =
      std::any_of(file.pending.begin(), file.pending.end(), [](const Write& write) { return write.truncate; });
  if (!file.matching) {
    for (const Write& write : file.pending) apply(file.durable, write);
  } else if (cut) {
    file.durable = file.current;
  } else {
    if (file.durable.size() != file.current.size()) file.durable.resize(file.current.size());
    for (const Write& write : file.pending) file.durable.take(file.current, write.offset, write.data.size());
  }
  file.pending.clear();
}

bool Disk::operate() {
  ++operations_;
  if (dies_in_ > 0 && --dies_in_ == 0) dead_ = true;
  failing_ = fails_in_ > 0 && --fails_in_ == 0;
  if (!dead_ && faults.read_only) ++struck_[Fault::read_only];
  return !dead_ && !faults.read_only;
}

bool Disk::fails(Fault as, std::uint64_t one_in) {
  if (!failing_ || fails_as_ != Fault::write_errors) return strikes(as, one_in);
  ++struck_[as];
  return true;
}

DiskResult Disk::read(const File& file, std::uint64_t offset, std::span<std::byte> out, std::size_t& got) {
  if (strikes(Fault::read_errors, faults.read_one_in)) return DiskResult::io_error;
  got = file.current.read(offset, out);
  return DiskResult::good;
}

bool Disk::strikes(Fault fault, std::uint64_t one_in) {
  if (one_in == 0 || !random_.one_in(one_in)) return false;
  ++struck_[fault];
  return true;
}

std::uint64_t Disk::faults_made() const noexcept {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < FaultCounts::size; ++i) sum += struck_.at(i);
  return sum;
}

std::uint64_t Disk::used() const noexcept {
  std::uint64_t bytes = 0;
  for (const auto& [name, file] : files_) bytes += file->current.size();
  return bytes;
}

Disk::FilePtr Disk::open(const std::string& name, bool create, bool is_database) {
  if (const auto at = files_.find(name); at != files_.end()) return at->second;
  if (!create || dead_) return nullptr;
  auto file = std::make_shared<File>();
  file->name = name;
  file->entry_durable = is_database;
  files_.emplace(name, file);
  return file;
}

DiskResult Disk::remove(const std::string& name, bool sync_directory) {
  if (!operate() || fails(Fault::write_errors, 0)) return DiskResult::io_error;
  const auto at = files_.find(name);
  if (at == files_.end()) return DiskResult::good;
  at->second->deleted = true;
  if (at->second->entry_durable) removed_[name] = at->second;
  files_.erase(at);
  ++durable_changes_;
  if (sync_directory) this->sync_directory();
  return DiskResult::good;
}

void Disk::sync_directory() {
  ++durable_changes_;
  removed_.clear();
  for (auto& [name, file] : files_) file->entry_durable = true;
}

DiskResult Disk::write(File& file, std::uint64_t offset, ByteView data) {
  if (!operate() || fails(Fault::write_errors, faults.write_one_in)) return DiskResult::io_error;
  const std::uint64_t end = offset + data.size();
  const std::uint64_t growth = end > file.current.size() ? end - file.current.size() : 0;
  const bool full = faults.capacity && growth > 0 && used() + growth > *faults.capacity;
  if (full || (failing_ && fails_as_ == Fault::disk_full)) return write_half(file, offset, data);
  file.pending.push_back({offset, to_bytes(data), false});
  apply(file.current, file.pending.back());
  return DiskResult::good;
}

DiskResult Disk::write_half(File& file, std::uint64_t offset, ByteView data) {
  ++struck_[Fault::disk_full];
  data = data.first(data.size() / 2);
  if (data.empty() || offset + data.size() > file.current.size()) return DiskResult::full;
  file.pending.push_back({offset, to_bytes(data), false});
  apply(file.current, file.pending.back());
  return DiskResult::full;
}

DiskResult Disk::truncate(File& file, std::uint64_t size) {
  if (!operate() || fails(Fault::write_errors, 0)) return DiskResult::io_error;
  file.pending.push_back({size, {}, true});
  apply(file.current, file.pending.back());
  return DiskResult::good;
}

DiskResult Disk::sync(File& file) {
  if (!operate()) return DiskResult::io_error;
  if (fails(Fault::sync_errors, faults.sync_one_in)) {
    fail_sync(file);
    return DiskResult::io_error;
  }
  persist(file);
  return DiskResult::good;
}

void Disk::fail_sync(File& file) {
  const auto kind = static_cast<SyncFault>(random_.below(4));
  switch (kind) {
    case SyncFault::dropped:
      file.pending.clear();
      file.current = file.durable;
      file.matching = true;
      return;
    case SyncFault::cached:
      file.pending.clear();
      file.matching = false;
      return;
    case SyncFault::dirty:
      return;
    case SyncFault::persisted:
      return persist(file);
  }
}

void Disk::settle(File& file) {
  // One cut favours one fate: whole runs of writes kept, or lost, are likelier than a fair coin would make them.
  const std::uint64_t keep_of_8 = random_.below(9);
  for (Write& write : file.pending) {
    if (random_.below(8) >= keep_of_8) continue;
    if (!write.truncate && write.data.size() > sector_bytes && random_.one_in(4)) {
      const std::uint64_t sectors = write.data.size() / sector_bytes;
      write.data.resize(sector_bytes * random_.below(sectors + 1));
    }
    if (!write.truncate || write.offset <= file.durable.size()) apply(file.durable, write);
  }
  file.pending.clear();
  file.current = file.durable;
  file.matching = true;
}

void Disk::crash(bool power) {
  ++epoch_;
  ++durable_changes_;
  dead_ = false;
  dies_in_ = 0;
  faults.read_only = false;
  for (auto& [name, file] : files_) {
    file->shared = 0;
    file->reserved = file->exclusive = nullptr;
  }
  if (!power) return;
  for (auto& [name, file] : removed_)
    if (!files_.contains(name) && random_.one_in(2)) files_[name] = file;
  removed_.clear();
  std::erase_if(files_, [&](const auto& entry) { return !entry.second->entry_durable && random_.one_in(2); });
  for (auto& [name, file] : files_) {
    // Handles of the old epoch may still hold the file: what comes back is another object.
    auto fresh = std::make_shared<File>(*file);
    fresh->deleted = false;
    fresh->entry_durable = true;
    settle(*fresh);
    file = std::move(fresh);
  }
}

std::unique_ptr<Disk> Disk::durable_copy() const {
  auto copy = std::make_unique<Disk>(1);
  for (const auto& [name, file] : files_) {
    if (!file->entry_durable) continue;
    auto fresh = std::make_shared<File>();
    fresh->name = name;
    fresh->entry_durable = true;
    fresh->durable = fresh->current = file->durable;
    copy->files_.emplace(name, std::move(fresh));
  }
  return copy;
}

}  // namespace edgesync::sim
