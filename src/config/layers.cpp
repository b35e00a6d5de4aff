// SPDX-License-Identifier: Apache-2.0
#include "config/layers.hpp"

#include "base/json.hpp"
#include "base/path.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_set>

namespace edgesync::config {
namespace {

/// A key that changes a list instead of replacing it.
struct ListRule {
  std::string_view list;
  bool adds;
};

std::optional<ListRule> list_rule(std::string_view key) {
  if (!key.ends_with("/+") && !key.ends_with("/-")) return std::nullopt;
  return ListRule{key.substr(0, key.size() - 2), key.back() == '+'};
}

std::optional<std::vector<std::string_view>> elements_of(const Value& value) {
  const auto* json = std::get_if<Json>(&value);
  return json == nullptr ? std::nullopt : json_list(json->text);
}

Json list_of(const std::vector<std::string_view>& elements) {
  std::string text = "[";
  for (const std::string_view element : elements) (text += text.size() > 1 ? "," : "") += element;
  return {text + "]"};
}

/// Of lower layers: a flat version may hold "a" beside "a/b" itself.
void remove_below(Settings& settings, std::string_view key, std::size_t layer) {
  const std::string prefix = std::string(key) + "/";
  for (auto at = settings.lower_bound(prefix); at != settings.end() && at->first.starts_with(prefix);)
    at = at->second.layer < layer ? settings.erase(at) : std::next(at);
}

/// A value is no folder: it goes once a higher layer has something below it.
void remove_above(Settings& settings, std::string_view key, std::size_t layer) {
  for (std::size_t end = key.find('/'); end != std::string_view::npos; end = key.find('/', end + 1))
    if (const auto at = settings.find(key.substr(0, end)); at != settings.end() && at->second.layer < layer)
      settings.erase(at);
}

void set(Settings& settings, std::string_view key, Value value, std::size_t layer) {
  remove_below(settings, key, layer);
  remove_above(settings, key, layer);
  settings.insert_or_assign(std::string(key), Setting{std::move(value), layer});
}

/// Says why not, or nothing.
const char* change_list(Settings& settings, const ListRule& rule, const Value& value, std::size_t layer) {
  const auto given = elements_of(value);
  if (!given) return "is no JSON list";
  const auto at = settings.find(rule.list);
  const Value before = at == settings.end() ? Value(Json{"[]"}) : at->second.value;
  auto elements = elements_of(before);
  if (!elements) return "what it would change is no JSON list";
  if (rule.adds) {
    std::unordered_set<std::string_view> there(elements->begin(), elements->end());
    for (const std::string_view element : *given)
      if (there.insert(element).second) elements->push_back(element);
  } else {
    const std::unordered_set<std::string_view> gone(given->begin(), given->end());
    std::erase_if(*elements, [&](std::string_view element) { return gone.contains(element); });
  }
  if (rule.adds || at != settings.end()) set(settings, rule.list, list_of(*elements), layer);
  return nullptr;
}

void apply(Merged& merged, const Content& content, std::size_t layer) {
  Settings& settings = merged.settings;
  for (const auto& [key, value] : content) {
    if (list_rule(key)) continue;
    if (!std::holds_alternative<std::monostate>(value)) {
      set(settings, key, value, layer);
      continue;
    }
    remove_below(settings, key, layer);
    remove_above(settings, key, layer);
    settings.erase(key);
  }
  // After a list that the same layer sets. "+" sorts before "-": what is taken out is out.
  for (const auto& [key, value] : content)
    if (const auto rule = list_rule(key))
      if (const char* why = change_list(settings, *rule, value, layer))
        merged.problems.push_back({layer, printable(key) + ": " + why});
}

}  // namespace

Merged merge(const std::vector<const Content*>& layers) {
  Merged merged;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) apply(merged, *layers[layer], layer);
  return merged;
}

Content content_of(const Settings& settings) {
  Content content;
  for (const auto& [key, setting] : settings) content.emplace_hint(content.end(), key, setting.value);
  return content;
}

}  // namespace edgesync::config
