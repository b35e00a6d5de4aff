// SPDX-License-Identifier: Apache-2.0
// A database that is opened as a copy of another: it takes an id of its own before it mints anything, and keeps the
// data.
#include "store/identity.hpp"
#include "crdt/lineage.hpp"
#include "failing_vfs.hpp"
#include "harness.hpp"

#include <filesystem>

namespace edgesync::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A file that is opened here or there.
class Traveller {
 public:
  Store& open(Environment environment) {
    store_.reset();
    Options options;
    options.path = dir_.file();
    options.environment = [environment] { return environment; };
    store_ = Store::open(std::move(options), random_, at_ms(0)).value();
    return *store_;
  }
  std::string path() const { return dir_.file(); }

 private:
  TempDir dir_;
  Xoshiro random_{7};
  std::unique_ptr<Store> store_;
};

TEST(Identity, StaysWhereNothingHasChanged) {
  Traveller file;
  const ReplicaId id = file.open({{"machine", "a"}, {"file", "1"}}).replica();
  Store& again = file.open({{"machine", "a"}, {"file", "1"}});
  EXPECT_EQ(again.replica(), id);
  EXPECT_FALSE(again.renamed());
  EXPECT_THAT(again.selves(), ElementsAre(id));
}

TEST(Identity, ChangesInAnotherEnvironmentBeforeAnythingIsMintedAndTheDataStay) {
  Traveller file;
  Store& first = file.open({{"machine", "a"}, {"file", "1"}});
  const ReplicaId before = first.replica();
  const ScopeId id = state_scope(first);
  set(first, id, "x", 1);
  flush(first);
  const crdt::Context written = first.context(id);

  Store& copy = file.open({{"machine", "b"}, {"file", "1"}});
  ASSERT_TRUE(copy.renamed());
  EXPECT_EQ(copy.renamed()->before, before);
  EXPECT_EQ(copy.renamed()->after, copy.replica());
  EXPECT_NE(copy.replica(), before);
  EXPECT_THAT(copy.renamed()->reason, testing::HasSubstr("machine"));
  EXPECT_THAT(copy.selves(), ElementsAre(copy.replica(), before));
  EXPECT_EQ(copy.context(id), written) << "what it holds of its former id is as true as it was";
  EXPECT_EQ(copy.pending(id).value().count, 1u) << "nobody has got it yet";
  set(copy, id, "y", 2);
  flush(copy);
  EXPECT_EQ(copy.context(id)[before], written[before]);
  EXPECT_GT(copy.context(id)[copy.replica()], 0u);
  EXPECT_THAT(findings(copy), IsEmpty());

  const ReplicaId after = copy.replica();
  Store& again = file.open({{"machine", "b"}, {"file", "1"}});
  EXPECT_EQ(again.replica(), after);
  EXPECT_FALSE(again.renamed());
  EXPECT_THAT(again.selves(), ElementsAre(after, before));
}

TEST(Identity, WhatIsUnknownOnOneSideIsNoDifference) {
  Traveller file;
  const ReplicaId id = file.open({{"file", "1"}}).replica();
  EXPECT_EQ(file.open({{"file", "1"}, {"board", "p"}}).replica(), id);
  EXPECT_EQ(file.open({}).replica(), id);
  EXPECT_EQ(file.open({{"file", "1"}}).replica(), id) << "the board is remembered";
  EXPECT_NE(file.open({{"file", "1"}, {"board", "q"}}).replica(), id);
}

TEST(Identity, OfAnEnvironmentOnlyHashesAreKept) {
  const KnownEnvironment known = hashed({{"machine", "secret"}, {"file", ""}});
  const Bytes bytes = encode(known);
  EXPECT_EQ(as_text(bytes).find("secret"), std::string_view::npos);
  EXPECT_EQ(decode_environment(bytes), known);
  EXPECT_EQ(decode_environment({}), KnownEnvironment{});
  for (std::size_t cut = 1; cut < bytes.size(); ++cut)
    EXPECT_FALSE(decode_environment(ByteView(bytes).first(cut))) << cut;
}

