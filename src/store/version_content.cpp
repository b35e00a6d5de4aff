// SPDX-License-Identifier: Apache-2.0
#include "store/version_content.hpp"

#include "config/activation.hpp"
#include "config/content.hpp"
#include "store/row_check.hpp"
#include "wire/patch.hpp"

#include <algorithm>

namespace edgesync::store {
namespace {

enum class Form : std::uint8_t { plain, patch };

constexpr std::size_t id_bytes = sizeof(Sha256Digest);

Bytes encode_key(const VersionKey& key) {
  Bytes bytes;
  Writer out(bytes);
  out.u64(key.number);
  out.raw(from_hex(key.id).value_or(Bytes{}));
  return bytes;
}

VersionKey decode_key(ByteView bytes) {
  Reader in(bytes);
  const std::uint64_t number = in.u64();
  return {number, to_hex(in.raw(id_bytes))};
}

std::uint32_t check_of(std::uint32_t sid, const VersionKey& key, ByteView base, ByteView body) {
  return row_check({sid, row_check({}, encode_key(key), base)}, body);
}

Bytes seal(std::uint32_t sid, const VersionKey& key, ByteView base, Form form, ByteView bytes) {
  Bytes body;
  body.reserve(1 + bytes.size() + check_bytes);
  Writer out(body);
  out.u8(static_cast<std::uint8_t>(form));
  out.raw(bytes);
  append_check(body, check_of(sid, key, base, body));
  return body;
}

bool proves(ByteView content, const VersionKey& key) { return to_hex(sha256(content)) == key.id; }

/// What a sound body tells on top of `base`.
std::optional<Bytes> unfold(ByteView base, ByteView body) {
  const ByteView bytes = body.subspan(1, body.size() - 1 - check_bytes);
  if (body[0] == static_cast<std::byte>(Form::plain)) return to_bytes(bytes);
  auto content = wire::apply_patch(base, bytes, config::max_content_bytes);
  return content ? std::optional(*std::move(content)) : std::nullopt;
}

void put(SqlTable& table, const VersionKey& key, const StoredContent& stored) {
  const Bytes id = from_hex(key.id).value_or(Bytes{});
  Query(table.file().db, Sql::version_content)
      .bind(table.sid())
      .bind(key.number)
      .bind(id)
      .bind(stored.base)
      .bind(stored.body)
      .step();
}

Error unreadable(const VersionKey& key, const char* why) {
  return {Errc::storage_corrupt, "version " + std::to_string(key.number) + ": " + key.id + ": " + why};
}

constexpr const char* broken = "does not come out as its id says";

}  // namespace

StoredContent whole_content(std::uint32_t sid, const VersionKey& key, ByteView content) {
  if (content.empty()) return {};
  const Bytes patch = wire::make_patch({}, content);
  const bool pays = !patch.empty() && patch.size() < content.size();
  return {{}, seal(sid, key, {}, pays ? Form::patch : Form::plain, pays ? ByteView(patch) : content)};
}

bool content_stands(std::uint32_t sid, const VersionKey& key, ByteView base, ByteView body) {
  if (body.empty()) return base.empty();
  if (body.size() <= check_bytes || (!base.empty() && base.size() != sizeof(std::uint64_t) + id_bytes)) return false;
  return check_at_end(body) == check_of(sid, key, base, body.first(body.size() - check_bytes));
}

std::optional<Bytes> open_whole(std::uint32_t sid, const VersionKey& key, ByteView base, ByteView body) {
  if (!base.empty() || body.empty() || !content_stands(sid, key, base, body)) return std::nullopt;
  auto content = unfold({}, body);
  return content && proves(*content, key) ? content : std::nullopt;
}

namespace {

/// What the chain of a row comes to, as far as the checks of its rows can tell.
Result<Bytes> assemble(SqlTable& table, const VersionKey& key) {
  std::vector<Bytes> chain;  // from `key` to what stands by itself
  for (VersionKey at = key;;) {
    const Bytes id = from_hex(at.id).value_or(Bytes{});
    Query row(table.file().db, Sql::version_one);
    if (!row.bind(table.sid()).bind(at.number).bind(id).step())
      return chain.empty() ? Error(Errc::not_found, "version " + std::to_string(key.number) + ": " + key.id)
                           : unreadable(key, "what it was a difference to is gone");
    const ByteView base = row.blob(2), body = row.blob(3);
    if (!content_stands(table.sid(), at, base, body)) {
      table.want_sweep();
      return unreadable(key, chain.empty() ? "its content is damaged" : "what it was a difference to is damaged");
    }
    if (body.empty() && chain.empty())
      return Error(Errc::not_found, "version " + std::to_string(key.number) + ": has no content here");
    if (body.empty()) return unreadable(key, "what it was a difference to is gone");
    chain.push_back(to_bytes(body));
    if (base.empty()) break;
    if (chain.size() > config::max_role_rows) return unreadable(key, "its chain of differences has no end");
    at = decode_key(base);
  }
  std::optional<Bytes> content = Bytes{};
  for (auto body = chain.rbegin(); body != chain.rend() && content; ++body) content = unfold(*content, *body);
  return content ? Result<Bytes>(*std::move(content)) : unreadable(key, broken);
}

}  // namespace

Result<Bytes> read_content(SqlTable& table, const VersionKey& key) {
  auto content = assemble(table, key);
  if (content && !proves(*content, key)) return unreadable(key, broken);
  return content;
}

void release_dependants(SqlTable& table, const VersionKey& key) {
  const Bytes base = encode_key(key);
  std::vector<VersionKey> dependants;
  {
    Query rows(table.file().db, Sql::version_dependants);
    rows.bind(table.sid()).bind(base);
    while (rows.step()) dependants.push_back({rows.number(0), to_hex(rows.blob(1))});
  }
  for (const VersionKey& one : dependants)
    if (const auto content = read_content(table, one)) put(table, one, whole_content(table.sid(), one, *content));
}

namespace {

/// The rows of a scope that have content, and who is a patch on whom.
class Packing {
 public:
  explicit Packing(SqlTable& table) : table_(table) {
    Query rows(table.file().db, Sql::version_heads);
    rows.bind(table.sid());
    while (rows.step()) {
      if (rows.number(5) == 0) continue;
      Head head{{rows.number(0), to_hex(rows.blob(1))}, static_cast<VersionRole>(rows.number(3) & 0xff)};
      if (!rows.blob(4).empty()) head.base = decode_key(rows.blob(4));
      heads_.push_back(std::move(head));
    }
    std::sort(heads_.begin(), heads_.end(), [](const Head& a, const Head& b) { return a.key < b.key; });
  }

