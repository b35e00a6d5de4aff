// SPDX-License-Identifier: Apache-2.0
#include "crdt/view.hpp"

#include "crdt/transaction.hpp"
#include "crdt/value_codec.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace edgesync::crdt {
namespace {

/// Gathers the cells of one path and resolves them when the next path begins.
class Gathering {
 public:
  explicit Gathering(std::string path) : path_(std::move(path)) {}
  const std::string& path() const noexcept { return path_; }

  void add(const KeyParts& parts, const Cell& cell) {
    switch (static_cast<Kind>(parts.kind)) {
      case Kind::value:
        return add_value(cell);
      case Kind::member:
        return add_member(cell);
      case Kind::count:
        return add_count(parts, cell);
      case Kind::baseline:
        if (const auto part = counter_part(cell)) baselines_[to_bytes(parts.suffix)] = *part;
        return;
    }
  }

  std::optional<Shown> resolve() {
    if (!best_) return std::nullopt;
    Shown shown{path_, type_, {}, best_->dot, {}, {}};
    if (type_ == Shown::Type::value) {
      shown.value = std::move(value_);
      shown.conflicts = std::move(siblings_);
    } else if (type_ == Shown::Type::set) {
      shown.members = std::move(members_);
    } else {
      shown.value = sum();
    }
    return shown;
  }

 private:
  void rank(Shown::Type type, const Entry& top) {
    if (best_ && !ranks_below(*best_, top)) return;
    best_ = top;
    type_ = type;
  }

  void add_value(Cell cell) {
    std::sort(cell.begin(), cell.end(), [](const Entry& a, const Entry& b) { return ranks_below(b, a); });
    bool first = true;
    std::set<ByteView, BytesLess> above;
    for (const Entry& entry : cell) {
      auto value = decode_value(entry.value);
      if (!above.insert(entry.value).second || !value) continue;  // equal content is shown once
      if (first) {
        value_ = *std::move(value);
        rank(Shown::Type::value, entry);
      } else {
        siblings_.push_back({*std::move(value), entry.dot});
      }
      first = false;
    }
  }

  void add_count(const KeyParts& parts, const Cell& cell) {
    const auto part = counter_part(cell);
    if (!part) return;
    counts_[to_bytes(parts.suffix)] = *part;
    rank(Shown::Type::counter, winner(cell));
  }

  void add_member(const Cell& cell) {
    auto member = decode_value(winner(cell).value);
    if (!member) return;
    members_.push_back(*std::move(member));
    rank(Shown::Type::set, winner(cell));
  }

  std::int64_t sum() const {
    __extension__ __int128 total = 0;  // many owners' 64-bit sums: clamp once, at the end
    for (const auto& [owner, part] : counts_) {
      total += part.sum;
      const auto base = baselines_.find(owner);
      if (base != baselines_.end() && base->second.incarnation == part.incarnation) total -= base->second.sum;
    }
    if (total > INT64_MAX) return INT64_MAX;
    return total < INT64_MIN ? INT64_MIN : static_cast<std::int64_t>(total);
  }

  std::string path_;
  std::optional<Entry> best_;
  Shown::Type type_{};
  Value value_;
  std::vector<Shown::Sibling> siblings_;
  std::vector<Value> members_;
  std::map<Bytes, CounterPart, BytesLess> counts_, baselines_;
};

}  // namespace

void show_all(CellSource& cells, const KeyRange& range, const Function<bool(const Shown&)>& visit) {
  std::optional<Gathering> gathering;
  bool more = true;
  const auto finish = [&] {
    if (!gathering) return;
    if (const auto shown = gathering->resolve()) more = visit(*shown);
    gathering.reset();
  };
  cells.scan(range, [&](ByteView key, const Cell& cell) {
    const auto parts = split(key);
    if (!parts || cell.empty()) return true;
    if (gathering && gathering->path() != parts->path) finish();
    if (!more) return false;
    if (!gathering) gathering.emplace(parts->path);
    gathering->add(*parts, cell);
    return true;
  });
  if (more) finish();
}

std::optional<Shown> show(CellSource& cells, std::string_view path) {
  std::optional<Shown> found;
  show_all(cells, cells_at(path), [&](const Shown& shown) {
    found = shown;
    return false;
  });
  return found;
}

}  // namespace edgesync::crdt
