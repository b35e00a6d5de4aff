// SPDX-License-Identifier: Apache-2.0
// AccessTable: the access list as it is asked: who comes with this key, and what may it do. Pure; what stands in the
// list comes in key by key. How it is written there:
//
//   role/ROLE     set of rules                 device/NAME   set of roles
//   key/ID        name of the device           tenant/NAME   its tenant
//   revoked/ID    why                          claim/HASH    "UNTIL NAME", until in µs; the hash is the code's SHA-256
#pragma once

#include <edgesync/access.hpp>

#include <set>

namespace edgesync::hub {

/// Names of entries in the list.
namespace entry {
inline constexpr std::string_view role = "role/", device = "device/", tenant = "tenant/", key = "key/",
                                  revoked = "revoked/", claim = "claim/";
std::string of(std::string_view kind, std::string_view which);
std::string claim_of(std::string_view code);
std::string claim_text(Timestamp until, std::string_view name);
}  // namespace entry

/// The texts at one entry; nothing if there are none.
std::vector<std::string> texts_of(const Item& item);

class AccessTable {
 public:
  /// What stands at `key` now: no texts mean nothing. Adds whom this concerns, names of devices and ids of keys. Fails
  /// with: invalid_argument (that text means nothing, and grants nothing; the others count).
  Result<void> put(std::string_view key, const std::vector<std::string>& texts, std::set<std::string>& concerned);

  enum class Admission : std::uint8_t {
    stranger,  ///< Nothing is known of it.
    refused,   ///< Its key was revoked, or is that of another device.
    known,
    claims,  ///< It shows a claim's code with a key that nobody has.
  };
  Admission judge(const Credentials& credentials, Timestamp now) const;
  /// Of one that is known.
  Access access(const Credentials& credentials, Plane plane, std::string_view scope) const;
  ScopeQuota quota(const Credentials& credentials, Plane plane, std::string_view scope) const;
  bool knows(const std::string& key) const { return keys_.contains(key) || revoked_.contains(key); }
  /// The device with this key, if it may write to that stream.
  std::optional<std::string> signer(const std::string& key, std::string_view stream) const;
  /// The key is the device's from here on, and its claim is used up, whatever the list still says.
  void use_claim(const std::string& key, const std::string& name, const std::string& claim);
  /// Takes the place of `other`, of all whom that knows: what was used up in it is here, too.
  void keep_used(const AccessTable& other, std::set<std::string>& concerned);
  void forget_used() noexcept { used_.clear(); }

  std::vector<DeviceEntry> devices() const;
  const std::map<std::string, std::vector<AccessRule>>& roles() const noexcept { return roles_; }
  const std::map<std::string, std::string>& revoked() const noexcept { return revoked_; }
  bool lists(const std::string& name) const { return devices_.contains(name); }
  /// Entries of the claims for a device, and ids of its keys: also of one that is not, or no longer, listed.
  std::vector<std::string> claims_for(std::string_view name) const;
  std::vector<std::string> keys_of(std::string_view name) const;

 private:
  struct Claim {
    Timestamp until{};
    std::string name{};
  };
  /// Each rule that grants the device something there, with the scopes that it names.
  void each_rule(const Credentials& credentials, Plane plane, std::string_view scope,
                 const Function<void(const AccessRule&, std::string scopes)>& visit) const;
  void with_role(std::string_view role, std::set<std::string>& concerned) const;
  Result<void> put_role(std::string role, const std::vector<std::string>& texts);
  Result<void> put_claim(std::string entry, const std::vector<std::string>& texts);
  const Claim* claim(const Credentials& credentials, Timestamp now) const;

  std::map<std::string, std::vector<AccessRule>> roles_{};
  std::map<std::string, std::vector<std::string>> devices_{};  // name to roles
  std::map<std::string, std::string> tenants_{}, keys_{}, revoked_{};
  std::map<std::string, Claim> claims_{};  // by entry
  std::set<std::string> used_{};           // entries of claims
};

}  // namespace edgesync::hub
