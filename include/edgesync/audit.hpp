// SPDX-License-Identifier: Apache-2.0
// AuditLog: what happened at a hub or a node that somebody may have to answer for. Who was let in, turned away, and put
// out; what was changed of the access list, and by which replica; which version came into use or was refused; clones,
// clocks, damage. One entry each, in a stream that never leaves the database ("edgesync/audit"). Each holds the hash of
// the one before, so that none can be altered, left out or put in between without breaking the chain; signed now and
// then, also its end cannot be rewritten by who lacks the key. No value of any key is in it, and no secret.
#pragma once

#include <edgesync/node.hpp>
#include <edgesync/signing.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace edgesync {

struct AuditOptions {
  std::optional<SigningKey> key{};  ///< Signs the chain at the start, at the end and now and then; none: nobody does.
  std::uint32_t entries_per_signature = 256;  ///< At least 1.
  /// What is older, or beyond the quota, goes, the oldest first; that is counted.
  std::chrono::seconds retention = 366 * days;
  std::uint64_t quota = 64 * MiB;
  /// Of those that are turned away, so many a minute have an entry of their own, and of the comings, and goings, of one
  /// node; what is beyond is counted. A flood does not wash the log out. A fault that goes on has one entry a minute.
  std::uint32_t refusals_per_minute = 60;
  std::uint32_t links_per_minute = 10;
};

struct AuditEntry {
  std::uint64_t sequence = 0;
  Timestamp at{};
  std::string kind{};  ///< name() of an EventKind, "access", "checkpoint", "lost", or what the application said.
  std::string who{};   ///< A node's name or address, a replica or a key.
  std::string what{};  ///< "PLANE SCOPE", or an entry of the access list.
  std::string detail{};
};

/// Writes as long as it lives. Thread safety: any member from any thread.
class EDGESYNC_EXPORT AuditLog {
 public:
  static constexpr const char* stream = "edgesync/audit";
  /// Goes on where the log in the database ends. One at a time per node. Fails with: invalid_argument, storage_*,
  /// closed.
  static Result<AuditLog> start(Node& node, AuditOptions options = {});
  /// Something of the application's own; each text at most 1 KiB, what is beyond is cut off. Durable when it returns.
  /// Fails with: invalid_argument (a kind that is edgesync's own), storage_*, closed.
  Result<void> note(std::string_view kind, std::string_view who, std::string_view what, std::string_view detail);

  AuditLog(AuditLog&&) noexcept;
  AuditLog& operator=(AuditLog&&) noexcept;
  ~AuditLog();  ///< Signs the end of the chain. Before the node closes; after that it cannot any more.

 private:
  class Writer;
  AuditLog(std::shared_ptr<Writer> writer, std::vector<Subscription> subscriptions) noexcept;
  std::shared_ptr<Writer> writer_;
  std::vector<Subscription> subscriptions_;
};

struct AuditReport {
  std::uint64_t entries = 0;
  Drops dropped{};                      ///< Entries that are gone, by reason; the chain cannot be followed over these.
  std::vector<std::string> problems{};  ///< Where the chain is broken, or a signature is not one. None: it is sound.
  std::map<std::string, std::uint64_t> signed_by{};  ///< Key to the last entry up to which it signed.
  /// Key to how many entries follow that: who can write the file may have made them. Orderly ended, a log has none;
  /// after a crash it may have AuditOptions::entries_per_signature.
  std::map<std::string, std::uint64_t> unsigned_after{};
};

/// Follows the chain from the oldest entry kept. `each` is called with every entry, in order. Fails with: not_found (no
/// log), storage_*.
EDGESYNC_EXPORT Result<AuditReport> verify_audit(Node& node, const Function<void(const AuditEntry&)>& each);

}  // namespace edgesync