TEST(Identity, ABackupHoldsAllAndIsAReplicaOfItsOwnWhenItIsOpened) {
  Opened original;
  const ScopeId id = state_scope(*original);
  for (int i = 0; i < 2000; ++i) set(*original, id, "k/" + std::to_string(i), std::string(100, 'v'));
  flush(*original);
  TempDir elsewhere;
  const std::string path = elsewhere.file("copy.db");
  original->backup(path).value();
  set(*original, id, "after", 1);
  flush(*original);
  EXPECT_TRUE(original->backup(path).error().is(Errc::invalid_argument)) << "it is never written over";

  Xoshiro random(3);
  const auto open = [&] {
    Options options;
    options.path = path;
    return Store::open(std::move(options), random, at_ms(0)).value();
  };
  auto copy = open();
  ASSERT_TRUE(copy->renamed());
  EXPECT_EQ(copy->renamed()->before, original->replica());
  EXPECT_NE(copy->replica(), original->replica());
  EXPECT_EQ(contents(*copy, id).size(), 2000u);
  EXPECT_THAT(findings(*copy), IsEmpty());
  const ReplicaId once = copy->replica();
  copy.reset();
  EXPECT_EQ(open()->replica(), once);
}

TEST(Lineage, KnowsItsOwnStampsAcrossOpensAndRefusesThoseOfACopy) {
  Opened file;
  const std::string path = file.path();
  const ScopeId id = state_scope(*file);
  std::vector<crdt::Stamp> own{set(*file, id, "a", 1).stamp};
  flush(*file);
  file.reopen();
  own.push_back(set(*file, id, "a", 2).stamp);
  flush(*file);
  file.close();
  TempDir elsewhere;
  std::filesystem::copy_file(path, elsewhere.file());
  Xoshiro other(99);
  Options options;
  options.path = elsewhere.file();
  auto copy = Store::open(std::move(options), other, at_ms(0)).value();
  std::vector<crdt::Stamp> foreign;
  for (int i = 0; i < 64; ++i) foreign.push_back(set(*copy, id, "a", i, 50 + i).stamp);
  file.reopen();
  own.push_back(set(*file, id, "a", 3).stamp);
  for (const crdt::Stamp stamp : own) EXPECT_TRUE(file->minted(file->replica(), stamp));
  const auto refused =
      std::count_if(foreign.begin(), foreign.end(), [&](auto stamp) { return !file->minted(file->replica(), stamp); });
  EXPECT_GE(refused, 62) << "of 64, one in 4,096 by chance";
  EXPECT_FALSE(file->minted(file->replica(), 1));
}

TEST(Lineage, OfACopyMadeWhileTheOriginalRanRefusesWhatThatWroteLater) {
  Opened file;
  const ScopeId id = state_scope(*file);
  const crdt::Stamp own = set(*file, id, "a", 1).stamp;
  flush(*file);
  TempDir elsewhere;
  for (const std::string suffix : {"", "-wal"})
    std::filesystem::copy_file(file.path() + suffix, elsewhere.file() + suffix);
  std::vector<crdt::Stamp> foreign;
  for (int i = 0; i < 64; ++i) foreign.push_back(set(*file, id, "a", i, 50 + i).stamp);

  Xoshiro other(99);
  Options options;
  options.path = elsewhere.file();
  auto copy = Store::open(std::move(options), other, at_ms(0)).value();
  set(*copy, id, "a", 2, 500);  // later than all that
  const auto refused =
      std::count_if(foreign.begin(), foreign.end(), [&](auto stamp) { return !copy->minted(copy->replica(), stamp); });
  EXPECT_GE(refused, 62);
  EXPECT_TRUE(copy->minted(copy->replica(), own));
}

