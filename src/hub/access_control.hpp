// SPDX-License-Identifier: Apache-2.0
// AccessControl: a hub's authorizer by its access list. The list is read once and then followed; what a change takes
// away, or gives, reaches the links that it concerns by ending them. The authorizer's calls come from inside the core,
// with its lock held: nothing here waits for that lock while it holds its own.
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
  /// What is to be read again, and whom it concerns: names, and ids of keys.
  struct Work {
    std::set<std::string> changed{""};  ///< Keys of the list; "": any.
    std::set<std::string> concerned{};
    std::vector<store::Ticket> used{};  ///< Claims that are on their way to the disk.
    bool forget_used = false;           ///< One of them did not get there.
  };
  using Texts = std::map<std::string, std::vector<std::string>>;

  hub::AccessTable::Admission judge(const Credentials& credentials, Timestamp now) const;
  bool connect(const Credentials& credentials);
  bool use_claim(node::Core& core, const Credentials& credentials);
  Access access(const Credentials& credentials, Plane plane, std::string_view scope) const;
  ScopeQuota quota(const Credentials& credentials, Plane plane, std::string_view scope) const;
  std::optional<std::string> signer(const std::string& key, std::string_view stream) const;
  void changed(const std::string& key);
  void put_back(Work work);
  // On the follower's thread.
  Result<void> follow(const State& list);
  void settle(Work& work) const;
  Result<void> read(const State& list, Work& work);
  void apply(const Texts& texts, bool all, Work& work);
  void tell(const std::vector<Error>& problems) const;

  const Authorizer otherwise_;
  std::weak_ptr<node::Core> core_{};
  store::ScopeId scope_{};
  node::Follower::Wake wake_{};

  mutable std::mutex mutex_;
  hub::AccessTable table_{};
  Work work_{};
};

}  // namespace edgesync
