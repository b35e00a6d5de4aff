// SPDX-License-Identifier: Apache-2.0
#include "hub/access_table.hpp"

#include "base/hash.hpp"
#include "base/path.hpp"
#include "hub/pattern.hpp"

#include <algorithm>
#include <charconv>

namespace edgesync::hub {
namespace {

/// What is behind the name of a kind; nothing if `key` is of another.
std::optional<std::string_view> rest(std::string_view key, std::string_view kind) {
  if (!key.starts_with(kind)) return std::nullopt;
  return key.substr(kind.size());
}

template <class Map>
void put_text(Map& map, std::string_view which, const std::vector<std::string>& texts) {
  if (texts.empty())
    map.erase(std::string(which));
  else
    map[std::string(which)] = texts.front();
}

Error bad(std::string_view what, std::string_view why) {
  return {Errc::invalid_argument, "access list: " + std::string(what) + ": " + std::string(why)};
}

}  // namespace

std::string entry::of(std::string_view kind, std::string_view which) { return std::string(kind) + std::string(which); }

std::string entry::claim_of(std::string_view code) { return of(claim, to_hex(sha256(as_view(code)))); }

std::string entry::claim_text(Timestamp until, std::string_view name) {
  return std::to_string(until.time_since_epoch().count()) + " " + std::string(name);
}

std::vector<std::string> texts_of(const Item& item) {
  std::vector<std::string> texts;
  const auto add = [&](const Value& value) {
    if (const auto* text = std::get_if<std::string>(&value)) texts.push_back(*text);
  };
  if (item.type == Item::Type::value) add(item.value);
  for (const Value& member : item.members) add(member);
  return texts;
}

Result<void> AccessTable::put(std::string_view key, const std::vector<std::string>& texts,
                              std::set<std::string>& concerned) {
  if (const auto role = rest(key, entry::role)) {
    with_role(*role, concerned);
    return put_role(std::string(*role), texts);
  }
  if (const auto name = rest(key, entry::device)) {
    concerned.emplace(*name);
    if (texts.empty())
      devices_.erase(std::string(*name));
    else
      devices_[std::string(*name)] = texts;
  } else if (const auto tenant_of = rest(key, entry::tenant)) {
    concerned.emplace(*tenant_of);
    put_text(tenants_, *tenant_of, texts);
  } else if (const auto id = rest(key, entry::key)) {
    if (const auto before = keys_.find(std::string(*id)); before != keys_.end()) concerned.insert(before->second);
    put_text(keys_, *id, texts);
    if (!texts.empty()) concerned.insert(texts.front());
    concerned.emplace(*id);
  } else if (const auto gone = rest(key, entry::revoked)) {
    if (const auto holder = keys_.find(std::string(*gone)); holder != keys_.end()) concerned.insert(holder->second);
    put_text(revoked_, *gone, texts);
    concerned.emplace(*gone);  // whoever shows it, whatever else lets it in
  } else if (key.starts_with(entry::claim)) {
    return put_claim(std::string(key), texts);
  } else {
    return bad(key, "is none of its entries");
  }
  return {};
}

void AccessTable::with_role(std::string_view role, std::set<std::string>& concerned) const {
  for (const auto& [name, roles] : devices_)
    if (std::find(roles.begin(), roles.end(), role) != roles.end()) concerned.insert(name);
}

Result<void> AccessTable::put_role(std::string role, const std::vector<std::string>& texts) {
  Result<void> all;
  std::vector<AccessRule> rules;
  for (const std::string& text : texts) {
    const auto rule = access_rule(text);
    if (rule)
      rules.push_back(*rule);
    else
      all = bad(entry::of(entry::role, role), rule.error().detail);
  }
  if (rules.empty())
    roles_.erase(role);
  else
    roles_[std::move(role)] = std::move(rules);
  return all;
}

Result<void> AccessTable::put_claim(std::string entry, const std::vector<std::string>& texts) {
  claims_.erase(entry);
  if (texts.empty()) return {};
  const std::string& text = texts.front();
  std::int64_t until = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), until);
  const std::string name(end, text.data() + text.size());
  if (failure != std::errc() || !name.starts_with(' ') || !check_path("name", name.substr(1)))
    return bad(entry, "is not a time and a name");
  claims_.emplace(std::move(entry), Claim{Timestamp(Timestamp::duration(until)), name.substr(1)});
  return {};
}

