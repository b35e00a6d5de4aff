// SPDX-License-Identifier: Apache-2.0
#include <edgesync/json_schema.hpp>

#include "base/json.hpp"
#include "base/text.hpp"

#ifdef EDGESYNC_JSON_SCHEMA

#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include <algorithm>
#include <cmath>
#include <regex>
#include <set>
#include <string_view>
#include <vector>

namespace edgesync {
namespace {

using Document = nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

constexpr std::size_t matched_bytes_max = 1024;  // std::regex takes a frame of the stack for each
constexpr std::size_t compared_max = 1024;       // each item with each other
constexpr std::size_t compared_told_max = 64;    // each pair of equal ones is an error of its own
constexpr std::size_t told_max = 3;

/// Calls `visit` with each schema inside `schema`; below "properties" and its like the keys are names, and there is
/// nothing to look for in what is data.
template <class Visit>
void each_inside(const Document& schema, const Visit& visit) {
  static const std::set<std::string_view> data{"const", "default", "enum", "examples"};
  static const std::set<std::string_view> named{"definitions", "dependencies", "patternProperties", "properties"};
  if (schema.is_array())
    for (const Document& one : schema) visit(one);
  if (!schema.is_object()) return;
  for (const auto& [key, value] : schema.items()) {
    if (data.contains(key)) continue;
    if (!named.contains(key))
      visit(value);
    else if (value.is_object())
      for (const auto& [name, one] : value.items()) visit(one);
  }
}

/// A schema that applies to the very place where it stands itself, and so on, has no end.
class Loops {
 public:
  explicit Loops(const Document& root) : root_(root) {}

  bool found(const Document& schema) {
    if (schema.is_array()) return std::any_of(schema.begin(), schema.end(), [this](auto& one) { return found(one); });
    if (!schema.is_object() || done_.contains(&schema)) return false;
    if (!path_.insert(&schema).second) return true;
    bool loops = false;
    for (const char* applicator : {"allOf", "anyOf", "oneOf", "not", "if", "then", "else"})
      if (const auto at = schema.find(applicator); at != schema.end()) loops = loops || found(*at);
    if (const auto at = schema.find("dependencies"); at != schema.end() && at->is_object())
      loops = loops || std::any_of(at->begin(), at->end(), [this](auto& one) { return found(one); });
    if (const Document* target = referred(schema)) loops = loops || found(*target);
    path_.erase(&schema);
    done_.insert(&schema);
    return loops;
  }
  bool anywhere(const Document& schema) {
    bool loops = found(schema);
    each_inside(schema, [&](const Document& one) { loops = loops || anywhere(one); });
    return loops;
  }

 private:
  const Document* referred(const Document& schema) const {
    const auto at = schema.find("$ref");
    if (at == schema.end() || !at->is_string()) return nullptr;
    const auto& to = at->get_ref<const std::string&>();
    if (!to.starts_with("#")) return nullptr;
    const Document::json_pointer pointer(to.substr(1));
    return root_.contains(pointer) ? &root_.at(pointer) : nullptr;
  }

  const Document& root_;
  std::set<const Document*> path_{}, done_{};
};

/// What of a schema costs more than a look at each value.
struct Costs {
  bool patterns = false;     ///< It matches texts.
  bool comparisons = false;  ///< It wants items to be unique.

  /// Throws std::regex_error if one of its patterns is none.
  void look_at(const Document& schema) {
    if (schema.is_object()) {
      if (const auto at = schema.find("pattern"); at != schema.end() && at->is_string())
        std::regex(at->get<std::string>()), patterns = true;
      if (const auto at = schema.find("patternProperties"); at != schema.end() && at->is_object())
        for (const auto& [pattern, of] : at->items()) std::regex{pattern}, patterns = true;
      patterns = patterns || schema.contains("format");
      comparisons = comparisons || schema.contains("uniqueItems");
    }
    each_inside(schema, [this](const Document& one) { look_at(one); });
  }
};

Document document_of(const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  if (const auto* number = std::get_if<double>(&value)) return std::isfinite(*number) ? Document(*number) : Document();
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return Document::parse(to_json(value));
}

Result<Document> document_of(const std::map<std::string, Value>& content) {
  Document root = Document::object();
  for (const auto& [key, value] : content) {
    Document* at = &root;
    std::size_t begin = 0;
    for (std::size_t end = key.find('/'); end != std::string::npos; end = key.find('/', begin)) {
      if (content.contains(key.substr(0, end)))
        return Error(Errc::invalid_argument, printable(key.substr(0, end)) + ": is a value, and has others below it");
      at = &(*at)[key.substr(begin, end - begin)];
      begin = end + 1;
    }
    (*at)[key.substr(begin)] = document_of(value);
  }
  return root;
}

/// The longest text, names of members among them, and the longest array.
struct Sizes {
  std::size_t text = 0, items = 0;