  void run() {
    measure();
    std::size_t left = packs_per_commit;
    for (std::size_t i = 0; i < heads_.size() && left > 0; ++i) {
      Head& head = heads_[i];
      if (stands_alone(i)) {
        if (head.base) unpack(head);
      } else if (!head.base && head.tail + 1 + heads_[i + 1].depth <= chain_max) {
        pack(head, heads_[i + 1].key);
        --left;
      }
    }
  }

 private:
  struct Head {
    VersionKey key{};
    VersionRole role{};
    std::optional<VersionKey> base{};
    std::size_t depth = 0, tail = 0;  ///< Patches to read it; patches from the farthest that depends on it.
  };

  /// What is in use, what may be next, and what a rollback would go to, are not worth another row's damage. The newest
  /// has nothing to be a patch on.
  bool stands_alone(std::size_t i) const {
    const VersionRole role = heads_[i].role;
    if (i + 1 == heads_.size() || config::is_pending(role)) return true;
    if (role == VersionRole::active || role == VersionRole::trial) return true;
    if (role != VersionRole::confirmed && role != VersionRole::rolled_back) return false;
    return std::none_of(heads_.begin() + static_cast<std::ptrdiff_t>(i) + 1, heads_.end(),
                        [role](const Head& later) { return later.role == role; });
  }

  /// A patch is always on a newer one, so one way through them is enough for either length.
  void measure() {
    const auto base_of = [this](const Head& head) {
      const auto at = std::lower_bound(heads_.begin(), heads_.end(), *head.base,
                                       [](const Head& one, const VersionKey& key) { return one.key < key; });
      return at != heads_.end() && at->key == *head.base ? &*at : nullptr;
    };
    for (Head& head : heads_) head.depth = head.tail = 0;
    for (const Head& head : heads_)
      if (Head* base = head.base ? base_of(head) : nullptr) base->tail = std::max(base->tail, head.tail + 1);
    for (auto head = heads_.rbegin(); head != heads_.rend(); ++head)
      if (const Head* base = head->base ? base_of(*head) : nullptr) head->depth = base->depth + 1;
  }

  void pack(Head& head, const VersionKey& newer) {
    // What is read is proved each time; here the checks of the rows are enough.
    const auto content = assemble(table_, head.key), base = assemble(table_, newer);
    if (!content || !base) return;
    const Bytes patch = wire::make_patch(*base, *content);
    if (patch.empty()) return;
    const Bytes on = encode_key(newer);
    put(table_, head.key, {on, seal(table_.sid(), head.key, on, Form::patch, patch)});
    head.base = newer;
    measure();
  }

  void unpack(Head& head) {
    const auto content = read_content(table_, head.key);
    if (!content) return;
    put(table_, head.key, whole_content(table_.sid(), head.key, *content));
    head.base.reset();
    measure();
  }

  SqlTable& table_;
  std::vector<Head> heads_{};  // ascending
};

}  // namespace

void pack_versions(SqlTable& table) { Packing(table).run(); }

}  // namespace edgesync::store
