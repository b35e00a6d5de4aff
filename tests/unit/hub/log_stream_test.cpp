// SPDX-License-Identifier: Apache-2.0
// A log as a stream: which lines are kept, how soon, and what a logging library must never see.
#include <edgesync/log_stream.hpp>

#include "fleet.hpp"

#include <gmock/gmock.h>

#include <thread>

namespace edgesync {
namespace {

using testing::ElementsAre;

class Logs : public Fleet {
 protected:
  static std::vector<std::vector<Value>> lines(const Stream& stream, const ReplicaId& origin) {
    std::vector<std::vector<Value>> lines;
    for (const Record& record : stream.read(origin).value().records) lines.push_back(record.fields);
    return lines;
  }
  static std::vector<Value> line(std::int64_t severity, std::string logger, std::string message) {
    return {severity, std::move(logger), std::move(message)};
  }
};

TEST_F(Logs, ReachTheHubInTheirOrder) {
  Hub hub = open_hub();
  Node node = open_node();
  const LogStream log = LogStream::open(node, "logs/gw", {.least = Severity::info}).value();
  const Timestamp at = to_timestamp(std::chrono::system_clock::time_point(1'500ms));
  log.write({at, Severity::debug, "net", "not kept"});
  log.write({at, Severity::info, "net", "up"});
  log.write({at, static_cast<Severity>(10), "net", "between info and warn"});
  log.write({at, Severity::fatal, "", "down"});
  node.link(to_hub()).value();
  node.flush(20s).value();
  const Stream received = hub.stream("logs/gw");
  EXPECT_THAT(lines(received, node.id()),
              ElementsAre(line(9, "net", "up"), line(10, "net", "between info and warn"), line(21, "", "down")));
  EXPECT_EQ(received.read(node.id()).value().records[0].at, Timestamp(1'500'000us));
  EXPECT_EQ(log.lost(), 0U);
}

TEST_F(Logs, OfASevereKindAreDurableWhenTheyAreWritten) {
  Node node = Node::open({.database = file("node.db"), .batch_delay = 1h}).value();
  const LogStream log = LogStream::open(node, "logs").value();
  log.write({{}, Severity::warn, "a", "waits for others"});
  EXPECT_EQ(log.stream().counts().value().produced, 0U);
  log.write({{}, Severity::error, "a", "takes it along"});
  EXPECT_EQ(log.stream().counts().value().produced, 2U);
}

TEST_F(Logs, CutALongMessageBetweenCharacters) {
  Node node = open_node();
  const LogStream log = LogStream::open(node, "logs").value();
  std::string message;
  while (message.size() < 70'000) message += "\xe2\x82\xac";  // three bytes each
  log.write({{}, Severity::error, "a", message});
  const std::string kept = std::get<std::string>(lines(log.stream(), node.id()).at(0).at(2));
  EXPECT_EQ(kept, message.substr(0, 65'535));
}

TEST_F(Logs, CountWhatCannotBeKept) {
  Node node = open_node();
  const LogStream log = LogStream::open(node, "logs").value();
  node.close();
  log.write({{}, Severity::error, "a", "nobody keeps it"});
  EXPECT_EQ(log.lost(), 1U);
}

TEST_F(Logs, NeedAStreamOfTheirOwn) {
  Node node = open_node();
  node.stream("t", {.columns = {{"n", i64}}}).append({1}).value();
  EXPECT_TRUE(LogStream::open(node, "t").error().is(Errc::type_mismatch));
  EXPECT_TRUE(LogStream::open(node, "a//b").error().is(Errc::invalid_argument));
}

TEST_F(Logs, AreWrittenByManyThreads) {
  Node node = open_node();
  const LogStream log = LogStream::open(node, "logs").value();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 500; ++n) log.write({{}, n % 100 == 0 ? Severity::error : Severity::info, "t", "x"});
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(log.stream().read(1, 10'000).value().records.size(), 2'000U);
}

}  // namespace
}  // namespace edgesync
