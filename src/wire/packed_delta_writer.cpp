// SPDX-License-Identifier: Apache-2.0
#include "wire/packed_delta.hpp"

#include <algorithm>

namespace edgesync::wire {
namespace {

using crdt::Context;
using crdt::Stamp;

class PartWriter {
 public:
  explicit PartWriter(Bytes& body) : body_(body) {}

  void write(const DeltaPart& part) {
    const crdt::Delta& delta = part.delta;
    body_.u8(static_cast<std::uint8_t>((part.first ? body_head : 0) | (delta.complete ? body_complete : 0)));
    table(part);
    if (part.first) head(delta);
    lists(delta);
    body_.blob(stamp_bytes_);
    body_.raw(list_bytes_);
  }

 private:
  void lists(const crdt::Delta& delta) {
    lists_.varint(delta.keys.size());
    for (const crdt::KeyState& key : delta.keys) write(key);
    lists_.varint(delta.removals.size());
    last_key_ = {};
    for (const crdt::LogItem& removal : delta.removals) write(removal);
  }

  void collect(const Context& context) {
    for (const Context::Item& item : context.items()) replicas_.push_back(item.replica);
  }

  void table(const DeltaPart& part) {
    if (part.first) collect(part.delta.upto), collect(part.delta.base);
    for (const crdt::KeyState& key : part.delta.keys)
      for (const crdt::Listed& listed : key.listed) note(listed.entry.dot.replica);
    for (const crdt::LogItem& removal : part.delta.removals) note(removal.dot.replica), collect(removal.observed);
    std::sort(replicas_.begin(), replicas_.end());
    replicas_.erase(std::unique(replicas_.begin(), replicas_.end()), replicas_.end());
    body_.varint(replicas_.size());
    for (const ReplicaId& replica : replicas_) body_.id(replica);
  }

  // Runs of one replica are the rule, and the list is sorted later anyway.
  void note(const ReplicaId& replica) {
    if (replicas_.empty() || replicas_.back() != replica) replicas_.push_back(replica);
  }

  std::uint64_t index(const ReplicaId& replica) const {
    return static_cast<std::uint64_t>(std::lower_bound(replicas_.begin(), replicas_.end(), replica) -
                                      replicas_.begin());
  }

  static void difference(Writer& out, Stamp stamp, Stamp from) { out.svarint(static_cast<std::int64_t>(stamp - from)); }

  void context(Writer& out, const Context& value, const Context& relative) {
    out.varint(value.items().size());
    for (const Context::Item& item : value.items()) {
      out.varint(index(item.replica));
      difference(out, item.stamp, relative[item.replica]);
    }
  }

  void head(const crdt::Delta& delta) {
    context(body_, delta.upto, {});
    context(body_, delta.base, delta.upto);
    write_summary(body_, delta.summary);
    observed_ = delta.upto;
    for (const Context::Item& item : delta.upto.items()) stamp_ = std::max(stamp_, item.stamp);
  }

  void key(ByteView bytes) {
    const Shared common = shared(last_key_, bytes);
    lists_.varint(common.front);
    lists_.varint(common.back);
    lists_.blob(bytes.subspan(common.front, bytes.size() - common.front - common.back));
    last_key_ = bytes;
  }

  void write(const crdt::KeyState& state) {
    key(state.key);
    lists_.varint(state.listed.size());
    for (const crdt::Listed& listed : state.listed) write(listed);
  }

  void write(const crdt::Listed& listed) {
    const crdt::Entry& entry = listed.entry;
    const bool arbitrated = !listed.reference && entry.arbitration != 0;
    lists_.varint(index(entry.dot.replica) << 2 | (arbitrated ? entry_arbitration : 0U) |
                  (listed.reference ? entry_reference : 0U));
    next(entry.dot.stamp);
    if (arbitrated) difference(stamps_, entry.arbitration, entry.dot.stamp);
    if (!listed.reference) lists_.blob(entry.value);
  }

  void next(Stamp stamp) {
    difference(stamps_, stamp, stamp_);
    stamp_ = stamp;
  }

  void write(const crdt::LogItem& removal) {
    lists_.u8(static_cast<std::uint8_t>(removal.type));
    lists_.varint(index(removal.dot.replica));
    next(removal.dot.stamp);
    if (removal.type == crdt::LogItem::Type::remove) return key(removal.key);
    lists_.blob(removal.range.low);
    lists_.blob(removal.range.high);
    context(lists_, removal.observed, observed_);
    observed_ = removal.observed;
  }

  Writer body_;
  Bytes stamp_bytes_{}, list_bytes_{};
  Writer stamps_{stamp_bytes_}, lists_{list_bytes_};
  std::vector<ReplicaId> replicas_{};
  Context observed_{};  // what the next range removal's context is relative to
  ByteView last_key_{};
  Stamp stamp_ = 0;
};

}  // namespace

Bytes pack(const DeltaPart& part) {
  Bytes body;
  PartWriter(body).write(part);
  return body;
}

Shared shared(ByteView before, ByteView key) noexcept {
  const auto front = std::mismatch(before.begin(), before.end(), key.begin(), key.end()).first - before.begin();
  const ByteView rest = before.subspan(static_cast<std::size_t>(front)),
                 left = key.subspan(static_cast<std::size_t>(front));
  const auto back = std::mismatch(rest.rbegin(), rest.rend(), left.rbegin(), left.rend()).first - rest.rbegin();
  return {static_cast<std::size_t>(front), static_cast<std::size_t>(back)};
}

void write_summary(Writer& out, const crdt::Summary& summary) {
  write_hash(out, summary.sum);
  out.varint(summary.count);
}

}  // namespace edgesync::wire
