// SPDX-License-Identifier: Apache-2.0
// One stream through everything that can happen to it: each loss is counted under its reason, none stops the stream,
// and in the end the hub has every record or knows why it has not.
#include "sim/pair.hpp"
#include "sim/plain_db.hpp"

namespace edgesync::sim {
namespace {

class Misfortune : public Pair {
 protected:
  Misfortune() : Pair({2h, 1'000, Overflow::drop_oldest}) {}

  /// The stream goes on: so many more are produced, to the record.
  void goes_on() {
    const std::uint64_t before = counts().produced;
    append(10);
    edge.commit();
    ASSERT_NO_FATAL_FAILURE(check());
    ASSERT_EQ(counts().produced, before + 10);
  }
  /// Minutes of ten records a second.
  void live_for(int minutes) {
    for (int i = 0; i < minutes; ++i) {
      append(600);
      edge.commit();
      pass(60s);
    }
  }
  void spoil_a_segment() {
    edge.close();
    edge.disk->crash(false);
    {
      const FaultVfs vfs(*edge.disk);
      PlainDb db(vfs);
      db.run(
          "UPDATE sblk SET body = CAST(substr(body, 1, 6) || x'55' || substr(body, 8) AS BLOB) "
          "WHERE first = (SELECT max(first) FROM sblk)");
      ASSERT_EQ(db.code(), SQLITE_OK);
    }
    reopen(edge);
    edge.store->verify().value();
    edge.commit();
  }
};

TEST_F(Misfortune, OfAnyKindIsCountedAndNoneStopsTheStream) {
  connect();
  live_for(2);
  drain();
  disconnect();

  live_for(60);  // more than the quota holds
  EXPECT_GT(counts().drops.quota, 0U);
  ASSERT_NO_FATAL_FAILURE(goes_on());

  edge.close();  // which empties the log
  reopen(edge);
  edge.disk->faults.capacity = edge.disk->used();
  const std::uint64_t before = counts().produced;
  for (int i = 0; i < 20; ++i) {
    (void)try_append(600);
    edge.commit();
    ASSERT_NO_FATAL_FAILURE(check());
  }
  EXPECT_GT(edge.disk->struck()[Fault::disk_full], 0U);
  EXPECT_EQ(counts().produced, before);  // whoever appended was told
  edge.disk->faults = {};
  ASSERT_NO_FATAL_FAILURE(goes_on());

  append(600);
  cut_power(edge);  // promised to nobody
  ASSERT_NO_FATAL_FAILURE(goes_on());

  ASSERT_NO_FATAL_FAILURE(spoil_a_segment());
  EXPECT_GT(counts().drops.corrupt, 0U);
  ASSERT_NO_FATAL_FAILURE(goes_on());

  const std::uint64_t aged = counts().drops.age;
  const Timestamp right = now.wall;
  now.wall = Timestamp(0s);
  live_for(2);
  EXPECT_EQ(counts().drops.age, aged);
  ASSERT_NO_FATAL_FAILURE(goes_on());
  now.wall = right + 1'000'000h;
  ASSERT_NO_FATAL_FAILURE(goes_on());
  EXPECT_EQ(counts().drops.age, aged);  // whatever the wall clock says
  now.wall = right;
  pass(3h);
  edge.store->look_at_age(now.monotonic);
  edge.commit();
  EXPECT_GT(counts().drops.age, aged);
  ASSERT_NO_FATAL_FAILURE(goes_on());

  connect();
  drain();
  EXPECT_EQ(counts().pending, 0U);
  EXPECT_EQ(counts().produced, counts().delivered + counts().dropped);
  ASSERT_NO_FATAL_FAILURE(expect_all(last_at(edge)));
  EXPECT_EQ(hub.store->missing(scope(hub), edge.store->replica()), counts().drops);
}

}  // namespace
}  // namespace edgesync::sim
