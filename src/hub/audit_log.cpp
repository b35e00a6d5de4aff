// SPDX-License-Identifier: Apache-2.0
#include "base/text.hpp"
#include "hub/audit_chain.hpp"
#include "node/raw_signer.hpp"
#include "transport/ed25519.hpp"

#include <edgesync/access.hpp>

#include <algorithm>
#include <mutex>

namespace edgesync {
namespace {

constexpr std::size_t read_at_once = 1000;

Timestamp now() { return std::chrono::time_point_cast<Timestamp::duration>(std::chrono::system_clock::now()); }

bool is_kept(EventKind kind) {
  switch (kind) {
    case EventKind::linked:
    case EventKind::unlinked:
    case EventKind::activated:
    case EventKind::confirmed:
    case EventKind::rolled_back:
    case EventKind::stale:
    case EventKind::rejected:
    case EventKind::diverged:
    case EventKind::storage_fault:
    case EventKind::clock:
    case EventKind::watchdog:
    case EventKind::identity:
      return true;
    case EventKind::ack:
    case EventKind::stable:
    case EventKind::conflict:
      return false;
  }
  return false;
}

AuditEntry entry_of(const Event& event) {
  AuditEntry entry{0, {}, name(event.kind), event.peer, {}, {}};
  if (!event.scope.empty()) entry.what = std::string(name(event.plane)) + " " + event.scope;
  if (event.version.number > 0) entry.detail = "version " + std::to_string(event.version.number);
  if (event.error.code) entry.detail += (entry.detail.empty() ? "" : ": ") + event.error.detail;
  if (event.kind == EventKind::identity)
    entry.who +=
        (entry.who.empty() ? "" : " ") + to_string(event.replica_before) + " -> " + to_string(event.replica_after);
  return entry;
}

/// Bounded, and for people.
std::string kept(std::string_view text) { return printable(text.substr(0, hub::audit_text_bytes_max)); }

/// All entries of the log, replica by replica.
Result<void> read_all(const Stream& stream, hub::ChainReader& chain, const Function<void(const AuditEntry&)>& each) {
  const auto origins = stream.origins();
  if (!origins) return origins.error();
  for (const auto& [origin, last] : *origins) {
    chain.begin();
    for (std::uint64_t from = 1; from <= last;) {
      const auto read = stream.read(origin, from, read_at_once);
      if (!read) return read.error();
      auto gap = read->gaps.begin();
      for (const Record& record : read->records) {
        for (; gap != read->gaps.end() && gap->last < record.sequence; ++gap) chain.skip(*gap);
        if (const auto entry = chain.read(record)) each(*entry);
        from = record.sequence + 1;
      }
      for (; gap != read->gaps.end(); ++gap) chain.skip(*gap);
      if (read->records.empty()) break;
    }
  }
  return {};
}

}  // namespace

class AuditLog::Writer {
 public:
  Writer(Stream stream, AuditOptions options) : stream_(std::move(stream)), options_(std::move(options)) {}

  /// Finds the end of the chain, and signs it.
  Result<void> begin() {
    const auto origins = stream_.origins();
    if (!origins) return origins.error();
    std::set<Sha256Digest> ends, continued;
    for (const auto& [origin, last] : *origins) {
      const auto first = stream_.read(origin, 1, 1),
                 rest = stream_.read(origin, std::max(last, read_at_once) - read_at_once + 1, read_at_once);
      if (!first || !rest) return first ? rest.error() : first.error();
      if (const auto one = first->records.empty() ? std::nullopt : hub::to_chained(first->records.front()))
        continued.insert(one->previous);
      if (const auto one = rest->records.empty() ? std::nullopt : hub::to_chained(rest->records.back()))
        ends.insert(hub::hash_of(*one));
    }
    for (const Sha256Digest& end : ends)
      if (!continued.contains(end)) head_ = end;
    return sign();
  }

  Result<void> note(AuditEntry entry, Durability durability) {
    const std::lock_guard lock(mutex_);
    if (auto written = write(std::move(entry), durability); !written) return written;
    return ++unsigned_ < options_.entries_per_signature ? Result<void>() : sign_head();
  }

  /// Of somebody who was turned away: not more than so many a minute.
  void note_refusal(AuditEntry entry) {
    const std::lock_guard lock(mutex_);
    const Timestamp at = now();
    if (at < minute_ || at >= minute_ + std::chrono::minutes(1)) minute_ = at, refusals_ = 0;
    if (++refusals_ > options_.refusals_per_minute) return void(++uncounted_);
    if (uncounted_ > 0)
      entry.detail += " (and " + std::to_string(std::exchange(uncounted_, 0)) + " more were turned away before)";
    if (write(std::move(entry), Durability::fast)) ++unsigned_;
  }

