// SPDX-License-Identifier: Apache-2.0
// Ledger: what was added under which dot, and which dots saw it taken away. The specification of observed-remove sets
// and of resettable counters at once, with no merging in it.
#pragma once

#include "crdt/dot.hpp"

#include <algorithm>
#include <vector>

namespace edgesync::laws {

template <class T>
class Ledger {
 public:
  void add(const crdt::Dot& dot, T what) { items_.push_back({dot, std::move(what), {}}); }

  /// `dot` takes away whatever it sees for which `picks` holds: what lives under `seen`, and what it added itself.
  template <class Picks>
  void take(const crdt::Dot& dot, const crdt::Context& seen, const Picks& picks) {
    for (Item& item : items_)
      if ((item.dot == dot || lives(item, seen)) && picks(item.what)) item.takers.push_back(dot);
  }

  std::vector<T> live(const crdt::Context& context) const {
    std::vector<T> found;
    for (const Item& item : items_)
      if (lives(item, context)) found.push_back(item.what);
    return found;
  }

 private:
  struct Item {
    crdt::Dot dot{};
    T what{};
    std::vector<crdt::Dot> takers{};
  };

  static bool lives(const Item& item, const crdt::Context& context) {
    return context.covers(item.dot) && std::none_of(item.takers.begin(), item.takers.end(),
                                                    [&](const crdt::Dot& taker) { return context.covers(taker); });
  }

  std::vector<Item> items_;
};

}  // namespace edgesync::laws