TEST(Lineage, ForgetsTheOldestAndThenTrustsWhatIsOlder) {
  crdt::Lineage lineage;
  const ReplicaId self{};
  for (std::uint64_t i = 1; i <= crdt::Lineage::rows_max + 1; ++i) lineage.add({self, i << 20, {i, i}});
  EXPECT_EQ(lineage.rows().size(), crdt::Lineage::rows_max);
  EXPECT_TRUE(lineage.minted(self, 1 << 20));
  int taken = 0;
  for (crdt::Stamp stamp = 5 << 20; stamp < (5 << 20) + 4096; ++stamp) taken += lineage.minted(self, stamp) ? 1 : 0;
  EXPECT_EQ(taken, 1) << "of all tags one is right";
}

/// A file with everything that a new id must take along.
ScopeId write_all(Store& store) {
  const ScopeId id = state_scope(store);
  for (int i = 0; i < 50; ++i) set(store, id, "k/" + std::to_string(i), i, i);
  flush(store);
  store.commit(id, Edit().erase("k/1").erase_prefix("k/2").add("n", 5).insert("set", 7).ops(), at_ms(100)).value();
  set(store, id, "k/3", "again", 101);
  store.keep_history(id, 10);
  const ScopeId records = store.open_scope(Plane::stream, "t").value();
  store.define_stream(records, {{{"v", ColumnType::i64}}}, false).value();
  store.append(records, std::vector<Record>(30, Record{0, at_ms(1), {std::int64_t{1}}})).value();
  flush(store);
  store.commit(id, Edit().add("n", 6).ops(), at_ms(102)).value();
  flush(store);
  return id;
}

std::uint64_t records_of(Store& store) {
  std::uint64_t count = 0;
  const ScopeId id = store.open_scope(Plane::stream, "t").value();
  for (const StoredSegment& segment : store.segments(id, store.replica(), 0, 1 << 20).value()) count += segment.count;
  return count;
}

TEST(Reidentify, SaysEverythingAgainThatIsNotStable) {
  Opened file;
  const ScopeId id = write_all(*file);
  const auto before = contents(*file, id);
  const ReplicaId old = file->replica(), fresh{{std::byte{5}}};
  const crdt::Stamp last = file->context(id)[old];
  const Renamed renamed = file->reidentify(fresh, file->replica(), "a test", false).value();
  EXPECT_EQ(renamed.before, old);
  EXPECT_EQ(file->replica(), fresh);
  EXPECT_THAT(file->selves(), ElementsAre(fresh, old));
  EXPECT_EQ(contents(*file, id), before);
  EXPECT_EQ(file->context(id)[old], 0u);
  EXPECT_EQ(file->context(id)[fresh], last) << "with the same stamps";
  EXPECT_EQ(records_of(*file), 30u);
  EXPECT_THAT(findings(*file), IsEmpty());
  set(*file, id, "k/4", "more", 200);
  file->commit(id, Edit().add("n", 1).ops(), at_ms(201)).value();
  flush(*file);
  EXPECT_EQ(get(*file, id, "n"), Value(std::int64_t{12}));
  file.reopen();
  EXPECT_EQ(file->replica(), fresh);
  EXPECT_EQ(get(*file, id, "n"), Value(std::int64_t{12}));
  EXPECT_TRUE(file->minted(file->replica(), last)) << "stamps keep their tags";
  EXPECT_THAT(findings(*file), IsEmpty());
  Opened peer(2);
  const ScopeId at_peer = state_scope(*peer);
  pull(*peer, at_peer, *file, id);
  EXPECT_EQ(contents(*peer, at_peer), contents(*file, id));
  EXPECT_EQ(peer->summary(at_peer), file->summary(id));
}

TEST(Reidentify, KeepsWhatIsStable) {
  Opened file;
  const ScopeId id = write_all(*file);
  const ReplicaId old = file->replica(), fresh{{std::byte{5}}};
  const ScopeId records = file->open_scope(Plane::stream, "t").value();
  file->note_acked(id, file->context(id), file->context(id));
  file->note_acked(records, file->context(records), file->context(records));
  const crdt::Context context = file->context(id);
  set(*file, id, "new", 1, 300);
  file->commit(id, Edit().add("n", 100).ops(), at_ms(301)).value();
  flush(*file);
  const auto before = contents(*file, id);
  file->reidentify(fresh, file->replica(), "a test", false).value();
  EXPECT_EQ(file->context(id)[old], context[old]);
  EXPECT_EQ(contents(*file, id), before);
  EXPECT_EQ(file->pending(id).value().count, 2u);
  EXPECT_EQ(records_of(*file), 0u) << "they are the former id's, for good";
  EXPECT_THAT(findings(*file), IsEmpty());
}

