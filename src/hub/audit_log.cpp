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

/// What a list of members takes; of what else stands there, nothing.
std::size_t members_bytes(const std::optional<Value>& value) {
  const auto* list = value ? std::get_if<Json>(&*value) : nullptr;
  return list != nullptr ? list->text.size() : 0;
}

/// Who wrote what is there now. Of who removed something nothing is kept, so that nobody is named for it.
AuditEntry entry_of(const Change& change) {
  if (change.key.empty()) return {0, {}, "access", {}, {}, "more was changed at once than is told one by one"};
  const bool removed = !change.after || members_bytes(change.after) < members_bytes(change.before);
  return {0,          {},
          "access",   removed ? std::string() : to_string(change.author),
          change.key, !change.after ? "erased" : removed ? "removed from" : "set"};
}

/// edgesync's own kinds of entries: the application's go by other names.
bool is_own(std::string_view kind) {
  if (kind == hub::checkpoint_kind || kind == hub::lost_kind || kind == "access") return true;
  for (int i = 0; i <= static_cast<int>(EventKind::identity); ++i)
    if (kind == name(static_cast<EventKind>(i))) return true;
  return false;
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
  Writer(Stream written, AuditOptions options) : stream_(std::move(written)), options_(std::move(options)) {}

  /// Goes on where the chain ends, and signs that.
  Result<void> begin() {
    const auto end = find_end();
    if (!end) return end.error();
    if (*end) head_ = hub::hash_of(**end);
    return sign();
  }

  Result<void> note(AuditEntry entry, Durability durability) {
    const std::lock_guard lock(mutex_);
    if (auto written = write(std::move(entry), durability); !written) return written;
    return ++unsigned_ < options_.entries_per_signature ? Result<void>() : sign_head();
  }

  /// Of what may come again and again: not more than so many a minute of what goes by this name.
  void note_some(const std::string& which, AuditEntry entry, std::uint32_t most) {
    {
      const std::lock_guard lock(mutex_);
      tell_uncounted(false);
      const auto [at, begun] = often_.try_emplace({entry.kind, which}, Often{now(), 0, 0});
      if (++at->second.count > most) return void(++at->second.uncounted);
    }
    note(std::move(entry), Durability::fast).ignore();
  }

  /// A group commit failed: what it held is not there, and the chain goes on from what is.
  void look_back() {
    const std::lock_guard lock(mutex_);
    const auto end = find_end();
    if (!end || !*end || hub::hash_of(**end) == head_) return;
    const std::uint64_t last = (*end)->entry.sequence;
    lost_ += wrote_ > last ? wrote_ - last : 1;
    head_ = hub::hash_of(**end);
  }

  /// The last words.
  void end() {
    const std::lock_guard lock(mutex_);
    tell_uncounted(true);
    sign_head().ignore();
  }

  Result<void> sign() {
    const std::lock_guard lock(mutex_);
    return sign_head();
  }

 private:
  struct Often {
    Timestamp since{};
    std::uint64_t count = 0, uncounted = 0;
  };

  // All with the lock held.
  /// The entry that none of another replica id goes on from.
  Result<std::optional<hub::ChainedEntry>> find_end() const {
    const auto origins = stream_.origins();
    if (!origins) return origins.error();
    std::vector<hub::ChainedEntry> ends;
    std::set<Sha256Digest> continued;
    for (const auto& [origin, last] : *origins) {
      const auto first = stream_.read(origin, 1, 1),
                 rest = stream_.read(origin, std::max(last, read_at_once) - read_at_once + 1, read_at_once);
      if (!first || !rest) return first ? rest.error() : first.error();
      if (const auto one = first->records.empty() ? std::nullopt : hub::to_chained(first->records.front()))
        continued.insert(one->previous);
      if (auto one = rest->records.empty() ? std::nullopt : hub::to_chained(rest->records.back()))
        ends.push_back(*std::move(one));
    }
    std::erase_if(ends, [&](const hub::ChainedEntry& end) { return continued.contains(hub::hash_of(end)); });
    return ends.empty() ? std::nullopt : std::optional(std::move(ends.back()));
  }

  /// Of minutes that are over, or of all.
  void tell_uncounted(bool all) {
    const Timestamp at = now();
    for (auto one = often_.begin(); one != often_.end();) {
      const Often& often = one->second;
      const bool over = at < often.since || at >= often.since + std::chrono::minutes(1);
      if (!over && !all) {
        ++one;
        continue;
      }
      if (often.uncounted > 0)
        write(
            {0, {}, one->first.first, {}, one->first.second, std::to_string(often.uncounted) + " more within a minute"},
            Durability::fast)
            .ignore();
      one = often_.erase(one);
    }
  }

  Result<void> sign_head() {
    unsigned_ = 0;
    if (!options_.key || head_ == Sha256Digest{}) return {};
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
    wrote_ = written->last;
    return {};
  }

  Stream stream_;
  const AuditOptions options_;
  std::mutex mutex_;
  Sha256Digest head_{};
  std::uint64_t unsigned_ = 0, lost_ = 0, wrote_ = 0;
  std::map<std::pair<std::string, std::string>, Often> often_{};  ///< By kind and which; a minute's worth.
};