  explicit Sizes(const Document& document) { look_at(document); }
  void look_at(const Document& document) {
    if (document.is_string()) text = std::max(text, document.get_ref<const std::string&>().size());
    if (document.is_array()) items = std::max(items, document.size());
    if (!document.is_structured()) return;
    for (const auto& [key, value] : document.items()) {
      if (document.is_object()) text = std::max(text, key.size());
      look_at(value);
    }
  }
};

/// "<root>", "[limits]", "[rpm]": limits/rpm.
std::string path_of(const std::vector<std::string>& context) {
  std::string path;
  for (const std::string& part : context)
    if (part.starts_with("[") && part.size() > 2) path += (path.empty() ? "" : "/") + part.substr(1, part.size() - 2);
  return path.empty() ? "the whole" : printable(path);
}

/// The places where something is wrong; that what surrounds them is wrong, too, goes without saying.
std::string told(valijson::ValidationResults& results) {
  std::string text;
  std::vector<std::vector<std::string>> places;
  valijson::ValidationResults::Error error;
  while (places.size() < told_max && results.popError(error)) {
    const bool around = std::any_of(places.begin(), places.end(), [&](const auto& place) {
      return error.context.size() < place.size() &&
             std::equal(error.context.begin(), error.context.end(), place.begin());
    });
    if (around) continue;
    text += (text.empty() ? "" : "; ") + path_of(error.context) + ": " + printable(error.description);
    places.push_back(error.context);
  }
  return text;
}

}  // namespace

struct JsonSchema::Impl {
  valijson::Schema schema{};
  Costs costs{};

  Result<void> check(const Document& document) const {
    const Sizes sizes(document);
    if (costs.patterns && sizes.text > matched_bytes_max)
      return Error(Errc::invalid_argument, "a text above 1 KiB cannot be matched with a pattern");
    if (costs.comparisons && sizes.items > compared_max)
      return Error(Errc::invalid_argument, "more than 1024 items cannot be compared with each other");
    valijson::Validator validator(valijson::Validator::kStrongTypes);
    if (validator.validate(schema, Adapter(document), nullptr)) return {};
    if (costs.comparisons && sizes.items > compared_told_max)
      return Error(Errc::invalid_argument, "somewhere; no places are told of more than 64 items that are to be unique");
    valijson::ValidationResults results;
    validator.validate(schema, Adapter(document), &results);
    return Error(Errc::invalid_argument, told(results));
  }
};

Result<JsonSchema> JsonSchema::parse(std::string_view text) {
  // Nor is it nested without end: what follows goes down by recursion.
  if (!is_json(text)) return Error(Errc::invalid_argument, "schema: no JSON");
  try {
    const Document document = Document::parse(text);
    if (Loops(document).anywhere(document))
      return Error(Errc::invalid_argument, "schema: refers to itself without end");
    auto impl = std::make_shared<Impl>();
    impl->costs.look_at(document);
    valijson::SchemaParser().populateSchema(Adapter(document), impl->schema);
    return JsonSchema(std::move(impl));
  } catch (const std::exception& failure) {
    return Error(Errc::invalid_argument, std::string("schema: ") + printable(failure.what()));
  }
}

Result<void> JsonSchema::check(const std::map<std::string, Value>& content) const {
  try {
    const auto document = document_of(content);
    return document ? impl_->check(*document) : document.error();
  } catch (const Document::exception& failure) {  // a number that nobody can hold
    return Error(Errc::invalid_argument, printable(failure.what()));
  } catch (const std::exception& failure) {
    return Error(Errc::limit_exceeded, printable(failure.what()));
  }
}

}  // namespace edgesync

#else

namespace edgesync {

struct JsonSchema::Impl {};

Result<JsonSchema> JsonSchema::parse(std::string_view) {
  return Error(Errc::unsupported, "schema: this library was built without valijson and nlohmann-json");
}

Result<void> JsonSchema::check(const std::map<std::string, Value>&) const { return {}; }

}  // namespace edgesync

#endif