TEST(Reidentify, IsDoneWholeOrNotAtAllWhateverFails) {
  FailingVfs vfs("identity");
  for (int nth = 1; nth < 12; ++nth) {
    for (const bool kept : {false, true}) {
      Opened file(1, vfs.name());
      const ScopeId id = write_all(*file);
      const auto before = contents(*file, id);
      const ReplicaId old = file->replica(), fresh{{std::byte{5}}};
      vfs.fail(kept ? FailingVfs::Call::sync : FailingVfs::Call::write, nth, kept ? SQLITE_IOERR_FSYNC : SQLITE_FULL,
               false, kept);
      const auto renamed = file->reidentify(fresh, file->replica(), "a test", false);
      vfs.heal();
      EXPECT_EQ(file->replica(), renamed ? fresh : old) << nth;
      EXPECT_EQ(contents(*file, id), before) << nth;
      EXPECT_THAT(findings(*file), IsEmpty()) << nth;
      if (!renamed) file->reidentify(fresh, file->replica(), "again", false).value();
      file.reopen();
      EXPECT_EQ(file->replica(), fresh);
      EXPECT_EQ(contents(*file, id), before) << nth;
      EXPECT_EQ(records_of(*file), 30u);
      EXPECT_THAT(findings(*file), IsEmpty()) << nth;
    }
  }
}

/// Whether the new id is on the disk is not known while the file cannot be opened.
TEST(Reidentify, WhatIsAcceptedBeforeTheFileIsOpenAgainFailsAndLeavesNothing) {
  FailingVfs vfs("meanwhile");
  Opened file(1, vfs.name());
  const ScopeId id = write_all(*file);
  const ScopeId records = file->open_scope(Plane::stream, "t").value();
  const std::vector<Record> rows(5, Record{0, at_ms(1), {std::int64_t{1}}});
  const ReplicaId fresh{{std::byte{5}}};
  const std::string away = file.path() + ".away";
  vfs.before_sync([&] { std::filesystem::rename(file.path(), away); });
  vfs.fail(FailingVfs::Call::sync, 1, SQLITE_IOERR_FSYNC, false, true);
  ASSERT_FALSE(file->reidentify(fresh, file->replica(), "a test", false));
  vfs.before_sync({});
  file->note_acked(id, file->context(id), {});  // something to write
  auto batch = file->begin_flush();
  set(*file, id, "meanwhile", 1, 10'000'000);  // by a clock that is set back then
  EXPECT_FALSE(file->append(records, rows)) << "nobody knows the next number";
  file->write(*batch);
  EXPECT_TRUE(file->finish(std::move(batch)).error);
  std::filesystem::rename(away, file.path());
  EXPECT_TRUE(file->pending(id));  // opens it
  EXPECT_EQ(file->replica(), fresh);
  auto late = file->begin_flush();
  file->write(*late);
  EXPECT_TRUE(file->finish(std::move(late)).error.value().is(Errc::identity_clash));
  set(*file, id, "later", 3, 201);
  file->append(records, rows).value();
  flush(*file);
  EXPECT_EQ(get(*file, id, "meanwhile"), Value());
  EXPECT_EQ(get(*file, id, "n"), Value(std::int64_t{11}));
  EXPECT_EQ(records_of(*file), 35u);
  EXPECT_EQ(file->context(records)[fresh], 35u);
  EXPECT_THAT(findings(*file), IsEmpty());
  Opened peer(2);
  const ScopeId at_peer = state_scope(*peer);
  pull(*peer, at_peer, *file, id);
  EXPECT_EQ(contents(*peer, at_peer), contents(*file, id));
}

}  // namespace
}  // namespace edgesync::store
