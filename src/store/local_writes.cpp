// SPDX-License-Identifier: Apache-2.0
// Local writes: transactions, records and versions enter the memtable here.
#include "crdt/transaction.hpp"
#include "store/sqlite_store.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

// A complete segment is to have about so many bytes once it is encoded: on a slow link others wait while it is sent.
constexpr std::size_t full_bytes = 16 * 1024;
constexpr std::size_t cut_bytes_min = 8 * 1024;

/// For transactions that read nothing.
class NoCells final : public crdt::CellSource {
 public:
  crdt::Cell find(ByteView) override { return {}; }
  void scan(const crdt::KeyRange&, const Visit&) override {}
};

Error no_scope(const char* call) { return {Errc::invalid_argument, std::string(call) + ": no such scope"}; }

Error given_up(const char* call, const ScopeState& state) {
  return {Errc::not_found, std::string(call) + ": \"" + state.scope.name + "\" was given up; ask for it again"};
}

}  // namespace

void SqliteStore::observe_learned(Timestamp wall) {
  for (const crdt::Stamp stamp : learned_) clock_.observe(stamp, wall, options_.clock_drift_max);
  learned_.clear();
}

crdt::Stamp SqliteStore::mint(Timestamp wall) {
  if (!learned_.empty()) observe_learned(wall);
  const crdt::Stamp stamp = clock_.mint(wall);
  if (!std::exchange(minted_, true)) {
    lineage_due_ = crdt::Lineage::Row{file_.replica(), lineage_from_, secret_};
    lineage_.add(*lineage_due_);
  }
  return stamp;
}

Result<crdt::Changes> SqliteStore::plan(ScopeState& state, std::span<const Edit::Op> ops, crdt::Stamp stamp) {
  const bool looks = std::any_of(ops.begin(), ops.end(), crdt::reads);
  const bool ranges =
      std::any_of(ops.begin(), ops.end(), [](const Edit::Op& op) { return op.kind == Edit::Kind::erase_prefix; });
  crdt::Author author{file_.replica(), stamp, {}};
  // Inside a generation a blind write needs no context of its own: the generation's holds for it.
  if (looks || ranges || state.memtable.begins()) {
    author.observed = state.durable.context;
    author.observed.advance({file_.replica(), state.last_own});
  }
  if (!looks) {
    NoCells none;
    return crdt::plan(ops, none, author);
  }
  if (writing_) return Error(Errc::invalid_argument, "commit: reads while a batch is being written");
  MemtableView view(state.table, state.memtable, file_.replica());
  auto changes = crdt::plan(ops, view, author);
  if (auto good = checked(state); !good) return good.error();
  return changes;
}

Result<Committed> SqliteStore::commit(ScopeId id, std::span<const Edit::Op> ops, Timestamp wall) {
  ScopeState* state = find(id);
  if (state == nullptr) return no_scope("commit");
  if (state->scope.plane == Plane::stream)
    return Error(Errc::invalid_argument, "commit: \"" + state->scope.name + "\" is a stream");
  if (state->policy.given_up) return given_up("commit", *state);
  if (former_own(id) != 0)
    return Error(Errc::identity_clash, "commit: \"" + state->scope.name +
                                           "\": was given up here, and what was written before has not come back");
  if (!writing_ && !revive()) return closed_file("commit");
  if (full()) return no_room("commit");
  file_.now = wall;
  const crdt::Stamp stamp = mint(wall);
  auto changes = plan(*state, ops, stamp);
  if (!changes) return changes.error();
  const std::size_t before = state->memtable.bytes();
  state->memtable.append(*std::move(changes));
  bytes_ += state->memtable.bytes() - before;  // less than nothing if it erased more than it wrote
  state->last_own = stamp;
  return Committed{ticket(*state), stamp};
}

Result<void> SqliteStore::define_stream(ScopeId id, const stream::Schema& schema, bool local_only, const Masks& masks) {
  ScopeState* state = find(id);
  if (state == nullptr || state->scope.plane != Plane::stream) return no_scope("define_stream");
  if (auto valid = stream::validate(schema); !valid) return valid;
  Policy& policy = state->policy;
  if (policy.schema && *policy.schema != schema)
    return Error(Errc::type_mismatch, "stream: \"" + state->scope.name + "\" has other columns");
  if (policy.schema && policy.masks != masks)
    return Error(Errc::type_mismatch, "stream: \"" + state->scope.name + "\" has other masks");
  if (policy.schema && policy.local_only == local_only) return {};
  policy.schema = schema;
  policy.local_only = local_only;
  policy.masks = masks;
  state->policy_dirty = true;
  touch(*state);
  return {};
}

void SqliteStore::note_refusal(ScopeId id, const Refused* why) {
  ScopeState* state = find(id);
  if (state == nullptr) return;
  std::optional<Refused>& known = state->policy.refusal;
  if (why == nullptr ? !known : known == *why) return;
  known = why != nullptr ? std::optional(*why) : std::nullopt;
  state->policy_dirty = true;
  touch(*state);
}

