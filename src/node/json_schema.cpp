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
#include <vector>

namespace edgesync {
namespace {

using Document = nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

constexpr std::size_t matched_bytes_max = 1024;  // std::regex takes a frame of the stack for each
constexpr std::size_t told_max = 3;

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
    if (const Document* target = referred(schema)) loops = loops || found(*target);
    path_.erase(&schema);
    done_.insert(&schema);
    return loops;
  }
  /// Anywhere in the document.
  bool anywhere(const Document& at) {
    return found(at) || (at.is_structured() &&
                         std::any_of(at.begin(), at.end(), [this](const Document& one) { return anywhere(one); }));
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

/// Whether it matches texts; throws std::regex_error if one of its patterns is none.
bool has_patterns(const Document& schema) {
  bool any = false;
  if (!schema.is_structured()) return any;
  for (const auto& [key, value] : schema.items()) {
    if (key == "pattern" && value.is_string()) std::regex(value.get<std::string>()), any = true;
    if (key == "patternProperties" && value.is_object())
      for (const auto& [pattern, of] : value.items()) std::regex{pattern}, any = true;
    if (key != "const" && key != "enum" && key != "default" && key != "examples") any = has_patterns(value) || any;
    any = any || key == "format";
  }
  return any;
}

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

bool has_long_text(const Document& document) {
  if (document.is_string()) return document.get_ref<const std::string&>().size() > matched_bytes_max;
  return document.is_structured() && std::any_of(document.begin(), document.end(), has_long_text);
}

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
  bool patterns = false;
};

Result<JsonSchema> JsonSchema::parse(std::string_view text) {
  // Nor is it nested without end: what follows goes down by recursion.
  if (!is_json(text)) return Error(Errc::invalid_argument, "schema: no JSON");
  try {
    const Document document = Document::parse(text);
    if (Loops(document).anywhere(document))
      return Error(Errc::invalid_argument, "schema: refers to itself without end");
    auto impl = std::make_shared<Impl>();
    impl->patterns = has_patterns(document);
    valijson::SchemaParser().populateSchema(Adapter(document), impl->schema);
    return JsonSchema(std::move(impl));
  } catch (const std::exception& failure) {
    return Error(Errc::invalid_argument, std::string("schema: ") + printable(failure.what()));
  }
}

Result<void> JsonSchema::check(const std::map<std::string, Value>& content) const {
  const auto document = document_of(content);
  if (!document) return document.error();
  if (impl_->patterns && has_long_text(*document))
    return Error(Errc::invalid_argument, "a text above 1 KiB cannot be matched with a pattern");
  try {
    valijson::ValidationResults results;
    valijson::Validator validator(valijson::Validator::kStrongTypes);
    if (validator.validate(impl_->schema, Adapter(*document), &results)) return {};
    return Error(Errc::invalid_argument, told(results));
  } catch (const std::exception& failure) {
    return Error(Errc::invalid_argument, printable(failure.what()));
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
