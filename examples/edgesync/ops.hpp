// SPDX-License-Identifier: Apache-2.0
// Requests: one JSON line in, one answer out. Each op reads its fields, checks them, and only then acts.
#pragma once

#include "fields.hpp"
#include "session.hpp"

#include <string_view>

namespace program {

using Answer = es::Result<json::object>;
using Op = Answer (*)(Session&, Fields&);

Answer state_transact(Session&, Fields&);
Answer state_get(Session&, Fields&);
Answer state_scan(Session&, Fields&);

Answer config_publish(Session&, Fields&);
Answer config_get(Session&, Fields&);
Answer config_history(Session&, Fields&);
Answer config_diff(Session&, Fields&);
Answer config_rollback(Session&, Fields&);
Answer config_rollout(Session&, Fields&);
Answer config_confirm(Session&, Fields&);
Answer config_tag(Session&, Fields&);
Answer config_untag(Session&, Fields&);
Answer config_pin(Session&, Fields&);
Answer config_uses(Session&, Fields&);
Answer config_unhealthy(Session&, Fields&);

Answer stream_open(Session&, Fields&);
Answer stream_append(Session&, Fields&);
Answer stream_read(Session&, Fields&);
Answer stream_aggregate(Session&, Fields&);
Answer stream_consume(Session&, Fields&);
Answer stream_commit(Session&, Fields&);

/// Does what a request without an id asks for.
Answer perform(Session& session, std::string_view line);

Answer subscribe(Session&, Fields&);
Answer unsubscribe(Session&, Fields&);
Answer digest(Session&, Fields&);
Answer status(Session&, Fields&);
Answer flush(Session&, Fields&);
Answer watch(Session&, Fields&);
Answer backup(Session&, Fields&);
Answer link(Session&, Fields&);
Answer unlink(Session&, Fields&);
Answer close(Session&, Fields&);

/// The whole answer to one request line.
json::object answer(Session& session, std::string_view line);

}  // namespace program
