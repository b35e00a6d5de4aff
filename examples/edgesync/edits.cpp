// SPDX-License-Identifier: Apache-2.0
#include "edits.hpp"

#include <array>
#include <string>
#include <utility>

namespace program {
namespace {

using Kind = es::Edit::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 7> kinds = {{{"set", Kind::set},
                                                                     {"add", Kind::add},
                                                                     {"reset", Kind::reset},
                                                                     {"insert", Kind::insert},
                                                                     {"remove", Kind::remove},
                                                                     {"erase", Kind::erase},
                                                                     {"erase_prefix", Kind::erase_prefix}}};

void apply(es::Edit& edit, Kind kind, const std::string& key, Fields& fields) {
  switch (kind) {
    case Kind::set:
      edit.set(key, fields.value("value"));
      return;
    case Kind::add:
      edit.add(key, fields.integer("delta"));
      return;
    case Kind::reset:
      edit.reset(key);
      return;
    case Kind::insert:
      edit.insert(key, fields.value("member"));
      return;
    case Kind::remove:
      edit.remove(key, fields.value("member"));
      return;
    case Kind::erase:
      edit.erase(key);
      return;
    case Kind::erase_prefix:
      edit.erase_prefix(key);
      return;
  }
}

es::Result<void> add_one(es::Edit& edit, const json::value& from, const std::string& where) {
  const json::object* object = from.if_object();
  if (object == nullptr) return invalid(where, "not an object");
  Fields fields(*object, where + ".");
  for (const auto& [name, kind] : kinds) {
    if (!object->contains(json::string_view(name.data(), name.size()))) continue;
    apply(edit, kind, fields.text(name), fields);
    return fields.check();
  }
  return invalid(where, "none of set, add, reset, insert, remove, erase, erase_prefix");
}

}  // namespace

es::Result<es::Edit> to_edit(const json::array& list) {
  es::Edit edit;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (auto added = add_one(edit, list[i], "edits[" + std::to_string(i) + "]"); !added) return added.error();
  }
  return edit;
}

}  // namespace program
