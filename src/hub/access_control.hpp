// SPDX-License-Identifier: Apache-2.0
// AccessControl: a hub's authorizer by its access list. The list is read once and then followed; what a change takes
// away, or gives, reaches the links that it concerns by ending them. The authorizer's calls come from inside the core:
// nothing here calls the core while it holds the lock.
#pragma once

#include "hub/access_table.hpp"
#include "node/core.hpp"
#include "node/follower.hpp"

#include <mutex>

namespace edgesync {

class AccessControl : public std::enable_shared_from_this<AccessControl> {
 public:
  /// `otherwise` is asked about whom the list does not know.
  explicit AccessControl(Authorizer otherwise) : otherwise_(std::move(otherwise)) {}
  /// Refuses everybody until begin().
  Authorizer authorizer();
  /// Reads the list, and follows it as long as the result is kept.
  Result<std::unique_ptr<node::Follower>> begin(const std::shared_ptr<node::Core>& core);

 private:
  struct Enrollment {
    std::string key{}, name{}, claim{};
  };

  bool connect(const Credentials& credentials);
  Access access(const Credentials& credentials, Plane plane, std::string_view scope) const;
  void changed(const std::string& key);
  // On the follower's thread.
  Result<void> write_enrollments(State& list);
  Result<void> follow(const State& list);
  Result<void> read(const State& list, const std::set<std::string>& changed);
  Result<void> read_all(const State& list);
  void tell(std::vector<Error> problems, const std::set<std::string>& concerned) const;

  const Authorizer otherwise_;
  std::weak_ptr<node::Core> core_{};
  node::Follower::Wake wake_{};

  mutable std::mutex mutex_;
  hub::AccessTable table_{};
  std::vector<Enrollment> enrollments_{};  // not yet in the list
  std::set<std::string> changed_{""};      // keys of the list; "": any
};

}  // namespace edgesync
