// SPDX-License-Identifier: Apache-2.0
#include "wire/packed_delta.hpp"

#include "crdt/hlc.hpp"

#include <algorithm>

namespace edgesync::wire {
namespace {

using crdt::Context;
using crdt::Stamp;

constexpr Timestamp year_2201 = std::chrono::sys_days(std::chrono::year(2201) / 1 / 1);

class PartReader {
 public:
  PartReader(ByteView body, Budget& budget) : in_(body), budget_(budget) {}

  void read(DeltaPart& part) {
    crdt::Delta& delta = part.delta;
    const std::uint8_t flags = in_.u8();
    if (flags > (body_head | body_complete) || flags == body_complete) return malformed("body: unknown flags");
    if (part.first != ((flags & body_head) != 0))
      return malformed("body: a head in a later part, or none in the first");
    delta.complete = (flags & body_complete) != 0;
    table();
    if (part.first) head(delta);
    stamps_ = Reader(in_.blob());
    keys(delta.keys);
    removals(delta.removals);
    if (!in_.done() || !stamps_.done()) return malformed("body: ends early or late");
    if (std::find(named_.begin(), named_.end(), false) != named_.end()) malformed("body: a replica that nothing names");
  }

 private:
  void malformed(const char* what) {
    budget_.malformed(what);
    in_.fail();
  }

  bool failed() {
    if (budget_.failed() || stamps_.failed()) in_.fail();
    return in_.failed();
  }

  // Room for a list whose items take at least `wire_bytes` there and `bytes_each` here.
  template <class T>
  std::size_t list(std::vector<T>& items, std::size_t wire_bytes, std::size_t bytes_each) {
    const std::size_t count = in_.count(wire_bytes);
    if (failed() || !budget_.container(count, bytes_each)) return failed(), 0;
    items.reserve(count);
    return count;
  }

  // Bounded by its own size on the wire, since every id stands there whole.
  void table() {
    const std::size_t count = in_.count(sizeof(ReplicaId));
    if (failed() || !budget_.memory(count * (sizeof(ReplicaId) + 1))) return;
    replicas_.reserve(count);
    named_.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      const ReplicaId replica = in_.id();
      if (!replicas_.empty() && !(replicas_.back() < replica)) return malformed("body: replicas do not ascend");
      replicas_.push_back(replica);
    }
    last_removal_.resize(budget_.memory(count * sizeof(Stamp)) ? count : 0);
  }

  std::size_t index(std::uint64_t value) {
    if (value >= replicas_.size()) return malformed("body: no such replica"), 0;
    named_[static_cast<std::size_t>(value)] = true;
    return static_cast<std::size_t>(value);
  }

  Stamp stamp(Reader& from_bytes, Stamp from) {
    const Stamp value = from + static_cast<Stamp>(from_bytes.svarint());
    if (failed() || from_bytes.failed()) return 0;
    if (value == 0) return malformed("body: stamp 0"), 0;
    if (crdt::Hlc::wall(value) >= year_2201) return malformed("body: a stamp later than the year 2200"), 0;
    return value;
  }

  Context context(const Context& relative) {
    Context value;
    const std::size_t count = in_.count(2);
    if (count > budget_.limits().origins) budget_.exceeded("replicas in a context");
    if (failed() || !budget_.memory(count * sizeof(Context::Item) * 2)) return value;
    std::size_t above = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = index(in_.varint());
      if (failed()) return {};
      if (at < above) return malformed("body: a context does not ascend"), Context{};
      above = at + 1;
      value.advance({replicas_[at], stamp(in_, relative[replicas_[at]])});
    }
    return value;
  }

  void head(crdt::Delta& delta) {
    delta.upto = context({});
    delta.base = context(delta.upto);
    delta.summary = read_summary(in_);
    if (failed() || !budget_.memory(delta.upto.items().size() * sizeof(Context::Item))) return;
    observed_ = delta.upto;
    for (const Context::Item& item : delta.upto.items()) stamp_ = std::max(stamp_, item.stamp);
  }

  Bytes key() {
    const std::uint64_t front = in_.varint(), back = in_.varint();
    const ByteView middle = in_.blob();
    if (failed()) return {};
    if (front > last_key_.size() || back > last_key_.size() - front)
      return malformed("body: a key shares more than there is"), Bytes{};
    const Shared common{static_cast<std::size_t>(front), static_cast<std::size_t>(back)};
    const std::size_t size = common.front + middle.size() + common.back;
    if (size > budget_.limits().key_bytes) budget_.exceeded("key");
    if (failed() || !budget_.memory(size + block_bytes)) return failed(), Bytes{};
    if (size == 0) return malformed("body: empty key"), Bytes{};
    Bytes bytes;
    bytes.reserve(size);
    for (const ByteView piece : {last_key_.first(common.front), middle, last_key_.last(common.back)})
      bytes.insert(bytes.end(), piece.begin(), piece.end());
    if (shared(last_key_, bytes) != common) return malformed("body: a key shares less than it could"), Bytes{};
    return bytes;
  }

