// SPDX-License-Identifier: Apache-2.0
// AccessList: the edits of an administrator, each one transaction.
#include <edgesync/access.hpp>

#include "base/path.hpp"
#include "config/signature.hpp"
#include "hub/access_table.hpp"
#include "hub/pattern.hpp"
#include "transport/transport.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>

namespace edgesync {
namespace {

namespace entry = hub::entry;

constexpr std::size_t device_name_bytes_max = 256;
constexpr std::size_t why_bytes_max = 1024;

Error bad(std::string detail) { return {Errc::invalid_argument, std::move(detail)}; }

const char* name_of(Access access) {
  return access == Access::read ? "ro" : access == Access::write_own ? "own" : "rw";
}

const char* name_of(const std::optional<Plane>& plane) {
  if (!plane) return "*";
  return *plane == Plane::state ? "state" : *plane == Plane::config ? "config" : "stream";
}

constexpr std::array<std::pair<char, std::uint64_t>, 3> units = {{{'G', GiB}, {'M', MiB}, {'K', KiB}}};

std::string quota_text(std::uint64_t bytes) {
  for (const auto& [unit, size] : units)
    if (bytes % size == 0) return std::to_string(bytes / size) + unit;
  return std::to_string(bytes);
}

bool read_quota(std::string_view text, std::uint64_t& bytes) {
  std::uint64_t size = 1;
  for (const auto& [unit, one] : units)
    if (text.ends_with(unit)) size = one;
  if (size > 1) text.remove_suffix(1);
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  const bool good =
      failure == std::errc() && end == text.data() + text.size() && bytes > 0 && bytes <= INT64_MAX / size;
  bytes *= size;
  return good;
}

Result<void> check(const AccessRule& rule) {
  if (rule.access <= Access::none || rule.access > Access::read_write) return bad("rule: grants nothing");
  if (rule.quota > 0 && rule.access == Access::read) return bad("rule: a quota of what may not be written");
  if (rule.plane && (*rule.plane < Plane::state || *rule.plane > Plane::stream)) return bad("rule: no such plane");
  // With the variables in place of names it must be what a scope may be called.
  const std::string text = hub::filled(rule.scopes, {"n", "t"}).value_or("");
  if (text.starts_with(hub::reserved) && (text != rule.scopes || text.ends_with('*')))
    return bad("rule: \"" + rule.scopes + "\": a scope of edgesync's own is granted by its very name");
  const std::string_view path = std::string_view(text).substr(0, text.size() - (text.ends_with("/*") ? 2 : 0));
  if (text == "*") return {};
  if (path.find_first_of("*{}") != std::string_view::npos)
    return bad("rule: \"" + rule.scopes +
               "\": a '*' stands alone or behind the last '/'; variables are {name}, {tenant}");
  return check_path("rule", path);
}

Result<void> check(const Device& device) {
  if (auto good = check_path("device", device.name); !good) return good;
  if (device.name.size() > device_name_bytes_max) return bad("device: a name of more than 256 bytes");
  if (device.roles.empty()) return bad("device: \"" + device.name + "\": no role");
  for (const std::string& role : device.roles)
    if (auto good = check_name("role", role); !good) return good;
  return device.tenant.empty() ? Result<void>() : check_name("tenant", device.tenant);
}

Result<hub::AccessTable> read(const State& list) {
  const auto items = list.scan();
  if (!items) return items.error();
  hub::AccessTable table;
  std::set<std::string> concerned;
  for (const Item& item : *items) table.put(item.key, hub::texts_of(item), concerned).ignore();
  return table;
}

void put_revoked(Edit& edit, const std::string& id, std::string_view why) {
  edit.set(entry::of(entry::revoked, id), std::string(why.substr(0, why_bytes_max)));
  edit.erase(entry::of(entry::key, id));
}

/// The device's roles and tenant become these. Codes that were given out for it before are good no longer, nor is a key
/// that was brought while the device was being revoked elsewhere.
void put(Edit& edit, const Device& device, const hub::AccessTable& table) {
  for (const std::string& claim : table.claims_for(device.name)) edit.erase(claim);
  if (!table.lists(device.name))
    for (const std::string& id : table.keys_of(device.name)) put_revoked(edit, id, "its device was revoked");
  const std::string key = entry::of(entry::device, device.name);
  for (const DeviceEntry& known : table.devices())
    if (known.device.name == device.name)
      for (const std::string& role : known.device.roles)
        if (std::find(device.roles.begin(), device.roles.end(), role) == device.roles.end()) edit.remove(key, role);
  for (const std::string& role : device.roles) edit.insert(key, role);
  const std::string tenant = entry::of(entry::tenant, device.name);
  device.tenant.empty() ? edit.erase(tenant) : edit.set(tenant, device.tenant);
}

}  // namespace

std::string to_string(const AccessRule& rule) {
  const std::string quota = rule.quota > 0 ? ":" + quota_text(rule.quota) : "";
  return name_of(rule.access) + quota + " " + name_of(rule.plane) + " " + rule.scopes;
}

Result<AccessRule> access_rule(std::string_view text) {
  const auto first = std::min(text.find(' '), text.size()), second = std::min(text.find(' ', first + 1), text.size());
  const std::size_t colon = std::min(text.find(':'), first);
  const std::string_view access = text.substr(0, colon);
  if (second == text.size()) return bad("rule: \"" + std::string(text) + "\": not \"ACCESS PLANE SCOPES\"");
  const std::string_view plane = text.substr(first + 1, second - first - 1);
  AccessRule rule{.access = Access::none};
  rule.scopes = std::string(text.substr(second + 1));
  for (const Access one : {Access::read, Access::write_own, Access::read_write})
    if (access == name_of(one)) rule.access = one;
  for (const Plane one : {Plane::state, Plane::config, Plane::stream})
    if (plane == name_of(one)) rule.plane = one;
  if (!rule.plane && plane != "*") return bad("rule: \"" + std::string(plane) + "\": not state, config, stream or *");
  if (rule.access == Access::none) return bad("rule: \"" + std::string(access) + "\": neither ro, own nor rw");
  if (colon < first && !read_quota(text.substr(colon + 1, first - colon - 1), rule.quota))
    return bad("rule: \"" + std::string(text.substr(0, first)) + "\": no quota in bytes, or in K, M or G");
  if (auto good = check(rule); !good) return std::move(good).error();
  return rule;
}

Result<Commit> AccessList::allow(std::string_view role, const AccessRule& rule) {
  if (auto good = check_name("role", role); !good) return std::move(good).error();
  if (auto good = check(rule); !good) return std::move(good).error();
  return list_.insert(entry::of(entry::role, role), to_string(rule));
}

Result<Commit> AccessList::disallow(std::string_view role, const AccessRule& rule) {
  if (auto good = check_name("role", role); !good) return std::move(good).error();
  const std::string key = entry::of(entry::role, role), text = to_string(rule);
  const auto rules = list_.members(key);
  if (!rules) return rules.error();
  if (std::find(rules->begin(), rules->end(), Value(text)) == rules->end())
    return Error(Errc::not_found, "rule: \"" + text + "\": role " + std::string(role) + " has no such rule");
  return list_.remove(key, text);
}

Result<Commit> AccessList::enroll(const Device& device, std::string_view key_id) {
  if (auto good = check(device); !good) return std::move(good).error();
  const auto table = read(list_);
  if (!table) return table.error();
  Edit edit;
  put(edit, device, *table);
  if (!key_id.empty()) {
    const auto key = config::parse_key_id(key_id);
    if (!key) return key.error();
    const std::string id = config::key_id(*key);
    const auto held = table->keys_of(device.name);
    const bool left_over = !table->lists(device.name) && std::find(held.begin(), held.end(), id) != held.end();
    if (left_over || table->revoked().contains(id))
      return Error(Errc::forbidden, "enroll: key " + id + ": was revoked");
    edit.set(entry::of(entry::key, id), device.name);
  }
  return list_.commit(edit);
}

Result<std::string> AccessList::claim(const Device& device, Timestamp until) {
  if (auto good = check(device); !good) return std::move(good).error();
  const auto table = read(list_);
  if (!table) return table.error();
  const std::string code = "claim-" + to_string(transport::system_random()->id());
  Edit edit;
  put(edit, device, *table);
  edit.set(entry::claim_of(code), entry::claim_text(until, device.name));
  const auto written = list_.commit(edit);
  if (!written) return written.error();
  return code;
}

Result<Commit> AccessList::revoke_key(std::string_view key_id, std::string_view why) {
  const auto key = config::parse_key_id(key_id);
  if (!key) return key.error();
  Edit edit;
  put_revoked(edit, config::key_id(*key), why);
  return list_.commit(edit);
}

Result<Commit> AccessList::revoke(std::string_view name, std::string_view why) {
  const auto table = read(list_);
  if (!table) return table.error();
  const auto keys = table->keys_of(name);
  if (keys.empty() && !table->lists(std::string(name)))
    return Error(Errc::not_found, "revoke: \"" + std::string(name) + "\": no such device");
  Edit edit;
  for (const std::string& id : keys) put_revoked(edit, id, why);
  for (const std::string& claim : table->claims_for(name)) edit.erase(claim);
  edit.erase(entry::of(entry::device, name));
  edit.erase(entry::of(entry::tenant, name));
  return list_.commit(edit);
}

Result<std::vector<DeviceEntry>> AccessList::devices() const {
  const auto table = read(list_);
  if (!table) return table.error();
  return table->devices();
}

Result<std::map<std::string, std::vector<AccessRule>>> AccessList::roles() const {
  const auto table = read(list_);
  if (!table) return table.error();
  return table->roles();
}

Result<std::map<std::string, std::string>> AccessList::revoked() const {
  const auto table = read(list_);
  if (!table) return table.error();
  return table->revoked();
}

}  // namespace edgesync
