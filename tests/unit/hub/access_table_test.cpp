// SPDX-License-Identifier: Apache-2.0
// The access list as it is asked: against a naive reader of the same rules over random lists, and case by case.
#include "hub/access_table.hpp"

#include "base/random.hpp"

#include <gtest/gtest.h>

namespace edgesync::hub {
namespace {

using Admission = AccessTable::Admission;

constexpr Timestamp noon{std::chrono::hours(12)};
const std::string key_a(64, 'a'), key_b(64, 'b');

Credentials who(std::string name, std::string key = {}, std::string token = {}, std::string certificate = {}) {
  return {std::move(token), std::move(name), {}, {}, std::move(key), std::move(certificate)};
}

class Table : public testing::Test {
 protected:
  std::set<std::string> put(const std::string& key, const std::vector<std::string>& texts) {
    std::set<std::string> concerned;
    EXPECT_TRUE(table_.put(key, texts, concerned));
    return concerned;
  }
  void expect_bad(const std::string& key, const std::vector<std::string>& texts) {
    std::set<std::string> concerned;
    const auto put = table_.put(key, texts, concerned);
    ASSERT_FALSE(put) << key;
    EXPECT_TRUE(put.error().is(Errc::invalid_argument));
  }
  Access ask(const std::string& name, Plane plane, std::string_view scope) const {
    return table_.access(who(name), plane, scope);
  }
  AccessTable table_;
};

TEST_F(Table, TellsWhoSignsWithAKeyIfThatOneMayWriteThere) {
  put("device/gw", {"gateway"});
  put("role/gateway", {"own stream plant/{name}/*", "ro stream notice", "rw state shared"});
  put("key/" + key_a, {"gw"});
  EXPECT_EQ(table_.signer(key_a, "plant/gw/log"), "gw");
  EXPECT_EQ(table_.signer(key_a, "plant/other/log"), std::nullopt);
  EXPECT_EQ(table_.signer(key_a, "notice"), std::nullopt) << "it only reads there";
  EXPECT_EQ(table_.signer(key_a, "shared"), std::nullopt) << "that is state";
  EXPECT_EQ(table_.signer(key_b, "plant/gw/log"), std::nullopt);
  EXPECT_TRUE(table_.knows(key_a));
  EXPECT_FALSE(table_.knows(key_b));
  put("revoked/" + key_a, {"stolen"});
  EXPECT_EQ(table_.signer(key_a, "plant/gw/log"), std::nullopt);
  EXPECT_TRUE(table_.knows(key_a)) << "and nobody else is to be asked";
  put("revoked/" + key_a, {});
  put("device/gw", {});
  EXPECT_EQ(table_.signer(key_a, "plant/gw/log"), std::nullopt);
}

TEST_F(Table, KnowsADeviceByItsKeyUnderItsOwnName) {
  put("device/gw", {"gateway"});
  put("device/other", {"gateway"});
  put("key/" + key_a, {"gw"});
  EXPECT_EQ(table_.judge(who("gw", key_a), noon), Admission::known);
  EXPECT_EQ(table_.judge(who("other", key_a), noon), Admission::refused);
  EXPECT_EQ(table_.judge(who("nobody", key_a), noon), Admission::refused);
  EXPECT_EQ(table_.judge(who("gw", key_b), noon), Admission::stranger);
  EXPECT_EQ(table_.judge(who("gw"), noon), Admission::stranger);
  put("device/gw", {});
  EXPECT_EQ(table_.judge(who("gw", key_a), noon), Admission::refused);
}

TEST_F(Table, KnowsADeviceByACertificateOfItsName) {
  put("device/gw", {"gateway"});
  EXPECT_EQ(table_.judge(who("gw", "", "", "gw"), noon), Admission::known);
  EXPECT_EQ(table_.judge(who("gw", "", "", "gw2"), noon), Admission::stranger);
  EXPECT_EQ(table_.judge(who("gw2", "", "", "gw"), noon), Admission::stranger);
  EXPECT_EQ(table_.judge(who("gw2", "", "", "gw2"), noon), Admission::stranger);
}

TEST_F(Table, ARevokedKeyIsRefusedWhateverElseThereIs) {
  put("device/gw", {"gateway"});
  put("key/" + key_a, {"gw"});
  EXPECT_EQ(put("revoked/" + key_a, {"stolen"}), (std::set<std::string>{"gw", key_a}));
  EXPECT_EQ(table_.judge(who("gw", key_a, "", "gw"), noon), Admission::refused);
  put("claim/" + entry::claim_of("code").substr(6), {entry::claim_text(noon + std::chrono::hours(1), "gw")});
  EXPECT_EQ(table_.judge(who("gw", key_a, "code"), noon), Admission::refused);
}

TEST_F(Table, AClaimIsGoodOnceInTimeForItsDeviceWithAKey) {
  put("device/gw", {"gateway"});
  put("device/other", {"gateway"});
  put(entry::claim_of("code"), {entry::claim_text(noon, "gw")});
  const Timestamp before = noon - Timestamp::duration(1);
  EXPECT_EQ(table_.judge(who("gw", key_a, "code"), before), Admission::claims);
  EXPECT_EQ(table_.judge(who("gw", key_a, "code"), noon), Admission::stranger);
  EXPECT_EQ(table_.judge(who("gw", "", "code"), before), Admission::stranger);
  EXPECT_EQ(table_.judge(who("other", key_a, "code"), before), Admission::stranger);
  EXPECT_EQ(table_.judge(who("gw", key_a, "cod"), before), Admission::stranger);
  EXPECT_EQ(table_.judge(who("gw", key_a, entry::claim_of("code")), before), Admission::stranger);

  table_.use_claim(key_a, "gw", entry::claim_of("code"));
  EXPECT_EQ(table_.judge(who("gw", key_b, "code"), before), Admission::stranger);
  EXPECT_EQ(table_.judge(who("gw", key_a, "code"), before), Admission::known);
  put(entry::claim_of("code"), {entry::claim_text(noon, "gw")});  // read again before it was erased
  EXPECT_EQ(table_.judge(who("gw", key_b, "code"), before), Admission::stranger);
}

TEST_F(Table, AKeyOfAnotherDeviceClaimsNothing) {
  put("device/gw", {"gateway"});
  put("device/other", {"gateway"});
  put("key/" + key_a, {"other"});
  put(entry::claim_of("code"), {entry::claim_text(noon, "gw")});
  EXPECT_EQ(table_.judge(who("gw", key_a, "code"), Timestamp{}), Admission::refused);
}

TEST_F(Table, DeniesWhatNoRuleAllows) {
  EXPECT_EQ(ask("gw", Plane::state, "plant"), Access::none);
  put("device/gw", {"gateway", "unknown"});
  EXPECT_EQ(ask("gw", Plane::state, "plant"), Access::none);
  put("role/gateway", {"ro config line/*", "rw * plant/{name}/*"});
  EXPECT_EQ(ask("gw", Plane::state, "plant/gw/x"), Access::read_write);
  EXPECT_EQ(ask("gw", Plane::stream, "plant/gw/x"), Access::read_write);
  EXPECT_EQ(ask("gw", Plane::config, "line/3"), Access::read);
  EXPECT_EQ(ask("gw", Plane::state, "line/3"), Access::none);
  for (const char* scope : {"plant", "plant/gw", "plant/gw2/x", "plant/g/x", "plant/GW/x", "plantx/gw/x", "/plant/gw/x",
                            "plant//gw/x", "plant/{name}/x", "plant/*/x", "", "edgesync/access"})
    EXPECT_EQ(ask("gw", Plane::state, scope), Access::none) << scope;
}

TEST_F(Table, TheRuleThatGrantsMostCounts) {
  put("device/gw", {"gateway"});
  put("role/gateway", {"ro * *", "own state line/*", "rw state line/3"});
  EXPECT_EQ(ask("gw", Plane::state, "line/1"), Access::write_own);
  EXPECT_EQ(ask("gw", Plane::state, "line/3"), Access::read_write);
  EXPECT_EQ(ask("gw", Plane::config, "line/1"), Access::read);
}

TEST_F(Table, AQuotaIsADevicesOrATenants) {
  const auto quota = [&](Plane plane, std::string_view scope) {
    const ScopeQuota found = table_.quota(who("gw"), plane, scope);
    return std::tuple(found.bytes, found.scopes, found.plane);
  };
  const std::tuple none(std::uint64_t{0}, std::string(), std::optional<Plane>());
  put("device/gw", {"gateway"});
  put("tenant/gw", {"acme"});
  put("role/gateway", {"ro * *", "rw:64K stream log/{name}/*", "own:2M * {tenant}/*", "rw:1G state {tenant}/{name}",
                       "rw state free/*", "rw:1K state free/*"});
  EXPECT_EQ(quota(Plane::stream, "log/gw/a"), std::tuple(64 * KiB, "log/gw/*", Plane::stream));
  EXPECT_EQ(quota(Plane::config, "acme/a"), std::tuple(2 * MiB, "acme/*", std::nullopt));
  EXPECT_EQ(quota(Plane::state, "acme/gw"), std::tuple(1 * GiB, "acme/gw", Plane::state)) << "the one with most";
  EXPECT_EQ(std::get<0>(quota(Plane::state, "free/a")), 0U) << "one without a quota";
  EXPECT_EQ(quota(Plane::state, "elsewhere"), none);
  EXPECT_EQ(table_.quota(who("nobody"), Plane::state, "acme/a").bytes, 0U);
}

TEST(AccessRules, AreWrittenAsTheyAreRead) {
  for (const char* text : {"ro * *", "own state line/{name}", "rw stream a/*", "rw:1K state a", "own:3M * {tenant}/*",
                           "rw:7G config a", "rw:1001 state a b"}) {
    const auto rule = access_rule(text);
    ASSERT_TRUE(rule) << text;
    EXPECT_EQ(to_string(*rule), text);
  }
  EXPECT_EQ(access_rule("rw:1024K state a")->quota, MiB);
  for (const char* text : {"ro:1K state a", "rw: state a", "rw:0 state a", "rw:K state a", "rw:-1 state a",
                           "rw:1T state a", "rw:1.5M state a", "rw:99999999999999999999 state a",
                           "rw:9999999999999G state a", "all state a", "rw:1K:2 state a", ":1K state a", "own"})
    EXPECT_FALSE(access_rule(text)) << text;
}

TEST_F(Table, NoWildcardReachesItself) {
  put("device/gw", {"all"});
  put("role/all", {"rw * *"});
  EXPECT_EQ(ask("gw", Plane::state, "anything/at/all"), Access::read_write);
  EXPECT_EQ(ask("gw", Plane::state, "edgesync/access"), Access::none);
  put("role/all", {"rw state edgesync/access"});
  EXPECT_EQ(ask("gw", Plane::state, "edgesync/access"), Access::read_write);
}

TEST_F(Table, NoNameReachesItself) {
  put("device/edgesync", {"own"});
  put("tenant/edgesync", {"edgesync"});
  put("role/own", {"rw * {name}/*", "rw * {tenant}/access", "rw * {name}/access"});
  EXPECT_EQ(ask("edgesync", Plane::state, "edgesync/access"), Access::none);
  for (const char* text : {"rw * edgesync/*", "rw * edgesync/{name}", "rw state edgesync/{tenant}"})
    expect_bad("role/own", {text});
}

TEST_F(Table, ANameIsNoWayOutOfItsScope) {
  put("role/own", {"rw * own/{name}/*", "rw * t/{tenant}/*"});
  for (const char* name : {"a/b", "*", "a*", "..", "{tenant}"}) put(std::string("device/") + name, {"own"});
  put("tenant/{tenant}", {"secret"});
  EXPECT_EQ(ask("a/b", Plane::state, "own/a/b/x"), Access::none);
  EXPECT_EQ(ask("*", Plane::state, "own/other/x"), Access::none);
  EXPECT_EQ(ask("a*", Plane::state, "own/abc/x"), Access::none);
  EXPECT_EQ(ask("{tenant}", Plane::state, "own/secret/x"), Access::none);
  EXPECT_EQ(ask("{tenant}", Plane::state, "own/{tenant}/x"), Access::read_write);
  EXPECT_EQ(ask("{tenant}", Plane::state, "t/secret/x"), Access::read_write);
  EXPECT_EQ(ask("a*", Plane::state, "t//x"), Access::none);
}

TEST_F(Table, TenantsAreEachOthersStrangers) {
  put("role/till", {"rw * {tenant}/*"});
  std::size_t cases = 0;
  for (int i = 0; i < 20; ++i) {
    put("device/till-" + std::to_string(i), {"till"});
    put("tenant/till-" + std::to_string(i), {"shop" + std::to_string(i % 5)});
  }
  put("device/homeless", {"till"});
  for (int i = 0; i < 20; ++i)
    for (int shop = 0; shop < 5; ++shop)
      for (const char* tail : {"/prices", "/a/b/c", ""}) {
        const std::string scope = "shop" + std::to_string(shop) + tail;
        const bool own = i % 5 == shop && *tail != '\0';
        EXPECT_EQ(ask("till-" + std::to_string(i), Plane::config, scope), own ? Access::read_write : Access::none);
        EXPECT_EQ(ask("homeless", Plane::config, scope), Access::none);
        cases += own ? 1 : 2;
      }
  EXPECT_GE(cases, 200U);
}

TEST_F(Table, SaysWhomAChangeConcerns) {
  put("device/a", {"x"});
  put("device/b", {"x", "y"});
  put("device/c", {"z"});
  EXPECT_EQ(put("role/x", {"ro * *"}), (std::set<std::string>{"a", "b"}));
  EXPECT_EQ(put("role/y", {"ro * *"}), (std::set<std::string>{"b"}));
  EXPECT_EQ(put("role/none", {"ro * *"}), (std::set<std::string>{}));
  EXPECT_EQ(put("tenant/c", {"t"}), (std::set<std::string>{"c"}));
  EXPECT_EQ(put("key/" + key_a, {"a"}), (std::set<std::string>{"a", key_a}));
  EXPECT_EQ(put("key/" + key_a, {"b"}), (std::set<std::string>{"a", "b", key_a}));
  EXPECT_EQ(put("key/" + key_a, {}), (std::set<std::string>{"b", key_a}));
  EXPECT_EQ(put("revoked/" + key_b, {"lost"}), (std::set<std::string>{key_b}));  // whoever it is that shows it
  EXPECT_EQ(put("device/a", {}), (std::set<std::string>{"a"}));
}

TEST_F(Table, WhatMeansNothingIsToldAndGrantsNothing) {
  put("device/gw", {"r"});
  expect_bad("role/r", {"rw", "ro * good/*"});
  EXPECT_EQ(ask("gw", Plane::state, "good/x"), Access::read);
  for (const char* text : {"", "rw *", "wr * x", "rw fast x", "rw * x*", "rw * */x", "rw * x/*/y", "rw * {x}",
                           "rw * /x", "rw * x/", "rw * ..", "rw * {name", "RW * x", "rw * {}"})
    expect_bad("role/r", {text});
  EXPECT_EQ(ask("gw", Plane::state, "good/x"), Access::none);
  for (const char* text : {"", "soon gw", "1", "1 ", "1gw", " 1 gw", "99999999999999999999 gw"})
    expect_bad("claim/0", {text});
  for (const char* key : {"", "x", "roles/a", "role", "Device/a"}) expect_bad(key, {"ro * *"});
}

TEST(Rule, IsItsText) {
  for (const char* text : {"ro * *", "rw state plant/{name}/*", "ro config line", "rw stream {tenant}/{name}"})
    EXPECT_EQ(to_string(access_rule(text).value()), text);
}

/// A reader of the list that knows nothing of how it is kept.
Access naive(const std::map<std::string, std::vector<std::string>>& list, const std::string& name, Plane plane,
             const std::string& scope) {
  Access best = Access::none;
  const auto at = [&](const std::string& key) {
    const auto found = list.find(key);
    return found == list.end() ? std::vector<std::string>{} : found->second;
  };
  for (const std::string& role : at("device/" + name))
    for (const std::string& text : at("role/" + role)) {
      const AccessRule rule = access_rule(text).value();
      std::string pattern = rule.scopes;
      const auto fill = [&](const std::string& variable, const std::string& value) {
        for (std::size_t i = 0; (i = pattern.find(variable)) != std::string::npos;) {
          if (value.empty()) return false;
          pattern.replace(i, variable.size(), value);
        }
        return true;
      };
      const auto tenant = at("tenant/" + name);
      if (!fill("{name}", name) || !fill("{tenant}", tenant.empty() ? "" : tenant[0])) continue;
      const bool all = pattern == "*", prefix = pattern.ends_with("/*");
      const bool fits = all || (prefix ? scope.starts_with(pattern.substr(0, pattern.size() - 1)) : scope == pattern);
      if (fits && (!rule.plane || *rule.plane == plane)) best = std::max(best, rule.access);
    }
  return best;
}

TEST(RandomLists, SayWhatANaiveReaderSays) {
  Xoshiro random(11);
  const std::vector<std::string> names{"a", "b", "c"}, roles{"r", "s", "t"}, tenants{"x", "y"},
      scopes{"a", "b", "x", "a/1", "b/1", "x/a", "y/b/2", "x/1", "q"},
      patterns{"*", "a", "a/*", "{name}", "{name}/*", "{tenant}/*", "{tenant}/{name}", "x/a", "q/*"};
  const auto any = [&](const auto& list) { return list[random.below(list.size())]; };
  std::size_t granted = 0;
  for (int round = 0; round < 200; ++round) {
    AccessTable table;
    std::map<std::string, std::vector<std::string>> list;
    for (int step = 0; step < 40; ++step) {
      const std::string kind = any(std::vector<std::string>{"device/", "role/", "tenant/"});
      const std::string key = kind + (kind == "role/" ? any(roles) : any(names));
      std::vector<std::string> texts;
      for (std::size_t left = random.below(3); left > 0; --left) {
        if (kind == "tenant/") texts = {any(tenants)};
        if (kind == "device/") texts.push_back(any(roles));
        if (kind == "role/")
          texts.push_back((random.one_in(2) ? "ro " : "rw ") +
                          any(std::vector<std::string>{"*", "state", "config", "stream"}) + " " + any(patterns));
      }
      std::set<std::string> concerned;
      table.put(key, texts, concerned).value();
      list[key] = texts;
    }
    for (const std::string& name : names)
      for (const std::string& scope : scopes)
        for (const Plane plane : {Plane::state, Plane::config, Plane::stream}) {
          const Access expected = naive(list, name, plane, scope);
          ASSERT_EQ(table.access(who(name), plane, scope), expected) << name << " " << scope;
          granted += expected != Access::none;
        }
  }
  EXPECT_GT(granted, 500U);
}

}  // namespace
}  // namespace edgesync::hub
