// SPDX-License-Identifier: Apache-2.0
// Two engines on real database files, joined by hand: the test decides when a frame crosses, when a disk commits and
// what time it is.
#pragma once

#include "sync/engine.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

namespace edgesync::sync {

inline Authorizer allow_all() {
  Authorizer authorizer;
  authorizer.connect = [](const Credentials& credentials) { return credentials.token == "good"; };
  authorizer.scope = [](const Credentials&, Plane, std::string_view scope) {
    if (scope.starts_with("secret")) return Access::none;
    return scope.starts_with("readonly") ? Access::read : Access::read_write;
  };
  return authorizer;
}

/// One side.
struct Side {
  Side(const std::filesystem::path& path, Role role, std::uint64_t seed, const Limits& limits = {}, bool relay = false,
       const std::function<void(EngineOptions&)>& adjust = {})
      : random(seed) {
    store::Options options;
    options.path = path.string();
    store = store::Store::open(std::move(options), random, Timestamp{}).value();
    EngineOptions engine_options;
    engine_options.name = role == Role::hub ? "hub" : "node";
    engine_options.root = role == Role::hub && !relay;
    engine_options.limits = limits;
    if (role == Role::hub) engine_options.authorizer = allow_all();
    if (adjust) adjust(engine_options);
    engine = std::make_unique<Engine>(*store, random, std::move(engine_options));
    for (const store::Scope& scope : store->scopes()) engine->scope_opened(scope.id).value();
  }

  store::ScopeId open(Plane plane, std::string_view name) {
    const store::ScopeId scope = store->open_scope(plane, name).value();
    engine->scope_opened(scope).value();
    return scope;
  }

  /// One group commit, if anything is accepted. Answers versions that are put to the application.
  bool commit() {
    if (store->accepted() == store->durable()) return false;
    auto batch = store->begin_flush();
    store->write(*batch);
    engine->flushed(store->finish(std::move(batch)));
    for (ConfigPlane::Action& action : engine->config().take_actions())
      if (action.kind == config::Action::Kind::ask)
        engine->config().verdict(action.scope, action.release.manifest.info(), verdict, "test").value();
    return true;
  }

  std::optional<Value> get(store::ScopeId scope, std::string_view key) {
    std::optional<Value> value;
    store
        ->read(scope,
               [&](crdt::CellSource& cells) {
                 if (auto shown = crdt::show(cells, key)) value = shown->value;
               })
        .value();
    return value;
  }

  Xoshiro random;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<Engine> engine;
  std::optional<LinkId> link;
  Verdict verdict = Verdict::healthy;
};

class Pair : public testing::Test {
 protected:
  Pair() {
    directory_ = std::filesystem::temp_directory_path() / ("edgesync-pair-" + std::to_string(::getpid()));
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    open_both();
  }
  ~Pair() override {
    node.reset();
    hub.reset();
    std::filesystem::remove_all(directory_);
  }

  void open_both() {
    hub = std::make_unique<Side>(directory_ / "hub.db", Role::hub, 1, limits);
    node = std::make_unique<Side>(directory_ / "node.db", Role::node, 2, limits, false, adjust_node);
  }
  void reopen() {
    hub.reset(), node.reset();
    open_both();
  }

  void connect(std::string token = "good") {
    hub->link = hub->engine->open_link(Role::hub, {{}, "pair"}, now);
    node->link = node->engine->open_link(Role::node, {std::move(token), "pair"}, now, {{}, pacing});
  }
  void disconnect() {
    for (Side* side : {hub.get(), node.get()})
      if (side->link) side->engine->closed(*std::exchange(side->link, {}), {Errc::unreachable, "cut"}, now);
  }

  /// Carries one frame from `from` to `to`; false if there was none.
  bool carry(Side& from, Side& to) {
    if (!from.link || !to.link) return false;
    const auto frame = from.engine->next_frame(*from.link, now);
    if (!frame) return false;
    ++frames;
    to.engine->received(*to.link, *frame, now);
    return true;
  }

  /// Runs until nothing moves any more.
  void settle(int rounds = 10'000) {
    for (bool moved = true; moved && rounds > 0; --rounds) {
      moved = carry(*node, *hub);
      moved |= carry(*hub, *node);
      moved |= hub->commit();
      moved |= node->commit();
      if (!moved) moved = pass_a_moment();
    }
    ASSERT_GT(rounds, 0) << "the two never came to rest";
  }

  /// Time goes on by up to a few milliseconds, if one of the two waits for that.
  bool pass_a_moment() {
    const Instant due = std::min(hub->engine->deadline(), node->engine->deadline());
    if (due > now.monotonic + std::chrono::milliseconds(10)) return false;
    now.monotonic = std::max(now.monotonic, due);
    hub->engine->tick(now), node->engine->tick(now);
    return true;
  }

  crdt::Stamp set(Side& side, store::ScopeId scope, std::string_view key, Value value) {
    const Edit edit = Edit().set(key, std::move(value));
    return side.store->commit(scope, edit.ops(), now.wall).value().stamp;
  }

  std::filesystem::path file(const std::string& name) const { return directory_ / name; }
  std::filesystem::path path(Role role) const { return directory_ / (role == Role::hub ? "hub.db" : "node.db"); }

  Limits limits{};
  Pacing pacing{};  ///< Of the node's links.
  Now now{Instant(std::chrono::hours(1)), Timestamp(std::chrono::hours(24 * 365 * 56))};
  std::function<void(EngineOptions&)> adjust_node{};
  std::unique_ptr<Side> hub, node;
  int frames = 0;

 private:
  std::filesystem::path directory_;
};

inline bool has_event(const std::vector<Event>& events, EventKind kind) {
  for (const Event& event : events)
    if (event.kind == kind) return true;
  return false;
}

}  // namespace edgesync::sync
