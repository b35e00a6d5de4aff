// SPDX-License-Identifier: Apache-2.0
#include "hub/access_control.hpp"

namespace edgesync {

Authorizer AccessControl::authorizer() {
  Authorizer authorizer;
  authorizer.connect = [self = shared_from_this()](const Credentials& credentials) {
    return self->connect(credentials);
  };
  authorizer.scope = [self = shared_from_this()](const Credentials& credentials, Plane plane, std::string_view scope) {
    return self->access(credentials, plane, scope);
  };
  return authorizer;
}

Result<std::unique_ptr<node::Follower>> AccessControl::begin(const std::shared_ptr<node::Core>& core) {
  core_ = core;
  auto scope = std::make_shared<node::ScopeHandle>(core, Plane::state, AccessList::scope);
  if (scope->bad) return *scope->bad;
  State list(std::move(scope));  // kept by the follower: here it would keep the core that keeps us
  const auto subscribe = [&](const node::Follower::Wake& wake) {
    wake_ = wake;
    std::vector<Subscription> subscriptions;
    subscriptions.push_back(
        list.on_change({}, [self = shared_from_this()](const Change& change) { self->changed(change.key); }));
    return subscriptions;
  };
  const auto attempt = [self = shared_from_this(), list]() mutable -> Result<void> {
    if (auto written = self->write_enrollments(list); !written) return written;
    return self->follow(list);
  };
  Result<void> first;
  auto follower = node::Follower::start(subscribe, {attempt}, first);
  if (follower && !first) return first.error();
  return follower;
}

bool AccessControl::connect(const Credentials& credentials) {
  using Admission = hub::AccessTable::Admission;
  const auto core = core_.lock();
  if (!core) return false;
  const std::lock_guard lock(mutex_);
  switch (table_.judge(credentials, core->time())) {
    case Admission::known:
      return true;
    case Admission::refused:
      return false;
    case Admission::claims:
      if (!core->is_root()) return false;
      // In force at once, so that nobody else can use it; in the list as soon as that can be written.
      enrollments_.push_back({credentials.key, credentials.name, hub::entry::claim_of(credentials.token)});
      table_.use_claim(credentials.key, credentials.name, enrollments_.back().claim);
      wake_();
      return true;
    case Admission::stranger:
      break;
  }
  return otherwise_.connect && otherwise_.connect(credentials);
}

Access AccessControl::access(const Credentials& credentials, Plane plane, std::string_view scope) const {
  {
    const std::lock_guard lock(mutex_);
    if (table_.judge(credentials, {}) == hub::AccessTable::Admission::known)
      return table_.access(credentials, plane, scope);
  }
  return otherwise_.scope ? otherwise_.scope(credentials, plane, scope) : Access::none;
}

void AccessControl::changed(const std::string& key) {
  {
    const std::lock_guard lock(mutex_);
    changed_.insert(key);
  }
  wake_();
}

Result<void> AccessControl::write_enrollments(State& list) {
  for (;;) {
    Enrollment next;
    {
      const std::lock_guard lock(mutex_);
      if (enrollments_.empty()) return {};
      next = enrollments_.front();
    }
    Edit edit;
    edit.set(hub::entry::of(hub::entry::key, next.key), next.name);
    edit.erase(next.claim);
    if (auto written = list.commit(edit); !written) return std::move(written).error();
    const std::lock_guard lock(mutex_);
    enrollments_.erase(enrollments_.begin());
  }
}

Result<void> AccessControl::follow(const State& list) {
  std::set<std::string> changed;
  {
    const std::lock_guard lock(mutex_);
    changed.swap(changed_);
  }
  auto done = changed.contains("") ? read_all(list) : read(list, changed);
  if (done) return done;
  const std::lock_guard lock(mutex_);
  changed_.merge(changed);
  return done;
}

Result<void> AccessControl::read(const State& list, const std::set<std::string>& changed) {
  std::set<std::string> concerned;
  std::vector<Error> problems;
  for (const std::string& key : changed) {
    const auto items = list.scan(key);
    if (!items) return items.error();
    std::vector<std::string> texts;
    for (const Item& item : *items)
      if (item.key == key) texts = hub::texts_of(item);
    const std::lock_guard lock(mutex_);
    if (auto put = table_.put(key, texts, concerned); !put) problems.push_back(std::move(put).error());
  }
  tell(std::move(problems), concerned);
  return {};
}

Result<void> AccessControl::read_all(const State& list) {
  const auto items = list.scan();
  if (!items) return items.error();
  std::set<std::string> concerned;
  std::vector<Error> problems;
  hub::AccessTable table;
  for (const Item& item : *items)
    if (auto put = table.put(item.key, hub::texts_of(item), concerned); !put)
      problems.push_back(std::move(put).error());
  {
    const std::lock_guard lock(mutex_);
    for (const DeviceEntry& known : table_.devices()) concerned.insert(known.device.name);
    table.keep_used(table_);
    for (const Enrollment& one : enrollments_) table.use_claim(one.key, one.name, one.claim);
    table_ = std::move(table);
  }
  tell(std::move(problems), concerned);
  return {};
}

void AccessControl::tell(std::vector<Error> problems, const std::set<std::string>& concerned) const {
  const auto core = core_.lock();
  if (!core) return;
  if (!problems.empty()) {
    auto lock = core->lock();
    if (!lock) return;
    for (Error& problem : problems) core->engine().report(EventKind::rejected, {}, {}, std::move(problem));
    core->stir(*lock);
  }
  if (!concerned.empty())
    core->authorize_again([&](const Credentials& credentials) { return concerned.contains(credentials.name); });
}

}  // namespace edgesync
