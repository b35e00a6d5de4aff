// SPDX-License-Identifier: Apache-2.0
#include "hub/access_control.hpp"

#include "hub/pattern.hpp"

namespace edgesync {

using Admission = hub::AccessTable::Admission;

Authorizer AccessControl::authorizer() {
  Authorizer authorizer;
  authorizer.connect = [self = shared_from_this()](const Credentials& credentials) {
    return self->connect(credentials);
  };
  authorizer.scope = [self = shared_from_this()](const Credentials& credentials, Plane plane, std::string_view scope) {
    return self->access(credentials, plane, scope);
  };
  authorizer.quota = [self = shared_from_this()](const Credentials& credentials, Plane plane, std::string_view scope) {
    return self->quota(credentials, plane, scope);
  };
  authorizer.signer = [self = shared_from_this()](const std::string& key, std::string_view stream) {
    return self->signer(key, stream);
  };
  return authorizer;
}

Result<std::unique_ptr<node::Follower>> AccessControl::begin(const std::shared_ptr<node::Core>& core) {
  core_ = core;
  auto scope = std::make_shared<node::ScopeHandle>(core, Plane::state, AccessList::scope);
  if (scope->bad) return *scope->bad;
  scope_ = scope->id;
  State list(std::move(scope));  // kept by the follower: here it would keep the core that keeps us
  const auto subscribe = [&](const node::Follower::Wake& wake) {
    wake_ = wake;
    std::vector<Subscription> subscriptions;
    subscriptions.push_back(
        list.on_change({}, [self = shared_from_this()](const Change& change) { self->changed(change.key); }));
    return subscriptions;
  };
  Result<void> first;
  auto follower =
      node::Follower::start(subscribe, {[self = shared_from_this(), list] { return self->follow(list); }}, first);
  if (follower && !first) return first.error();
  return follower;
}

Admission AccessControl::judge(const Credentials& credentials, Timestamp now) const {
  const std::lock_guard lock(mutex_);
  return table_.judge(credentials, now);
}

bool AccessControl::connect(const Credentials& credentials) {
  const auto core = core_.lock();
  if (!core) return false;
  switch (judge(credentials, core->time())) {
    case Admission::known:
      return true;
    case Admission::refused:
      return false;
    case Admission::claims:
      return core->is_root() && use_claim(*core, credentials);
    case Admission::stranger:
      break;
  }
  return otherwise_.connect && otherwise_.connect(credentials);
}

/// In the store before the device hears of it: no ack that it gets comes before the group commit that has its key.
bool AccessControl::use_claim(node::Core& core, const Credentials& credentials) {
  const std::string claim = hub::entry::claim_of(credentials.token);
  Edit edit;
  edit.set(hub::entry::of(hub::entry::key, credentials.key), credentials.name);
  edit.set(claim, hub::entry::claim_text({}, credentials.name));  // over; to erase it the file would have to be read
  const auto written = core.store().commit(scope_, edit.ops(), core.time());
  if (!written) return false;
  core.engine().commit_soon();
  {
    const std::lock_guard lock(mutex_);
    table_.use_claim(credentials.key, credentials.name, claim);
    work_.used.push_back(written->ticket);
  }
  wake_();
  return true;
}

Access AccessControl::access(const Credentials& credentials, Plane plane, std::string_view scope) const {
  {
    const std::lock_guard lock(mutex_);
    const Admission admission = table_.judge(credentials, {});
    if (admission == Admission::known) return table_.access(credentials, plane, scope);
    if (admission != Admission::stranger) return Access::none;
  }
  // Whoever is let in elsewhere has nothing to say about who is let in here.
  if (scope.starts_with(hub::reserved) || !otherwise_.scope) return Access::none;
  return otherwise_.connect && otherwise_.connect(credentials) ? otherwise_.scope(credentials, plane, scope)
                                                               : Access::none;
}

/// Of one that may write there.
ScopeQuota AccessControl::quota(const Credentials& credentials, Plane plane, std::string_view scope) const {
  {
    const std::lock_guard lock(mutex_);
    if (table_.judge(credentials, {}) == Admission::known) return table_.quota(credentials, plane, scope);
  }
  return otherwise_.quota ? otherwise_.quota(credentials, plane, scope) : ScopeQuota{};
}

std::optional<std::string> AccessControl::signer(const std::string& key, std::string_view stream) const {
  {
    const std::lock_guard lock(mutex_);
    if (table_.knows(key)) return table_.signer(key, stream);
  }
  return otherwise_.signer ? otherwise_.signer(key, stream) : std::nullopt;
}

void AccessControl::changed(const std::string& key) {
  {
    const std::lock_guard lock(mutex_);
    work_.changed.insert(key);
  }
  wake_();
}

void AccessControl::put_back(Work work) {
  const std::lock_guard lock(mutex_);
  work_.changed.merge(work.changed);
  work_.concerned.merge(work.concerned);
  work_.used.insert(work_.used.end(), work.used.begin(), work.used.end());
  work_.forget_used = work_.forget_used || work.forget_used;
}

/// Whatever is not done is left for the next attempt, whom it concerns included.
Result<void> AccessControl::follow(const State& list) {
  Work work{{}, {}, {}, false};
  {
    const std::lock_guard lock(mutex_);
    std::swap(work, work_);
  }
  try {
    settle(work);
    auto done = read(list, work);
    if (!done) put_back(std::move(work));
    return done;
  } catch (...) {  // no memory
    put_back(std::move(work));
    throw;
  }
}

/// A claim whose key is not on the disk was not used: its device has to come again.
void AccessControl::settle(Work& work) const {
  const auto core = core_.lock();
  if (!core) return;
  for (; !work.used.empty(); work.used.pop_back()) {
    auto lock = core->lock();
    if (!lock) return;
    if (core->settle(*lock, work.used.back())) continue;
    work.changed.insert("");
    work.forget_used = true;
  }
}

/// Makes the table what the list says, all that has changed at once, and ends the links that it concerns.
Result<void> AccessControl::read(const State& list, Work& work) {
  const bool all = work.changed.contains("");
  if (all) {
    const std::lock_guard lock(mutex_);
    if (work.forget_used) table_.forget_used();
  }
  Texts texts;
  for (const std::string& key : all ? std::set<std::string>{""} : work.changed) {
    const auto items = list.scan(key);
    if (!items) return items.error();
    if (!all) texts[key];
    for (const Item& item : *items)
      if (all || item.key == key) texts[item.key] = hub::texts_of(item);
  }
  apply(texts, all, work);
  if (const auto core = core_.lock(); core && !work.concerned.empty())
    core->authorize_again([&](const Credentials& credentials) {
      return work.concerned.contains(credentials.name) || work.concerned.contains(credentials.key);
    });
  return {};
}

void AccessControl::apply(const Texts& texts, bool all, Work& work) {
  std::vector<Error> problems;
  {
    const std::lock_guard lock(mutex_);
    hub::AccessTable table = all ? hub::AccessTable() : table_;
    if (all) table.keep_used(table_, work.concerned);
    for (const auto& [key, found] : texts)
      if (auto put = table.put(key, found, work.concerned); !put) problems.push_back(std::move(put).error());
    table_ = std::move(table);
  }
  tell(problems);
}

void AccessControl::tell(const std::vector<Error>& problems) const {
  const auto core = core_.lock();
  if (!core || problems.empty()) return;
  auto lock = core->lock();
  if (!lock) return;
  for (const Error& problem : problems) core->engine().report(EventKind::rejected, {}, {}, problem);
  core->stir(*lock);
}

}  // namespace edgesync
