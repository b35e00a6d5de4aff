// SPDX-License-Identifier: Apache-2.0
// AccessList: who may do what at a hub that was opened with HubOptions::access. A device is known by the key that it
// holds (LinkOptions::key), or by its certificate; it has roles, and a role has rules. What no rule allows is denied.
//
// The list is a state scope, "edgesync/access". So it merges, is kept with the hub's data, reaches relays, which go by
// it as well, and may be edited on any node that a rule lets write there, without a network, too. What it takes away
// ends at once: links that rest on it are ended by the hub. Thread safety: any member from any thread.
//
//   AccessList access(hub);
//   access.allow("gateway", {Access::read_write, {}, "plant/{name}/*"});
//   const std::string code = access.claim({"gw-17", {"gateway"}}, now + 24h).value();   // for the device's first link
#pragma once

#include <edgesync/node.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace edgesync {

/// Lets the holders of a role do something.
struct AccessRule {
  Access access = Access::read;
  std::optional<Plane> plane{};  ///< Nothing: all three.
  /// A scope's name, a prefix ending in "/*", or "*". "{name}" stands for the device's name, "{tenant}" for its tenant.
  /// A rule grants nothing to whom it names nothing: no tenant, or a name or tenant that has '/' or '*' in it. A scope
  /// below "edgesync/", such as this list, is granted by its very name only.
  std::string scopes{};
  /// Bytes (ScopeStatus::bytes) that all scopes which this lets one device write to may hold together, and so all that
  /// a tenant's devices write to if it names "{tenant}" alone; see Authorizer::quota. 0: any number. Of several rules
  /// that let a device write to a scope, the one with most counts.
  std::uint64_t quota = 0;
  bool operator==(const AccessRule&) const = default;
};

/// "rw state plant/{name}/*": "ro", "own" (Access::write_own) or "rw", these two with a quota behind it if there is
/// one, as in "rw:256M" (bytes; K, M or G for 1,024 of what is before); "*" for all planes.
EDGESYNC_EXPORT std::string to_string(const AccessRule& rule);
/// Fails with: invalid_argument.
EDGESYNC_EXPORT Result<AccessRule> access_rule(std::string_view text);

/// Who is to be let in.
struct Device {
  std::string name{};                ///< As its NodeOptions::name: a path of at most 256 bytes.
  std::vector<std::string> roles{};  ///< Names of one segment and at most 64 bytes; at least one.
  std::string tenant{};              ///< As a role; empty: none.
};

/// What the list says of one.
struct DeviceEntry {
  Device device{};
  std::vector<std::string> keys{};  ///< Ids, see SigningKey::id(). None, and no certificate either: not yet enrolled.
};

class EDGESYNC_EXPORT AccessList {
 public:
  /// On a hub, or on a node that is linked to one and may write to the scope.
  explicit AccessList(Node& node) : list_(node.state(scope)) {}
  static constexpr const char* scope = "edgesync/access";

  /// Edits are durable when they return. All fail with: invalid_argument, storage_*.
  Result<Commit> allow(std::string_view role, const AccessRule& rule);
  /// Fails also with: not_found (the role has no such rule).
  Result<Commit> disallow(std::string_view role, const AccessRule& rule);
  /// Adds or changes a device: its roles and tenant become these. A key comes beside those that it has, so that one can
  /// follow another without a gap; codes that were given out for it are good no longer. Where the hub asks for
  /// certificates one of that name lets the device in as well, with a key or without. Fails also with: forbidden (the
  /// key was revoked).
  Result<Commit> enroll(const Device& device, std::string_view key_id = {});
  /// As enroll(), for a device whose key is not known yet: a secret that lets the first one that shows it, as token
  /// beside its key, bring that key before `until`. Good once, at the hub itself, not at a relay. What is kept of it is
  /// a hash.
  Result<std::string> claim(const Device& device, Timestamp until);
  /// Refused from now on, for ever, whatever else the list says.
  Result<Commit> revoke_key(std::string_view key_id, std::string_view why = {});
  /// revoke_key() of all keys of a device; its codes and its roles go, so that its certificate lets it in no longer.
  /// Who enrolls another device under that name lets that certificate in again. Fails also with: not_found.
  Result<Commit> revoke(std::string_view name, std::string_view why = {});

  /// Ascending by name. Fail with: storage_*, forbidden.
  Result<std::vector<DeviceEntry>> devices() const;
  Result<std::map<std::string, std::vector<AccessRule>>> roles() const;
  /// Id to reason.
  Result<std::map<std::string, std::string>> revoked() const;

 private:
  State list_;
};

}  // namespace edgesync
