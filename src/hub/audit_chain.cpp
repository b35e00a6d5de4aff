// SPDX-License-Identifier: Apache-2.0
#include "hub/audit_chain.hpp"

#include <algorithm>

namespace edgesync::hub {
namespace {

constexpr std::string_view domain = "edgesync/audit/v1", checkpoint_domain = "edgesync/audit-checkpoint/v1";

constexpr Sha256Digest none{};

}  // namespace

std::vector<Column> audit_columns() {
  return {{"kind", text}, {"who", text}, {"what", text}, {"detail", text}, {"previous", bytes}};
}

std::vector<Field> audit_fields(const ChainedEntry& one) {
  const AuditEntry& entry = one.entry;
  return {entry.kind, entry.who, entry.what, entry.detail, to_bytes(one.previous)};
}

std::optional<ChainedEntry> to_chained(const Record& record) {
  if (record.fields.size() != audit_columns().size()) return std::nullopt;
  ChainedEntry one{{record.sequence, record.at, {}, {}, {}, {}}, {}};
  std::string* const texts[] = {&one.entry.kind, &one.entry.who, &one.entry.what, &one.entry.detail};
  for (std::size_t i = 0; i < std::size(texts); ++i) {
    const auto* found = std::get_if<std::string>(&record.fields[i]);
    if (found == nullptr) return std::nullopt;
    *texts[i] = *found;
  }
  const auto* previous = std::get_if<Bytes>(&record.fields.back());
  if (previous == nullptr || previous->size() != one.previous.size()) return std::nullopt;
  std::copy(previous->begin(), previous->end(), one.previous.begin());
  return one;
}

Sha256Digest hash_of(const ChainedEntry& one) {
  Bytes content;
  Writer out(content);
  out.blob(as_view(domain));
  out.svarint(one.entry.at.time_since_epoch().count());
  for (const std::string* text : {&one.entry.kind, &one.entry.who, &one.entry.what, &one.entry.detail})
    out.blob(as_view(*text));
  out.raw(one.previous);
  return sha256(content);
}

Bytes checkpoint_of(const Sha256Digest& head) {
  Bytes content;
  Writer out(content);
  out.blob(as_view(checkpoint_domain));
  out.raw(head);
  return content;
}

std::optional<AuditEntry> ChainReader::read(const Record& record) {
  const auto one = to_chained(record);
  if (!one) {
    problem("entry " + std::to_string(record.sequence), "is none");
    head_.reset(), first_ = false;
    return std::nullopt;
  }
  ++report_.entries;
  follow(*one);
  if (one->entry.kind == checkpoint_kind) check_signature(*one);
  head_ = hash_of(*one);
  return one->entry;
}

void ChainReader::follow(const ChainedEntry& one) {
  // The oldest that is kept may follow what is gone; of the very first entry that can be told.
  const bool oldest = std::exchange(first_, false);
  if (oldest && one.entry.sequence == 1 && one.previous != none) continued_.insert(one.previous);
  if (oldest && one.entry.sequence - 1 != skipped_)
    problem("entries before " + std::to_string(one.entry.sequence), "are gone, and nothing says why");
  if (!oldest && head_ && one.previous != *head_)
    problem("entry " + std::to_string(one.entry.sequence), "does not follow the one before it");
}

void ChainReader::skip(const Gap& gap) {
  const std::uint64_t count = gap.last - gap.first + 1;
  report_.dropped[gap.why] += count;
  // Age and quota take the oldest. A hole is where somebody may have rewritten all that is before it.
  if (first_)
    skipped_ += count;
  else
    problem("entries " + std::to_string(gap.first) + " to " + std::to_string(gap.last),
            "are gone: " + std::string(name(gap.why)));
  head_.reset();
}

void ChainReader::check_signature(const ChainedEntry& one) {
  const std::string where = "entry " + std::to_string(one.entry.sequence);
  const auto key = config::parse_key_id(one.entry.who);
  const auto bytes = from_hex(one.entry.detail);
  config::SignatureBytes signature{};
  if (!key || !bytes || bytes->size() != signature.size()) return problem(where, "is no signature");
  std::copy(bytes->begin(), bytes->end(), signature.begin());
  if (one.previous == none) return problem(where, "signs nothing");  // and would fit at the beginning of any log
  if (!verifier_.verify(*key, checkpoint_of(one.previous), signature))
    return problem(where, "is not signed by the key that it names");
  report_.signed_by[one.entry.who] = one.entry.sequence;
  report_.unsigned_after[one.entry.who] = report_.entries;  // until finish(): how many there were by then
}

void ChainReader::problem(const std::string& where, const std::string& what) {
  constexpr std::size_t problems_max = 100;  // who has so many need not see them all
  if (report_.problems.size() < problems_max) report_.problems.push_back(where + " " + what);
}

void ChainReader::end() {
  if (head_) ends_.insert(*head_);
  if (!head_ && skipped_ > 0) ++gone_ends_;
  head_.reset();
}

AuditReport ChainReader::finish() {
  end();
  for (const Sha256Digest& head : continued_) {
    if (ends_.contains(head)) continue;
    if (gone_ends_ == 0) problem("the log", "goes on from entries of another replica id that are not here");
    gone_ends_ -= gone_ends_ > 0;
  }
  for (auto& [key, entries] : report_.unsigned_after) entries = report_.entries - entries;
  return std::move(report_);
}

}  // namespace edgesync::hub