const Refused* SqliteStore::refusal(ScopeId id) const {
  const ScopeState* state = find(id);
  return state != nullptr && state->policy.refusal ? &*state->policy.refusal : nullptr;
}

std::optional<stream::Schema> SqliteStore::schema(ScopeId id) const {
  const ScopeState* state = find(id);
  return state != nullptr ? state->policy.schema : std::nullopt;
}

bool SqliteStore::local_only(ScopeId id) const {
  const ScopeState* state = find(id);
  return state != nullptr && state->policy.local_only;
}

const Masks& SqliteStore::masks(ScopeId id) const {
  static const Masks none;
  const ScopeState* state = find(id);
  return state != nullptr ? state->policy.masks : none;
}

/// A segment that is complete is encoded at once: it takes little memory from there on, and whoever writes it has less
/// to do while all others wait for the disk.
Run& SqliteStore::begin_run(ScopeState& state, Timestamp oldest) {
  stream::SegmentBuilder rows(*state.policy.schema);
  // First, for where there is no memory nothing must have changed.
  if (state.runs.size() == state.runs.capacity()) state.runs.reserve(2 * state.runs.size() + 1);
  if (!state.runs.empty() && state.runs.back().rows) {
    Run& last = state.runs.back();
    const std::uint64_t before = last.rows->bytes_estimate();
    rows = last.encode();
    const std::uint64_t encoded = last.segment.body.size();
    count_unwritten(state, encoded - before);
    if (before >= cut_bytes_min)
      state.cut = std::clamp<std::size_t>(before * full_bytes / encoded, cut_bytes_min, stream::segment_cut_bytes);
  }
  return state.runs.emplace_back(
      Run{{state.scope.id, file_.replica(), state.next_sequence, 0, {}}, oldest, std::move(rows)});
}

/// `bytes` more, or modulo 2^64 fewer.
void SqliteStore::count_unwritten(ScopeState& state, std::uint64_t bytes) noexcept {
  bytes_ += bytes, state.unwritten += bytes, streams_unwritten_ += bytes;
}

void SqliteStore::add_record(ScopeState& state, const Record& record) {
  Run* run = state.runs.empty() ? nullptr : &state.runs.back();
  if (run == nullptr || !run->rows || run->next() != state.next_sequence || run->rows->bytes_estimate() >= state.cut ||
      !run->rows->accepts(record.fields))
    run = &begin_run(state, record.at);
  const std::size_t before = run->rows->bytes_estimate();
  run->rows->add(record.at, record.fields);
  ++run->segment.count;
  ++state.next_sequence;
  count_unwritten(state, run->rows->bytes_estimate() - before);
}

Result<Appended> SqliteStore::append(ScopeId id, std::span<const Record> records) {
  ScopeState* state = find(id);
  if (state == nullptr) return no_scope("append");
  if (state->policy.given_up) return given_up("append", *state);
  if (!state->policy.schema) return Error(Errc::not_found, "append: \"" + state->scope.name + "\" has no columns yet");
  // Without a look at the file nobody knows which numbers a doubtful batch has taken.
  if (!writing_ && !revive()) return closed_file("append");
  if (doubtful_) return closed_file("append");
  if (full()) return no_room("append");
  if (records.empty()) return Error(Errc::invalid_argument, "append: no records");
  for (const Record& record : records)
    if (auto fit = stream::fits(*state->policy.schema, record.fields); !fit) return fit.error();
  return append_within(*state, records);
}

Ticket SqliteStore::version_op(ScopeId id, VersionOp op) {
  ScopeState* state = find(id);
  const bool named = op.kind == VersionOp::Kind::memo || from_hex(op.key.id);
  if (state == nullptr || !named) return accepted_;
  bytes_ += op.release.content.size() + op.memo.size() + sizeof(VersionOp);
  state->versions.push_back(std::move(op));
  return ticket(*state);
}

Ticket SqliteStore::save_version(ScopeId id, const config::Release& release, VersionRole role) {
  return version_op(id,
                    {VersionOp::Kind::save, {release.manifest.number, to_hex(release.manifest.id)}, release, role, {}});
}

Ticket SqliteStore::set_role(ScopeId id, const VersionKey& version, VersionRole role) {
  return version_op(id, {VersionOp::Kind::role, version, {}, role, {}});
}

Ticket SqliteStore::forget_version(ScopeId id, const VersionKey& version) {
  return version_op(id, {VersionOp::Kind::forget, version, {}, {}, {}});
}

Ticket SqliteStore::put_memo(ScopeId id, std::string_view name, Bytes body) {
  return version_op(id, {VersionOp::Kind::memo, {0, std::string(name)}, {}, {}, std::move(body)});
}

Ticket SqliteStore::trim(ScopeId id, const ReplicaId& origin, std::uint64_t through) {
  ScopeState* state = find(id);
  if (state == nullptr || state->scope.plane != Plane::stream) return accepted_;
  state->trims.push_back({origin, through});
  return ticket(*state);
}

}  // namespace edgesync::store