  void keys(std::vector<crdt::KeyState>& keys) {
    const std::size_t count = list(keys, 4, sizeof(crdt::KeyState));
    for (std::size_t i = 0; i < count; ++i) {
      Bytes bytes = key();
      if (failed()) return;
      if (compare(last_key_, bytes) >= 0) return malformed("body: keys do not ascend");
      keys.push_back({std::move(bytes), {}});
      last_key_ = keys.back().key;
      entries(keys.back().listed);
    }
    last_key_ = {};
  }

  void entries(std::vector<crdt::Listed>& listed) {
    const std::size_t count = list(listed, 1, sizeof(crdt::Listed) + block_bytes);
    for (std::size_t i = 0; i < count; ++i) {
      crdt::Listed item = entry();
      if (failed()) return;
      if (!listed.empty() && listed.back().entry.dot >= item.entry.dot) return malformed("body: entries do not ascend");
      listed.push_back(std::move(item));
    }
  }

  crdt::Listed entry() {
    const std::uint64_t head = in_.varint();
    const bool reference = (head & entry_reference) != 0, arbitrated = (head & entry_arbitration) != 0;
    const std::size_t at = index(head >> 2);
    if (reference && arbitrated) malformed("body: a reference with arbitration");
    if (failed()) return {};
    crdt::Listed item;
    item.reference = reference;
    item.entry.dot = {replicas_[at], stamp_ = stamp(stamps_, stamp_)};
    if (arbitrated) item.entry.arbitration = stamp(stamps_, item.entry.dot.stamp);
    const ByteView value = reference ? ByteView{} : in_.blob();
    if (!failed() && budget_.memory(value.size())) item.entry.value = to_bytes(value);
    return item;
  }

  void removals(std::vector<crdt::LogItem>& removals) {
    const std::size_t count = list(removals, 5, sizeof(crdt::LogItem));
    for (std::size_t i = 0; i < count && !failed(); ++i) {
      removals.emplace_back();
      removal(removals.back());
    }
  }

  void removal(crdt::LogItem& item) {
    item.type = static_cast<crdt::LogItem::Type>(in_.u8());
    const std::size_t at = index(in_.varint());
    if (failed()) return;
    item.dot = {replicas_[at], stamp_ = stamp(stamps_, stamp_)};
    if (item.dot.stamp < last_removal_[at]) return malformed("body: removals do not ascend");
    last_removal_[at] = item.dot.stamp;
    if (item.type == crdt::LogItem::Type::remove) {
      item.key = key();
      last_key_ = item.key;
    } else if (item.type == crdt::LogItem::Type::remove_range) {
      range_removal(item);
    } else {
      malformed("body: unknown type of removal");
    }
  }

  Bytes bound() {
    const ByteView bytes = in_.blob();
    if (bytes.size() > budget_.limits().key_bytes) budget_.exceeded("range bound");
    if (failed() || !budget_.memory(bytes.size() + block_bytes)) return failed(), Bytes{};
    return to_bytes(bytes);
  }

  void range_removal(crdt::LogItem& item) {
    item.range = {bound(), bound()};
    if (failed()) return;
    if (!item.range.high.empty() && compare(item.range.low, item.range.high) >= 0)
      return malformed("body: a range that ends before it begins");
    item.observed = context(observed_);
    if (budget_.memory(item.observed.items().size() * sizeof(Context::Item))) observed_ = item.observed;
  }

  Reader in_;
  Reader stamps_{ByteView{}};
  Budget& budget_;
  std::vector<ReplicaId> replicas_{};
  std::vector<bool> named_{};          // of replicas_, by anything so far
  std::vector<Stamp> last_removal_{};  // per replica
  Context observed_{};                 // what the next range removal's context is relative to
  ByteView last_key_{};                // into the delta
  Stamp stamp_ = 0;
};

}  // namespace

void unpack(ByteView body, DeltaPart& part, Budget& budget) { PartReader(body, budget).read(part); }

crdt::Summary read_summary(Reader& in) {
  crdt::Summary summary;
  summary.sum = read_hash(in);
  summary.count = in.varint();
  return summary;
}

}  // namespace edgesync::wire
