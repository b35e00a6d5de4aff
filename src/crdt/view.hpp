// SPDX-License-Identifier: Apache-2.0
// Views: cells as the application sees them. Cells of one path are read together; if a path holds cells of several
// kinds (one replica set a register where another counted), the kind with the highest ranked entry is shown and the
// others stay stored. Kinds and values that this version cannot read are passed over.
#pragma once

#include "crdt/scope_table.hpp"

#include <edgesync/value.hpp>

#include <optional>
#include <string>
#include <vector>

namespace edgesync::crdt {

struct Shown {
  enum class Type : std::uint8_t { value, counter, set };
  struct Sibling {
    Value value{};
    Dot dot{};
  };

  std::string path{};
  Type type{};
  Value value{};                     ///< value; counter: the sum as an integer
  Dot dot{};                         ///< Who wrote what is shown last.
  std::vector<Value> members{};      ///< set, in order of their encoding
  std::vector<Sibling> conflicts{};  ///< value: concurrent values that lost, newest first
};

/// What stands at `path`; nothing if nothing that can be shown does.
std::optional<Shown> show(CellSource& cells, std::string_view path);

/// Everything in `range`, in path order. Return false to stop.
void show_all(CellSource& cells, const KeyRange& range, const Function<bool(const Shown&)>& visit);

}  // namespace edgesync::crdt
