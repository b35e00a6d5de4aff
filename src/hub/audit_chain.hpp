// SPDX-License-Identifier: Apache-2.0
// The chain of an audit log: an entry as a record, its hash, and what a reader makes of many. Pure. The hash is SHA-256
// over a domain, the time, the texts and the hash of the entry before (Schneier and Kelsey, "Secure Audit Logs to
// Support Computer Forensics", 1999, section 3; signatures stand in for its evolving keys).
#pragma once

#include "base/hash.hpp"
#include "config/signature.hpp"

#include <edgesync/audit.hpp>

#include <set>

namespace edgesync::hub {

inline constexpr std::string_view checkpoint_kind = "checkpoint", lost_kind = "lost";
inline constexpr std::size_t audit_text_bytes_max = 1024;

struct ChainedEntry {
  AuditEntry entry{};
  Sha256Digest previous{};  ///< The hash of the entry before; zeros: there was none.
};

std::vector<Column> audit_columns();
std::vector<Field> audit_fields(const ChainedEntry& one);
/// Nothing if the record is none of an audit log's.
std::optional<ChainedEntry> to_chained(const Record& record);
Sha256Digest hash_of(const ChainedEntry& one);
/// What a signature over the chain up to the entry with this hash signs.
Bytes checkpoint_of(const Sha256Digest& head);

/// Follows the entries of one replica after the other, each from its oldest on.
class ChainReader {
 public:
  explicit ChainReader(const config::Verifier& verifier) : verifier_(verifier) {}
  void begin() { end(), first_ = true, skipped_ = 0; }
  /// Returns the entry; nothing if the record is none.
  std::optional<AuditEntry> read(const Record& record);
  /// Entries are gone, so that nobody can say what the next one follows.
  void skip(const Gap& gap);
  AuditReport finish();

 private:
  void end();
  void follow(const ChainedEntry& one);
  void check_signature(const ChainedEntry& one);
  void problem(const std::string& where, const std::string& what);

  const config::Verifier& verifier_;
  AuditReport report_{};
  std::optional<Sha256Digest> head_{};
  bool first_ = true;
  std::uint64_t skipped_ = 0;  // of this replica, before its first entry
  // A database may go by another replica id one day: its chain goes on where the one before ended.
  std::set<Sha256Digest> ends_{}, continued_{};
  std::size_t gone_ends_ = 0;  // replicas of which the last entry is gone
};

}  // namespace edgesync::hub