AuditLog::AuditLog(std::shared_ptr<Writer> writer, std::vector<Subscription> subscriptions) noexcept
    : writer_(std::move(writer)), subscriptions_(std::move(subscriptions)) {}
AuditLog::AuditLog(AuditLog&&) noexcept = default;
AuditLog& AuditLog::operator=(AuditLog&&) noexcept = default;

AuditLog::~AuditLog() {
  subscriptions_.clear();
  if (writer_) writer_->end();
}

Result<AuditLog> AuditLog::start(Node& node, AuditOptions options) {
  if (options.entries_per_signature == 0) return Error(Errc::invalid_argument, "audit: entries_per_signature: 0");
  StreamOptions kept;
  kept.columns = hub::audit_columns();
  kept.local_only = true;
  kept.retention = options.retention;
  kept.quota = options.quota;
  const auto refusals = options.refusals_per_minute, links = options.links_per_minute;
  auto writer = std::make_shared<Writer>(node.stream(stream, std::move(kept)), std::move(options));
  if (auto begun = writer->begin(); !begun) return std::move(begun).error();
  std::vector<Subscription> subscriptions;
  subscriptions.push_back(node.on_event([writer, refusals, links](const Event& event) {
    if (!is_kept(event.kind)) return;
    AuditEntry entry = entry_of(event);
    if (event.kind == EventKind::storage_fault) {
      writer->look_back();
      const std::string which = entry.what + entry.detail;
      return writer->note_some(which, std::move(entry), 1);
    }
    if (event.kind == EventKind::rejected && event.scope.empty())
      return writer->note_some("", std::move(entry), refusals);
    if (event.kind == EventKind::linked || event.kind == EventKind::unlinked)
      return writer->note_some(event.peer, std::move(entry), links);
    // These a stranger can cause, too.
    if (event.kind == EventKind::watchdog || event.kind == EventKind::identity || event.kind == EventKind::clock)
      return writer->note_some("", std::move(entry), refusals);
    writer->note(std::move(entry), Durability::fast).ignore();
  }));
  for (const ScopeStatus& scope : node.status().scopes)
    if (scope.plane == Plane::state && scope.scope == AccessList::scope)
      subscriptions.push_back(node.state(AccessList::scope).on_change({}, [writer](const Change& change) {
        writer->note(entry_of(change), Durability::fast).ignore();
      }));
  return AuditLog(std::move(writer), std::move(subscriptions));
}

Result<void> AuditLog::note(std::string_view kind, std::string_view who, std::string_view what,
                            std::string_view detail) {
  if (is_own(kind))
    return Error(Errc::invalid_argument, "audit: kind: \"" + std::string(kind) + "\" is edgesync's own");
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
