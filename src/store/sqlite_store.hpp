// SPDX-License-Identifier: Apache-2.0
// SqliteStore: the one Store. Per scope it holds what is durable (published by finish() alone), what is not yet (the
// memtable, taken by begin_flush()), and the table through which the file is read and written. While a batch is being
// written the table and the file belong to the writer; everything else stays with the caller.
#pragma once

#include "crdt/hlc.hpp"
#include "store/batch.hpp"
#include "store/policy.hpp"

#include <deque>
#include <memory>
#include <unordered_map>

namespace edgesync::store {

struct ScopeState {
  ScopeState(File& file, Scope of)
      : scope(std::move(of)),
        table(file, static_cast<std::uint32_t>(scope.id), fingerprint_key(scope.plane, scope.name)) {}

  Scope scope;
  SqlTable table;
  Durable durable{};
  crdt::Context acked{}, stable{};
  Policy policy{};
  bool stored = false;        ///< The scope has its row.
  bool policy_dirty = false;  ///< `policy` differs from the row.
  bool watched = false;
  bool preview = false;
  bool wipe = false;     ///< With the next batch.
  bool touched = false;  ///< Listed for the next batch.

  Memtable memtable{};
  crdt::Stamp last_own = 0;   ///< The stamp of this scope's last local transaction.
  crdt::Stamp elsewhere = 0;  ///< Own changes up to here may be known to hubs that this replica is not linked to.
  std::vector<Run> runs{};
  std::vector<Gap> holes{};                     ///< Own records that were numbered and not kept.
  Drops left_out{};                             ///< ... not numbered, since the last batch.
  std::uint64_t next_sequence = 1;              ///< Of this replica's records.
  std::uint64_t unwritten = 0;                  ///< Bytes of `runs`.
  std::size_t cut = stream::segment_cut_bytes;  ///< A run is complete that has so many, not encoded.
  std::uint64_t sealed = 0;                     ///< Own records up to here stay in the segments they are in.
  std::uint64_t shed = 0;                       ///< To be dropped for other streams' sake.
  stream::Age budget_due = 0;                   ///< When it is to be looked at for what is too old.
  stream::Thinner thinner{};
  std::map<ReplicaId, Drops> told_missing{};  ///< Own, by the hub.
  std::vector<ReplicaId> missing_dirty{};
  std::vector<VersionOp> versions{};
  std::vector<Trim> trims{};
  bool sweep = false;  ///< With the next batch.
  Suspicion suspicion{};
  RangeSet noted{};  ///< Found damaged by reads, and not yet set aside.
  std::vector<Oid> stages_ended{};
  std::vector<ReplicaId> acks_dirty{};
};

class SqliteStore final : public Store {
 public:
  SqliteStore(Options options, const Hash128& secret);
  Result<void> start(const ReplicaId& fresh, Timestamp now);

  const ReplicaId& replica() const override { return file_.replica(); }
  const std::vector<ReplicaId>& selves() const override { return selves_; }
  const std::optional<Renamed>& renamed() const override { return renamed_; }
  const std::vector<Former>& former() const override { return former_; }
  const std::string& salvaged() const override { return salvaged_; }
  /// To be told with the next batch.
  void report(Error fault);
  void close();
  bool minted(const ReplicaId& self, crdt::Stamp stamp, crdt::Stamp last) const override {
    return lineage_.minted(self, stamp, last);
  }
  Result<ScopeId> open_scope(Plane plane, std::string_view name) override;
  std::optional<ScopeId> find_scope(Plane plane, std::string_view name) const override;
  std::vector<Scope> scopes() const override;
  Ticket give_up(ScopeId id) override;
  crdt::Stamp former_own(ScopeId id) const override;
  Scope scope(ScopeId id) const override;
  void watch(ScopeId id, bool on) override;
  void keep_history(ScopeId id, std::uint32_t versions) override;
  void preview(ScopeId id) override;
  void note_refusal(ScopeId id, const Refused* why) override;
  const Refused* refusal(ScopeId id) const override;

