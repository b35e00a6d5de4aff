// SPDX-License-Identifier: Apache-2.0
#include "ops.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace program {
namespace {

struct Named {
  std::string_view name;
  Op op;
};

constexpr std::array ops = {
    Named{"state.transact", state_transact},
    Named{"state.get", state_get},
    Named{"state.scan", state_scan},
    Named{"config.publish", config_publish},
    Named{"config.get", config_get},
    Named{"config.history", config_history},
    Named{"config.diff", config_diff},
    Named{"config.rollback", config_rollback},
    Named{"config.rollout", config_rollout},
    Named{"config.confirm", config_confirm},
    Named{"config.unhealthy", config_unhealthy},
    Named{"config.tag", config_tag},
    Named{"config.untag", config_untag},
    Named{"config.pin", config_pin},
    Named{"config.uses", config_uses},
    Named{"stream.open", stream_open},
    Named{"stream.append", stream_append},
    Named{"stream.read", stream_read},
    Named{"stream.aggregate", stream_aggregate},
    Named{"stream.consume", stream_consume},
    Named{"stream.commit", stream_commit},
    Named{"subscribe", subscribe},
    Named{"unsubscribe", unsubscribe},
    Named{"digest", digest},
    Named{"status", status},
    Named{"flush", flush},
    Named{"watch", watch},
    Named{"backup", backup},
    Named{"link", link},
    Named{"unlink", unlink},
    Named{"close", close},
};

Answer run(Session& session, Fields& fields) {
  const std::string name = fields.text("op");
  const auto found = std::find_if(ops.begin(), ops.end(), [&](const Named& entry) { return entry.name == name; });
  if (found != ops.end()) return found->op(session, fields);
  if (!name.empty()) fields.fail("op", "unknown op '" + name + "'");
  auto checked = fields.check();
  return checked ? invalid("op", "empty") : checked.error();
}

json::object failed(json::object out, const es::Error& error) {
  out["ok"] = false;
  out["error"] = from_error(error);
  return out;
}

}  // namespace

Answer perform(Session& session, std::string_view line) {
  const auto request = parse(line);
  if (!request) return request.error();
  const json::object* object = request->if_object();
  if (object == nullptr) return invalid("request", "not an object");
  Fields fields(*object);
  return run(session, fields);
}

json::object answer(Session& session, std::string_view line) {
  const auto request = parse(line);
  if (!request) return failed({}, request.error());
  const json::object* object = request->if_object();
  if (object == nullptr) return failed({}, invalid("request", "not an object"));
  Fields fields(*object);
  json::object out;
  const json::value* id = fields.find("id");
  if (id == nullptr) return failed({}, invalid("id", "missing"));
  out["id"] = *id;
  Answer result = run(session, fields);
  if (!result) return failed(std::move(out), result.error());
  out["ok"] = true;
  for (auto& [name, value] : *result) out[name] = std::move(value);
  return out;
}

}  // namespace program
