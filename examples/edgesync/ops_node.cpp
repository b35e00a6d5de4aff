// SPDX-License-Identifier: Apache-2.0
// Requests about the node as a whole and its link.
#include "commands.hpp"
#include "ops.hpp"
#include "status.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace program {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::uint64_t flush_default_ms = 30'000;
constexpr std::uint64_t flush_max_ms = 24 * 3'600'000;
constexpr milliseconds flush_slice{200};  // A signal is noticed at least this often.

es::Result<es::Digest> digest_of(es::Node& node, es::Plane plane, const std::string& scope) {
  switch (plane) {
    case es::Plane::state:
      return node.state(scope).digest();
    case es::Plane::config:
      return node.config(scope).digest();
    case es::Plane::stream:
      return node.stream(scope).digest();
  }
  return invalid("plane", "unknown");
}

}  // namespace

Answer subscribe(Session& session, Fields& fields) {
  const es::Plane plane = fields.plane();
  const std::string scope = fields.text("scope");
  const es::StateOptions options{.history = 0, .progressive = fields.flag_or("progressive", false)};
  if (options.progressive && plane != es::Plane::state) fields.fail("progressive", "of a state scope only");
  if (auto checked = fields.check(); !checked) return checked.error();
  if (plane == es::Plane::config) session.config(scope);
  if (plane == es::Plane::state) session.node().state(scope, options);
  auto readable = digest_of(session.node(), plane, scope);
  if (!readable) return readable.error();
  return json::object();
}

Answer unsubscribe(Session& session, Fields& fields) {
  const es::Plane plane = fields.plane();
  const std::string scope = fields.text("scope");
  const bool discard = fields.flag_or("discard", false);
  if (auto checked = fields.check(); !checked) return checked.error();
  const auto unsent = discard ? es::Node::Unsent::discard : es::Node::Unsent::refuse;
  if (auto gone = session.node().unsubscribe(plane, scope, unsent); !gone) return gone.error();
  return json::object();
}

Answer digest(Session& session, Fields& fields) {
  const es::Plane plane = fields.plane();
  const std::string scope = fields.text("scope");
  if (auto checked = fields.check(); !checked) return checked.error();
  auto digest = digest_of(session.node(), plane, scope);
  if (!digest) return digest.error();
  return from_digest(*digest);
}

Answer status(Session& session, Fields& fields) {
  if (auto checked = fields.check(); !checked) return checked.error();
  json::object out = from_status(session.node().status());
  out["metrics"] = from_metrics(session.node().metrics());
  return out;
}

Answer flush(Session& session, Fields& fields) {
  const std::uint64_t timeout_ms = fields.number_or("timeout_ms", flush_default_ms);
  if (timeout_ms > flush_max_ms) fields.fail("timeout_ms", "more than a day");
  if (auto checked = fields.check(); !checked) return checked.error();
  const auto deadline = steady_clock::now() + milliseconds(timeout_ms);
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
    const auto slice = std::clamp(left, milliseconds(0), flush_slice);
    auto flushed = session.node().flush(slice);
    if (flushed) return json::object();
    if (!flushed.error().is(es::Errc::timed_out) || session.ended() || left <= slice) return flushed.error();
  }
}

Answer backup(Session& session, Fields& fields) {
  const std::string to = fields.text("to");
  if (auto checked = fields.check(); !checked) return checked.error();
  if (auto copied = session.node().backup(to); !copied) return copied.error();
  return json::object();
}

Answer link(Session& session, Fields& fields) {
  es::LinkOptions options;
  options.url = fields.text("url");
  const std::string token = fields.text_or("token", "");
  options.tls.ca_file = fields.text_or("ca", "");
  const std::string key_file = fields.text_or("key", "");
  const std::uint64_t interval_ms = fields.number_or("sync_interval_ms", 0);
  options.sync_interval = std::chrono::milliseconds(std::min<std::uint64_t>(interval_ms, UINT32_MAX));
  options.bandwidth = fields.number_or("bandwidth", 0);
  options.backfill_share = static_cast<unsigned>(
      std::min<std::uint64_t>(fields.number_or("backfill_share", options.backfill_share), UINT32_MAX));
  if (auto checked = fields.check(); !checked) return checked.error();
  if (!key_file.empty()) {
    auto key = read_key(key_file);
    if (!key) return key.error();
    options.key = std::move(*key);
  }
  if (auto linked = session.link(std::move(options), token); !linked) return linked.error();
  return json::object();
}

Answer unlink(Session& session, Fields& fields) {
  if (auto checked = fields.check(); !checked) return checked.error();
  session.node().unlink();
  return json::object();
}

Answer close(Session& session, Fields& fields) {
  if (auto checked = fields.check(); !checked) return checked.error();
  session.close();
  return json::object();
}

}  // namespace program