  const crdt::Context& context(ScopeId id) const override;
  crdt::Summary summary(ScopeId id) const override;
  Hash128 fingerprint_key(ScopeId id) const override;
  const crdt::Context& floors(ScopeId id) const override;
  std::vector<crdt::KeyRange> damaged(ScopeId id) const override;
  void another_hub() override;
  bool loss_in_doubt(ScopeId id) override;
  void end_doubt(ScopeId id) override;
  void note_acked(ScopeId id, const crdt::Context& acked, const crdt::Context& stable) override;
  const crdt::Context& acked(ScopeId id) const override;
  const crdt::Context& stable(ScopeId id) const override;
  std::vector<StreamState> stream(ScopeId id) const override;
  StreamCounts counts(ScopeId id, bool kept_here) const override;
  Drops missing(ScopeId id, const ReplicaId& origin) const override;
  Drops missing(ScopeId id) const override;
  std::uint64_t bytes(ScopeId id) const override;
  Held held(std::optional<Plane> plane, std::string_view scopes) const override;
  bool dropped(ScopeId id, const ReplicaId& self, std::uint64_t sequence) const override;
  void note_missing(ScopeId id, const ReplicaId& self, const Drops& missing) override;
  void look_at_age(Instant now) override;
  void hub_time(Timestamp hub, Instant when) override;

  Result<Committed> commit(ScopeId id, std::span<const Edit::Op> ops, Timestamp wall) override;
  Result<void> define_stream(ScopeId id, const stream::Schema& schema, bool local_only, const Masks& masks) override;
  const Masks& masks(ScopeId id) const override;
  std::optional<stream::Schema> schema(ScopeId id) const override;
  Result<void> set_budget(ScopeId id, const stream::Budget& budget) override;
  Priority priority(ScopeId id) const override;
  bool local_only(ScopeId id) const override;
  Result<Appended> append(ScopeId id, std::span<const Record> records) override;
  Ticket save_version(ScopeId id, const config::Release& release, VersionRole role) override;
  Ticket set_role(ScopeId id, const VersionKey& version, VersionRole role) override;
  Ticket forget_version(ScopeId id, const VersionKey& version) override;
  Ticket put_memo(ScopeId id, std::string_view name, Bytes body) override;
  Ticket trim(ScopeId id, const ReplicaId& origin, std::uint64_t through) override;

  Ticket apply(RemoteCut cut) override;
  Ticket apply(RemoteSegment segment) override;
  Ticket apply(RemoteGap gap) override;
  Ticket apply(RemoteRepair repair) override;
  Ticket keep(RemoteChunk chunk) override;
  const Stages& stages(ScopeId id) const override;

  Ticket accepted() const override { return accepted_; }
  Ticket durable() const override { return durable_; }
  bool wants_flush() const override { return bytes_ > options_.memtable_bytes; }
  bool crowded() const override { return bytes_ / 2 > options_.memtable_bytes; }
  bool writing() const override { return writing_; }
  std::unique_ptr<Batch> begin_flush() override;
  void write(Batch& batch) override;
  Flushed finish(std::unique_ptr<Batch> batch) override;