  Result<void> sign() {
    const std::lock_guard lock(mutex_);
    return sign_head();
  }

 private:
  // All with the lock held.
  Result<void> sign_head() {
    unsigned_ = 0;
    if (!options_.key) return {};
    const auto signature = node::RawSigner::sign(*options_.key, hub::checkpoint_of(head_));
    if (!signature) return signature.error();
    return write({0, {}, std::string(hub::checkpoint_kind), options_.key->id(), {}, to_hex(*signature)},
                 Durability::fast);
  }

  Result<void> write(AuditEntry entry, Durability durability) {
    if (lost_ > 0) {
      const std::string what = std::to_string(lost_) + " entries could not be written";
      if (auto told = put({0, {}, std::string(hub::lost_kind), {}, {}, what}, Durability::fast); !told)
        return ++lost_, told;
      lost_ = 0;
    }
    auto done = put(std::move(entry), durability);
    if (!done) ++lost_;
    return done;
  }

  Result<void> put(AuditEntry entry, Durability durability) {
    entry.at = now();
    for (std::string* text : {&entry.kind, &entry.who, &entry.what, &entry.detail}) *text = kept(*text);
    const hub::ChainedEntry one{std::move(entry), head_};
    const auto written = stream_.append(one.entry.at, hub::audit_fields(one), durability);
    if (!written) return written.error();
    head_ = hub::hash_of(one);
    return {};
  }

  Stream stream_;
  const AuditOptions options_;
  std::mutex mutex_;
  Sha256Digest head_{};
  std::uint64_t unsigned_ = 0, lost_ = 0, uncounted_ = 0, refusals_ = 0;
  Timestamp minute_{};
};

AuditLog::AuditLog(std::shared_ptr<Writer> writer, std::vector<Subscription> subscriptions) noexcept
    : writer_(std::move(writer)), subscriptions_(std::move(subscriptions)) {}
AuditLog::AuditLog(AuditLog&&) noexcept = default;
AuditLog& AuditLog::operator=(AuditLog&&) noexcept = default;

AuditLog::~AuditLog() {
  subscriptions_.clear();
  if (writer_) writer_->sign().ignore();
}

Result<AuditLog> AuditLog::start(Node& node, AuditOptions options) {
  if (options.entries_per_signature == 0) return Error(Errc::invalid_argument, "audit: entries_per_signature: 0");
  StreamOptions kept;
  kept.columns = hub::audit_columns();
  kept.local_only = true;
  kept.retention = options.retention;
  kept.quota = options.quota;
  auto writer = std::make_shared<Writer>(node.stream(stream, std::move(kept)), std::move(options));
  if (auto begun = writer->begin(); !begun) return std::move(begun).error();
  std::vector<Subscription> subscriptions;
  subscriptions.push_back(node.on_event([writer](const Event& event) {
    if (!is_kept(event.kind)) return;
    if (event.kind == EventKind::rejected && event.scope.empty() && !event.peer.empty())
      writer->note_refusal(entry_of(event));
    else
      writer->note(entry_of(event), Durability::fast).ignore();
  }));
  for (const ScopeStatus& scope : node.status().scopes)
    if (scope.plane == Plane::state && scope.scope == AccessList::scope)
      subscriptions.push_back(node.state(AccessList::scope).on_change({}, [writer](const Change& change) {
        const char* what = change.after ? "set" : "erased";
        writer->note({0, {}, "access", to_string(change.author), change.key, what}, Durability::fast).ignore();
      }));
  return AuditLog(std::move(writer), std::move(subscriptions));
}

Result<void> AuditLog::note(std::string_view kind, std::string_view who, std::string_view what,
                            std::string_view detail) {
  return writer_->note({0, {}, std::string(kind), std::string(who), std::string(what), std::string(detail)},
                       Durability::durable);
}

Result<AuditReport> verify_audit(Node& node, const Function<void(const AuditEntry&)>& each) {
  const auto scopes = node.status().scopes;
  const bool known = std::any_of(scopes.begin(), scopes.end(), [](const ScopeStatus& scope) {
    return scope.plane == Plane::stream && scope.scope == AuditLog::stream;
  });
  if (!known) return Error(Errc::not_found, "log: there is none in this database");
  hub::ChainReader chain(transport::ed25519());
  if (auto read = read_all(node.stream(AuditLog::stream), chain, each); !read) return std::move(read).error();
  return chain.finish();
}

}  // namespace edgesync
