// SPDX-License-Identifier: Apache-2.0
// Requests of the stream plane that read. A row is [unix_us, field...] with the fields in the order of the columns.
#include "ops.hpp"

namespace program {

Answer stream_read(Session& session, Fields& fields) {
  const std::string scope = fields.text("scope");
  const std::string origin = fields.text_or("origin", es::to_string(session.node().id()));
  const std::uint64_t from = fields.number_or("from", 1);
  const std::uint64_t limit = fields.number_or("limit", 1000);
  if (auto checked = fields.check(); !checked) return checked.error();
  const auto replica = to_replica(origin, "origin");
  if (!replica) return replica.error();
  auto read = session.node().stream(scope).read(*replica, from, limit);
  if (!read) return read.error();
  json::array rows;
  for (const es::Record& record : read->records) rows.push_back(from_record(record));
  json::object out;
  out["rows"] = std::move(rows);
  out["gaps"] = from_gaps(read->gaps);
  if (!read->records.empty()) {
    out["first"] = read->records.front().sequence;
    out["last"] = read->records.back().sequence;
  }
  return out;
}

Answer stream_aggregate(Session& session, Fields& fields) {
  const std::string scope = fields.text("scope");
  const std::string column = fields.text("column");
  const std::string origin = fields.text_or("origin", "");
  if (auto checked = fields.check(); !checked) return checked.error();
  const es::Stream stream = session.node().stream(scope);
  auto found = es::Result<es::Aggregate>(es::Aggregate());
  if (origin.empty()) {
    found = stream.aggregate(column);
  } else {
    const auto replica = to_replica(origin, "origin");
    if (!replica) return replica.error();
    found = stream.aggregate(*replica, column);
  }
  if (!found) return found.error();
  return from_aggregate(*found);
}

/// What follows the consumer's last commit, again if nothing was committed since.
Answer stream_consume(Session& session, Fields& fields) {
  const std::string scope = fields.text("scope");
  const std::string name = fields.text("consumer");
  const std::uint64_t limit = fields.number_or("limit", 1000);
  if (auto checked = fields.check(); !checked) return checked.error();
  es::Consumer consumer = session.node().stream(scope).consumer(name);
  const auto delivery = consumer.next(limit);
  if (!delivery) return delivery.error();
  json::array origins;
  for (const es::OriginRecords& of : delivery->origins) {
    json::array rows;
    for (const es::Record& record : of.records) rows.push_back(from_record(record));
    json::object& line = origins.emplace_back(json::object()).get_object();
    line["origin"] = es::to_string(of.origin);
    line["last"] = of.last;
    line["rows"] = std::move(rows);
    line["gaps"] = from_gaps(of.gaps);
    line["trimmed"] = of.trimmed;
  }
  return json::object{{"origins", std::move(origins)}, {"upto", es::to_string(delivery->upto)}};
}

Answer stream_commit(Session& session, Fields& fields) {
  const std::string scope = fields.text("scope");
  const std::string name = fields.text("consumer");
  const std::string upto = fields.text("upto");
  if (auto checked = fields.check(); !checked) return checked.error();
  const auto cursor = es::parse_cursor(upto);
  if (!cursor) return cursor.error();
  es::Consumer consumer = session.node().stream(scope).consumer(name);
  if (auto committed = consumer.commit(*cursor); !committed) return committed.error();
  const auto behind = consumer.behind();
  if (!behind) return behind.error();
  return json::object{{"behind", *behind}};
}

}  // namespace program