  Result<void> read(ScopeId id, const Function<void(crdt::CellSource&)>& read) override;
  Result<crdt::Delta> delta(ScopeId id, const crdt::Context& receiver, bool searched) override;
  Result<std::optional<crdt::Delta>> small_delta(ScopeId id, const crdt::Context& receiver, bool searched,
                                                 std::size_t bytes_max) override;
  Result<crdt::Chunk> chunk(ScopeId id, const crdt::Context& told, std::size_t bytes_max) override;
  Result<crdt::Repair> repair(ScopeId id, const std::vector<crdt::KeyRange>& ranges, std::size_t bytes_max) override;
  Result<void> look(ScopeId id, const Function<void(crdt::CellSource&)>& look) override;
  Result<std::vector<StoredSegment>> segments(ScopeId id, const ReplicaId& origin, std::uint64_t after,
                                              std::size_t bytes_max) override;
  void freeze(ScopeId id, std::uint64_t through) override;
  Result<std::vector<Gap>> gaps(ScopeId id, const ReplicaId& origin, std::uint64_t after, std::size_t limit) override;
  Result<std::vector<VersionRow>> versions(ScopeId id) override;
  Result<std::uint64_t> versions_bytes(ScopeId id) override;
  Result<Bytes> content(ScopeId id, ByteView content) override;
  Result<config::Release> release(ScopeId id, const VersionKey& version) override;
  Result<Bytes> memo(ScopeId id, std::string_view name) override;
  Result<std::map<std::string, Bytes>> memos(ScopeId id, std::string_view prefix) override;
  Result<std::vector<JournalEntry>> journal(ScopeId id, std::size_t limit) override;
  Result<Pending> pending(ScopeId id) override;
  Result<std::vector<Quarantined>> quarantine(std::uint64_t after, std::size_t limit) override;
  Result<QuarantineCounts> quarantined() override;
  Result<Replayed> replay(std::uint64_t id, Timestamp wall) override;
  Result<Ticket> drop(std::vector<std::uint64_t> ids) override;
  Ticket set_aside(RefusedSegment refused) override;
  bool unclean() const override { return examined_.has_value(); }
  Result<bool> examine(std::size_t rows) override;
  Result<std::vector<std::string>> verify() override;
  Result<Renamed> reidentify(const ReplicaId& fresh, const ReplicaId& self, std::string reason,
                             bool authority) override;
  Result<void> backup(const std::string& path) override;
  Result<void> compact(std::size_t removals_max) override;

 private:
  ScopeState* find(ScopeId id) const noexcept;
  ScopeState& add(Scope scope);
  void touch(ScopeState& state);
  void take_up(ScopeState& state);
  Ticket ticket(ScopeState& state);
  Ticket arrive(Arrival::Body body);
  Oid previewed(const ScopeState& state) const noexcept;

  void end_stages();
  Result<void> sweep_suspicious();
  Result<void> load(const Loaded& loaded);
  void install(Loaded& loaded);
  void install(ScopeState& state, LoadedScope& loaded);
  void observe_context(const crdt::Context& context, Timestamp now);
  void observe_learned(Timestamp wall);

  crdt::Stamp mint(Timestamp wall);
  Result<crdt::Changes> plan(ScopeState& state, std::span<const Edit::Op> ops, crdt::Stamp stamp);
  Run& begin_run(ScopeState& state, Timestamp oldest);
  void count_unwritten(ScopeState& state, std::uint64_t bytes) noexcept;
  void add_record(ScopeState& state, const Record& record);
  void skip_record(ScopeState& state);
  stream::Age sealable_age(const ScopeState& state) const noexcept;
  bool budgeted(const ScopeState& state) const noexcept { return state.policy.schema && state.policy.budgeted; }
  stream::Usage usage(const ScopeState& state) const noexcept;
  stream::Usage usage() const noexcept;  ///< Of all streams.
  Result<Appended> append_within(ScopeState& state, std::span<const Record> records);
  bool take_record(ScopeState& state, const Record& record, const Overflow& overflow, bool& full);
  void shed_some(const GroupCommit& batch);
  Ticket version_op(ScopeId id, VersionOp op);

  void take_all(GroupCommit& batch);
  void take_large(GroupCommit& batch);
  Part take(ScopeState& state);
  Part bare(ScopeState& state);
  /// False if `bytes` more of chunks are too many. An idle stage may have to go for them, though not `whose`.
  std::optional<Refusal> joined_twice(const RemoteCut& cut) const;
  bool make_room(std::size_t bytes, const std::pair<ScopeState*, ReplicaId>& whose);
  void publish(GroupCommit& batch, Flushed& flushed);
  void publish(ScopeState& state, const Part& part, Flushed& flushed);
  void give_back(GroupCommit& batch);
  /// Opens the file again if a failure has left it closed. Requires: !writing_. Fails with: storage_io.
  Result<void> revive();
  /// For what peers are told: fails if the file had to be opened again, for it may hold other contexts and floors than
  /// the caller went by.
  Result<void> steady();
  /// What a file that was opened again holds, doubtful batches that turned out to be there included.
  void install_again(Loaded& loaded);
  Error closed_file(const char* call) const;
  /// True while there is room for upkeep alone. Looks again, unless a batch is being written.
  bool full();
  Error no_room(const char* call) const;
  /// After a read: what it found damaged is set aside by the next batch.
  void look_back(ScopeState& state);
  void sweep_with_next(ScopeState& state);
  Result<void> write_reissue(const ReplicaId& fresh, const ReplicaId& self, bool authority);
  Result<void> reissue(ScopeState& state, const ReplicaId& fresh, const ReplicaId& self, bool authority);
  std::vector<Former> former_after(const ReplicaId& self) const;
  crdt::Stamp perhaps_known(const ScopeState& state) const;
  void take_selves(std::vector<Former> former);
  void begin_as(crdt::Lineage lineage);
  void forget_tails();

