// SPDX-License-Identifier: Apache-2.0
#include "config/layers.hpp"

#include "base/json.hpp"
#include "base/path.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

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

Result<void> change_list(Settings& settings, const ListRule& rule, const Value& value, std::size_t layer) {
  const auto bad = [&](const char* why) {
    return Error(Errc::type_mismatch, "layers: " + printable(rule.list) + (rule.adds ? "/+" : "/-") + " of layer " +
                                          std::to_string(layer + 1) + ": " + why);
  };
  const auto given = elements_of(value);
  if (!given) return bad("is no JSON list");
  const auto at = settings.find(rule.list);
  const Value before = at == settings.end() ? Value(Json{"[]"}) : at->second.value;
  auto elements = elements_of(before);
  if (!elements) return bad("what it would change is no JSON list");
  for (const std::string_view element : *given) {
    const auto found = std::find(elements->begin(), elements->end(), element);
    if (rule.adds && found == elements->end()) elements->push_back(element);
    if (!rule.adds) std::erase(*elements, element);
  }
  if (rule.adds || at != settings.end()) set(settings, rule.list, list_of(*elements), layer);
  return {};
}

}  // namespace

Result<Settings> merge(const std::vector<const Content*>& layers) {
  Settings settings;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    for (const auto& [key, value] : *layers[layer]) {
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
    for (const auto& [key, value] : *layers[layer])
      if (const auto rule = list_rule(key))
        if (auto changed = change_list(settings, *rule, value, layer); !changed) return std::move(changed).error();
  }
  return settings;
}

Content content_of(const Settings& settings) {
  Content content;
  for (const auto& [key, setting] : settings) content.emplace_hint(content.end(), key, setting.value);
  return content;
}

}  // namespace edgesync::config