/// The claim whose code the credentials show, if it still is one.
const AccessTable::Claim* AccessTable::claim(const Credentials& credentials, Timestamp now) const {
  if (credentials.key.empty() || credentials.token.empty()) return nullptr;
  const auto at = claims_.find(entry::claim_of(credentials.token));
  const bool good = at != claims_.end() && !used_.contains(at->first) && now < at->second.until &&
                    at->second.name == credentials.name && devices_.contains(credentials.name);
  return good ? &at->second : nullptr;
}

AccessTable::Admission AccessTable::judge(const Credentials& credentials, Timestamp now) const {
  const bool listed = devices_.find(credentials.name) != devices_.end();
  if (!credentials.key.empty()) {
    if (revoked_.contains(credentials.key)) return Admission::refused;
    if (const auto holder = keys_.find(credentials.key); holder != keys_.end())
      return listed && holder->second == credentials.name ? Admission::known : Admission::refused;
    if (claim(credentials, now) != nullptr) return Admission::claims;
  }
  const bool certified = !credentials.certificate.empty() && credentials.certificate == credentials.name;
  return certified && listed ? Admission::known : Admission::stranger;
}

void AccessTable::each_rule(const Credentials& credentials, Plane plane, std::string_view scope,
                            const Function<void(const AccessRule&, std::string scopes)>& visit) const {
  const auto device = devices_.find(credentials.name);
  if (device == devices_.end()) return;
  const auto tenant = tenants_.find(credentials.name);
  const Holder holder{credentials.name, tenant == tenants_.end() ? std::string_view() : tenant->second};
  for (const std::string& role : device->second) {
    const auto rules = roles_.find(role);
    if (rules == roles_.end()) continue;
    for (const AccessRule& rule : rules->second)
      if ((!rule.plane || *rule.plane == plane) && grants(rule.scopes, holder, scope))
        visit(rule, filled(rule.scopes, holder).value_or(std::string()));
  }
}

Access AccessTable::access(const Credentials& credentials, Plane plane, std::string_view scope) const {
  Access best = Access::none;
  each_rule(credentials, plane, scope,
            [&](const AccessRule& rule, const std::string&) { best = std::max(best, rule.access); });
  return best;
}

std::optional<std::string> AccessTable::signer(const std::string& key, std::string_view stream) const {
  const auto holder = keys_.find(key);
  if (holder == keys_.end()) return std::nullopt;
  Credentials device;
  device.name = holder->second, device.key = key;
  const bool may = judge(device, {}) == Admission::known && access(device, Plane::stream, stream) >= Access::write_own;
  return may ? std::optional(device.name) : std::nullopt;
}

ScopeQuota AccessTable::quota(const Credentials& credentials, Plane plane, std::string_view scope) const {
  std::optional<ScopeQuota> best;
  each_rule(credentials, plane, scope, [&](const AccessRule& rule, std::string scopes) {
    if (rule.access == Access::read) return;
    const bool more = !best || (best->bytes > 0 && (rule.quota == 0 || rule.quota > best->bytes));
    if (more) best = ScopeQuota{rule.quota, std::move(scopes), rule.plane};
  });
  return best.value_or(ScopeQuota{});
}

void AccessTable::use_claim(const std::string& key, const std::string& name, const std::string& claim) {
  used_.insert(claim);
  keys_[key] = name;
}

std::vector<DeviceEntry> AccessTable::devices() const {
  std::vector<DeviceEntry> all;
  for (const auto& [name, roles] : devices_) {
    const auto tenant = tenants_.find(name);
    all.push_back({{name, roles, tenant == tenants_.end() ? std::string() : tenant->second}, {}});
  }
  const auto by_name = [](const DeviceEntry& one, const std::string& name) { return one.device.name < name; };
  for (const auto& [id, name] : keys_) {
    const auto at = std::lower_bound(all.begin(), all.end(), name, by_name);
    if (at != all.end() && at->device.name == name && !revoked_.contains(id)) at->keys.push_back(id);
  }
  return all;
}

void AccessTable::keep_used(const AccessTable& other, std::set<std::string>& concerned) {
  used_ = other.used_;
  for (const auto& [name, roles] : other.devices_) concerned.insert(name);
  for (const auto& [id, name] : other.keys_) concerned.insert({id, name});
}

std::vector<std::string> AccessTable::keys_of(std::string_view name) const {
  std::vector<std::string> ids;
  for (const auto& [id, holder] : keys_)
    if (holder == name) ids.push_back(id);
  return ids;
}

std::vector<std::string> AccessTable::claims_for(std::string_view name) const {
  std::vector<std::string> entries;
  for (const auto& [entry, claim] : claims_)
    if (claim.name == name) entries.push_back(entry);
  return entries;
}

}  // namespace edgesync::hub