  Result<std::string> put_back(ScopeState& state, const Quarantined& item, Released& released, Timestamp wall);
  Result<std::string> put_back_cell(ScopeState& state, const Quarantined& item, Timestamp wall);
  Result<std::string> put_back_records(ScopeState& state, const Quarantined& item, Released& released);
  Result<std::string> put_back_version(ScopeState& state, const Quarantined& item);
  /// Looks at cells from `examined_` on, and then at the log; true once all have been seen.
  bool examine_cells(ScopeState& state, std::size_t rows);
  bool examine_log(ScopeState& state, std::size_t rows);
  bool examine_records(ScopeState& state);
  Result<void> checked(ScopeState& state);
  crdt::Chunk sound_chunk(ScopeState& state, const crdt::Context& told, std::size_t bytes_max);
  Result<void> told(ScopeState& state);
  Result<Pending> pending_cells(ScopeState& state);
  Result<Pending> pending_records(ScopeState& state);
  Result<void> compact_scopes(std::size_t removals_max);

  Options options_;
  File file_;
  Hash128 secret_;
  crdt::Hlc clock_;
  std::optional<Error> former_life_{};  ///< Why the next batch fails: what it holds was accepted under another id.
  std::optional<Renamed> renaming_{};   ///< The last attempt to take another id, until it is known to be durable.
  crdt::Lineage lineage_{};
  crdt::Stamp lineage_from_ = 1;                     ///< What this file minted before, as the replica it is, is below.
  bool minted_ = false;                              ///< This open has its row in the lineage.
  std::optional<crdt::Lineage::Row> lineage_due_{};  ///< That row, until it is in the file.
  std::vector<ReplicaId> selves_{};
  std::vector<Former> former_{};
  std::optional<Renamed> renamed_{};
  std::string salvaged_{};
  /// How far an unclean file has been examined.
  struct Examined {
    std::uint32_t sid = 0;
    Bytes low{};  ///< The next key.
    struct {
      std::size_t origin = 0;  ///< Its place in the context, which only grows: one may be looked at twice.
      BlockKey at{};           ///< Its last block that was looked at.
    } log{};
    crdt::Context after{};  ///< A stream's records up to here.
  };
  std::optional<Examined> examined_{};
  std::vector<crdt::Stamp> learned_;  ///< Remote stamps the clock has not moved past yet: it needs a wall time.

  std::unordered_map<std::uint32_t, std::unique_ptr<ScopeState>> states_;
  std::map<std::pair<Plane, std::string>, ScopeId> names_;
  std::uint32_t last_sid_ = 0;

  std::vector<ScopeState*> touched_;
  std::vector<Arrival> arrivals_;
  std::deque<Arrival> large_;  ///< Cuts that join stages: each has a batch of its own.
  bool large_turn_ = false;    ///< What was accepted before the first of them has been flushed.
  std::size_t bytes_ = 0;
  Ticket accepted_ = 0, durable_ = 0;
  std::uint64_t batch_ = 0;
  stream::AgeClock age_{};
  stream::AgeClock::Saved age_saved_{};                     ///< As the file has it.
  std::uint64_t streams_held_ = 0, streams_unwritten_ = 0;  ///< Bytes of all streams with a budget.
  bool writing_ = false, full_ = false;
  /// First batch that failed with nobody able to look whether it is there, or that may be there and not on the disk.
  std::optional<std::uint64_t> doubtful_;
  std::vector<std::pair<ScopeId, Error>> faults_;  ///< Found by start(): not yet reported.
  std::vector<ScopeId> revived_;  ///< Grew by doubtful batches that turned out to be there: not yet reported.
};

}  // namespace edgesync::store
