// SPDX-License-Identifier: Apache-2.0
// Disk: a file system in memory that tells what is on the platter from what the operating system only promised. Per
// file there is a durable image and the writes since the last good sync, in order; reads see both. After a process
// crash the writes are still there; after a power cut each was kept, lost or torn at a sector, whatever the others
// were.
//
// Directory entries: creations and deletions are durable once the directory has been synced. SQLite's unix VFS does
// that with the first sync of a file that it made, and so does sync() here; a deletion may ask for it. The database's
// own entry is durable from its creation, because the store syncs the directory itself.
//
// All faults are off until asked for. Invariant: without faults, what sync() reported good survives every crash.
#pragma once

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "sim/faults.hpp"
#include "sim/image.hpp"

#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace edgesync::sim {

/// What a sync that fails does to the writes before it.
enum class SyncFault : std::uint8_t {
  dropped,    ///< The system forgets them, page cache included.
  cached,     ///< They never reach the platter, reads still see them, and the next sync reports success.
  dirty,      ///< They stay pending: a later sync may still write them.
  persisted,  ///< They reached the platter; only the answer was wrong.
};

struct DiskFaults {
  std::uint64_t sync_one_in = 0;            ///< 0: never.
  std::uint64_t write_one_in = 0;           ///< EIO.
  std::uint64_t read_one_in = 0;            ///< EIO.
  bool read_only = false;                   ///< EIO for whatever would change something.
  std::optional<std::uint64_t> capacity{};  ///< Bytes of all files; a write beyond fails with ENOSPC, half done.

  void end(Fault fault) noexcept {
    if (fault == Fault::sync_errors) sync_one_in = 0;
    if (fault == Fault::write_errors) write_one_in = 0;
    if (fault == Fault::read_errors) read_one_in = 0;
    if (fault == Fault::read_only) read_only = false;
    if (fault == Fault::disk_full) capacity.reset();
  }
};

enum class DiskResult : std::uint8_t { good, io_error, full };

class Disk {
 public:
  static constexpr std::size_t sector_bytes = 512;

  struct Write {
    std::uint64_t offset = 0;
    Bytes data{};
    bool truncate = false;  ///< To `offset`.
  };
  struct File {
    std::string name{};
    bool entry_durable = false;  ///< Found again after a power cut.
    bool deleted = false;
    Image durable{};  ///< What a power cut leaves for certain.
    Image current{};  ///< What reads see.
    std::vector<Write> pending{};
    bool matching = true;  ///< `current` is `durable` and then what is pending: no failed sync kept a secret.
    // SQLite's locks, as between processes.
    int shared = 0;
    const void *reserved = nullptr, *exclusive = nullptr;
  };
  using FilePtr = std::shared_ptr<File>;

  explicit Disk(std::uint64_t seed) : random_(seed) {}

  // --- files; handles of an earlier epoch must not be used ---
  FilePtr open(const std::string& name, bool create, bool is_database);
  bool exists(const std::string& name) const { return files_.contains(name); }
  DiskResult remove(const std::string& name, bool sync_directory);
  DiskResult read(const File& file, std::uint64_t offset, std::span<std::byte> out, std::size_t& got);
  DiskResult write(File& file, std::uint64_t offset, ByteView data);
  DiskResult truncate(File& file, std::uint64_t size);
  DiskResult sync(File& file);

  // --- faults ---
  DiskFaults faults{};
  Random& random() noexcept { return random_; }
  /// The machine stops at the n-th write, truncate, delete or sync from now, before it has any effect.
  void die_after(std::uint64_t operations) noexcept { dies_in_ = operations; }
  /// The n-th write, truncate, delete or sync from now fails, once: Fault::write_errors or Fault::disk_full.
  void fail_at(std::uint64_t operation, Fault as) noexcept {
    fails_in_ = operation;
    fails_as_ = as;
  }
  bool dead() const noexcept { return dead_; }
  /// The process ends, or the power does. Open handles are cut off; pending writes stay, or are settled by chance.
  void crash(bool power);
  /// Counts crashes; a handle belongs to the epoch that it was opened in.
  std::uint64_t epoch() const noexcept { return epoch_; }

  /// Changes whenever what a power cut would leave for certain may have changed.
  std::uint64_t durable_changes() const noexcept { return durable_changes_; }
  /// Only what a power cut at this instant would leave if it kept nothing pending.
  std::unique_ptr<Disk> durable_copy() const;

  std::uint64_t used() const noexcept;  ///< Bytes of all files.
  std::uint64_t operations() const noexcept { return operations_; }
  /// Failed syncs, failed writes, and writes that found no room.
  const FaultCounts& struck() const noexcept { return struck_; }
  std::uint64_t faults_made() const noexcept;  ///< All of them.

 private:
  bool operate();
  bool fails(Fault as, std::uint64_t one_in);
  DiskResult write_half(File& file, std::uint64_t offset, ByteView data);
  bool strikes(Fault fault, std::uint64_t one_in);

  static void apply(Image& image, const Write& write);
  void persist(File& file);
  void sync_directory();
  void settle(File& file);
  void fail_sync(File& file);

  Xoshiro random_;
  std::map<std::string, FilePtr> files_;
  std::map<std::string, FilePtr> removed_;  ///< Deleted without a directory sync: a power cut may bring them back.
  std::uint64_t epoch_ = 1, dies_in_ = 0, fails_in_ = 0;
  Fault fails_as_ = Fault::write_errors;
  bool dead_ = false, failing_ = false;
  std::uint64_t operations_ = 0, durable_changes_ = 0;
  FaultCounts struck_{};
};

}  // namespace edgesync::sim
