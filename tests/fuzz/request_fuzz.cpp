// SPDX-License-Identifier: Apache-2.0
// Any line as a JSON request: values come out as they went in, trees become paths, edits are made or refused, all in
// words and without a throw.
#include "fuzz/input.hpp"

#include "edits.hpp"

using namespace edgesync;
using fuzz::holds;

namespace {

void values(const program::json::value& tree) {
  const auto value = program::to_value(tree, "value");
  if (!value) return fuzz::is_told(value.error());
  const auto again = program::to_value(program::from_value(*value), "value");
  holds(again && again->index() == value->index(), "a value keeps its type");
  // Text is compared as JSON, which is one and the same for a double of any digits.
  holds(to_json(*again) == to_json(*value), "and what it is");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto tree = program::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!tree) return fuzz::is_told(tree.error()), 0;
  values(*tree);
  if (const auto paths = program::flatten(*tree); !paths) fuzz::is_told(paths.error());
  const auto* object = tree->if_object();
  if (object == nullptr) return 0;
  program::Fields fields(*object);
  fields.plane();
  fields.durability();
  fields.number_or("limit", 1);
  if (const auto* edits = fields.array("edits")) {
    if (const auto edit = program::to_edit(*edits); !edit) fuzz::is_told(edit.error());
  }
  if (const auto checked = fields.check(); !checked) fuzz::is_told(checked.error());
  return 0;
}
