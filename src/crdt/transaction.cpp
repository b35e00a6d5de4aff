// SPDX-License-Identifier: Apache-2.0
#include "crdt/transaction.hpp"

#include "base/hash.hpp"
#include "base/path.hpp"
#include "base/planted.hpp"
#include "crdt/value_codec.hpp"

namespace edgesync::crdt {
namespace {

constexpr std::size_t member_inline_max = 64;
constexpr std::byte member_hashed{0xff};  // no value's encoding begins so: a short member never meets a long one's hash

std::size_t payload_bytes(const Value& value) noexcept {
  if (const auto* text = std::get_if<std::string>(&value)) return text->size();
  if (const auto* bytes = std::get_if<Bytes>(&value)) return bytes->size();
  if (const auto* json = std::get_if<Json>(&value)) return json->text.size();
  return sizeof value;
}

Bytes member_suffix(const Bytes& encoded) {
  if (encoded.size() <= member_inline_max) return encoded;
  const Sha256Digest digest = sha256(encoded);
  Bytes suffix{member_hashed};
  suffix.insert(suffix.end(), digest.begin(), digest.begin() + 16);
  return suffix;
}

class Planner {
 public:
  Planner(CellSource& view, const Author& author) : author_(author), view_(view, changes_, author_.self) {
    changes_.observed = author.observed;
  }

  Result<void> run(const Edit::Op& op) {
    if (op.kind != Edit::Kind::erase_prefix || !op.key.empty()) {
      if (auto good = check_path("key", op.key); !good) return good;
    }
    switch (op.kind) {
      case Edit::Kind::set:
        return write(cell_key(op.key, Kind::value), encode_value(op.value), op);
      case Edit::Kind::insert:
        return insert(op);
      case Edit::Kind::remove:
        return remove(op);
      case Edit::Kind::add:
        return add(op);
      case Edit::Kind::reset:
        return reset(op);
      case Edit::Kind::erase:
        return erase(op);
      case Edit::Kind::erase_prefix:
        return erase_prefix(op);
    }
    return Error(Errc::invalid_argument, "edit: \"" + op.key + "\": unknown operation");
  }

  Changes finish() {
    changes_.last = author_.stamp;
    return std::move(changes_);
  }

 private:
  Result<void> write(ByteView key, Bytes value, const Edit::Op& op) {
    if (value.size() > value_bytes_max)
      return Error(Errc::limit_exceeded, "value: \"" + op.key + "\": " + std::to_string(value.size()) +
                                             " bytes, the limit is " + std::to_string(value_bytes_max));
    changes_.write(key, author_.stamp, Entry{{author_.self, author_.stamp}, 0, std::move(value)});
    return {};
  }

  void remove_cell(ByteView key) { changes_.write(key, author_.stamp, std::nullopt); }

  Result<void> insert(const Edit::Op& op) {
    Bytes member = encode_value(op.value);
    const Bytes key = cell_key(op.key, Kind::member, member_suffix(member));
    return write(key, std::move(member), op);
  }

  Result<void> remove(const Edit::Op& op) {
    const Bytes key = cell_key(op.key, Kind::member, member_suffix(encode_value(op.value)));
    if (!view_.find(key).empty()) remove_cell(key);
    return {};
  }

  Result<void> add(const Edit::Op& op) {
    const Bytes own = cell_key(op.key, Kind::count, author_.self.bytes);
    const Bytes base = cell_key(op.key, Kind::baseline, author_.self.bytes);
    const auto part = counter_part(view_.find(own));
    const auto baseline = counter_part(view_.find(base));
    CounterPart next{0, 1, planted(Bug::count_twice) ? 2 * op.delta : op.delta};
    if (baseline && (!part || (baseline->incarnation == part->incarnation && baseline->version == part->version))) {
      // All that was counted has been reset, or erased: begin a new incarnation, and the baseline has nothing left to
      // say.
      next.incarnation = baseline->incarnation + 1;
      remove_cell(base);
    } else if (part) {
      next = {part->incarnation, part->version + 1, part->sum};
      if (__builtin_add_overflow(part->sum, op.delta, &next.sum))
        return Error(Errc::limit_exceeded, "add: \"" + op.key + "\": the counter would overflow 64 bits");
    }
    return write(own, encode(next), op);
  }

  Result<void> reset(const Edit::Op& op) {
    if (planted(Bug::reset_nothing)) return {};
    std::vector<std::pair<Bytes, CounterPart>> baselines;
    view_.scan(cells_at(op.key, Kind::count), [&](ByteView key, const Cell& cell) {
      const auto part = counter_part(cell);
      const auto parts = split(key);
      if (part && parts) baselines.emplace_back(cell_key(op.key, Kind::baseline, parts->suffix), *part);
      return true;
    });
    for (const auto& [key, part] : baselines)
      if (auto written = write(key, encode(part), op); !written) return written;
    return {};
  }

  Result<void> erase(const Edit::Op& op) {
    std::vector<Bytes> keys;
    view_.scan(cells_at(op.key), [&](ByteView key, const Cell&) {
      keys.push_back(to_bytes(key));
      return true;
    });
    for (const Bytes& key : keys) remove_cell(key);
    return {};
  }

  Result<void> erase_prefix(const Edit::Op& op) {
    changes_.remove_range(author_.stamp, cells_under(op.key), author_.observed);
    return {};
  }

  const Author& author_;
  Changes changes_;
  Overlay view_;
};

}  // namespace

bool reads(const Edit::Op& op) noexcept {
  return op.kind != Edit::Kind::set && op.kind != Edit::Kind::insert && op.kind != Edit::Kind::erase_prefix;
}

Result<Changes> plan(std::span<const Edit::Op> ops, CellSource& view, const Author& author) {
  if (ops.empty()) return Error(Errc::invalid_argument, "transaction: no operations");
  if (ops.size() > transaction_ops_max)
    return Error(Errc::limit_exceeded, "transaction: " + std::to_string(ops.size()) + " operations, the limit is " +
                                           std::to_string(transaction_ops_max));
  std::size_t bytes = 0;
  for (const Edit::Op& op : ops) bytes += op.key.size() + payload_bytes(op.value);
  if (bytes > transaction_bytes_max)
    return Error(Errc::limit_exceeded, "transaction: " + std::to_string(bytes) + " bytes, the limit is " +
                                           std::to_string(transaction_bytes_max));
  Planner planner(view, author);
  for (const Edit::Op& op : ops)
    if (auto done = planner.run(op); !done) return done.error();
  return planner.finish();
}

Bytes encode(const CounterPart& part) {
  Bytes bytes;
  Writer out(bytes);
  out.varint(part.incarnation);
  out.varint(part.version);
  out.svarint(part.sum);
  return bytes;
}

std::optional<CounterPart> counter_part(const Cell& cell) {
  std::optional<CounterPart> greatest;
  for (const Entry& entry : cell) {
    Reader in(entry.value);
    CounterPart part;
    part.incarnation = in.varint();
    part.version = in.varint();
    part.sum = in.svarint();
    if (in.done() && (!greatest || *greatest < part)) greatest = part;
  }
  return greatest;
}

}  // namespace edgesync::crdt
