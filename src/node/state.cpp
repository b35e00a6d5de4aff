// SPDX-License-Identifier: Apache-2.0
#include <edgesync/state.hpp>

#include "crdt/hlc.hpp"
#include "crdt/transaction.hpp"
#include "node/core.hpp"

#include <algorithm>

namespace edgesync {
namespace {

Item to_item(const crdt::Shown& shown) {
  Item item{shown.path, static_cast<Item::Type>(shown.type), shown.value, shown.members, {}};
  for (const crdt::Shown::Sibling& sibling : shown.conflicts)
    item.conflicts.push_back({sibling.value, sibling.dot.replica, crdt::Hlc::wall(sibling.dot.stamp)});
  return item;
}

Result<std::optional<crdt::Shown>> shown_at(const node::ScopeHandle& scope, std::string_view key) {
  std::optional<crdt::Shown> shown;
  if (auto read = scope.read([&](crdt::CellSource& cells) { shown = crdt::show(cells, key); }); !read)
    return std::move(read).error();
  return shown;
}

Error nothing_at(const node::ScopeHandle& scope, std::string_view key) {
  return {Errc::not_found, "state: " + scope.name + ": no \"" + std::string(key) + "\""};
}

std::optional<Value> journal_value(const std::optional<crdt::Shown>& shown) {
  return shown ? std::optional<Value>(shown->value) : std::nullopt;
}

}  // namespace

Result<Value> State::get(std::string_view key) const {
  auto shown = shown_at(*scope_, key);
  if (!shown) return std::move(shown).error();
  if (!*shown) return nothing_at(*scope_, key);
  if ((*shown)->type == crdt::Shown::Type::set)
    return Error(Errc::type_mismatch, "state: " + scope_->name + ": \"" + std::string(key) + "\" is a set");
  return (*shown)->value;
}

Result<std::vector<Value>> State::members(std::string_view key) const {
  auto shown = shown_at(*scope_, key);
  if (!shown) return std::move(shown).error();
  if (!*shown) return std::vector<Value>{};
  if ((*shown)->type != crdt::Shown::Type::set)
    return Error(Errc::type_mismatch, "state: " + scope_->name + ": \"" + std::string(key) + "\" is not a set");
  return (*shown)->members;
}

Result<std::vector<Item>> State::scan(std::string_view prefix) const {
  std::vector<Item> items;
  auto read = scope_->read([&](crdt::CellSource& cells) {
    crdt::show_all(cells, crdt::cells_under(prefix), [&](const crdt::Shown& shown) {
      items.push_back(to_item(shown));
      return true;
    });
  });
  if (!read) return std::move(read).error();
  return items;
}

std::vector<Conflict> State::conflicts(std::string_view key) const {
  auto shown = shown_at(*scope_, key);
  return shown && *shown ? to_item(**shown).conflicts : std::vector<Conflict>{};
}

Result<Commit> State::commit(const Edit& edit, Durability durability) {
  const bool reads = std::any_of(edit.ops().begin(), edit.ops().end(), crdt::reads);
  auto lock = reads ? scope_->lock_idle() : scope_->lock();
  if (!lock) return std::move(lock).error();
  node::Core& core = *scope_->core;
  if (auto author = core.become_author(*lock, scope_->id); !author) return std::move(author).error();
  auto committed = core.store().commit(scope_->id, edit.ops(), core.time());
  if (!committed) return std::move(committed).error();
  ++core.engine().metrics().commits;
  if (durability == Durability::fast) {
    core.commit_later(*lock, core.batch_delay());
  } else if (auto settled = core.settle(*lock, committed->ticket); !settled) {
    return std::move(settled).error();
  }
  return Commit{committed->stamp};
}

Result<Commit> State::set(std::string_view key, Value value) { return commit(Edit().set(key, std::move(value))); }
Result<Commit> State::add(std::string_view key, std::int64_t delta) { return commit(Edit().add(key, delta)); }
Result<Commit> State::reset(std::string_view key) { return commit(Edit().reset(key)); }
Result<Commit> State::insert(std::string_view key, Value member) {
  return commit(Edit().insert(key, std::move(member)));
}
Result<Commit> State::remove(std::string_view key, Value member) {
  return commit(Edit().remove(key, std::move(member)));
}
Result<Commit> State::erase(std::string_view key) { return commit(Edit().erase(key)); }
Result<Commit> State::erase_prefix(std::string_view key) { return commit(Edit().erase_prefix(key)); }

Subscription State::on_change(std::string_view prefix, ChangeHandler handler) const {
  if (auto lock = scope_->lock()) scope_->core->store().watch(scope_->id, true);
  return scope_->core->handlers().on_change(scope_->name, std::string(prefix), std::move(handler));
}

Result<std::vector<JournalEntry>> State::journal(std::size_t limit) const {
  auto lock = scope_->lock_idle();
  if (!lock) return std::move(lock).error();
  auto entries = scope_->core->store().journal(scope_->id, limit);
  if (!entries) return std::move(entries).error();
  std::vector<JournalEntry> journal;
  for (const store::JournalEntry& entry : *entries) {
    JournalEntry& shown = journal.emplace_back(JournalEntry{entry.version, entry.at, {}});
    for (const store::PathChange& change : entry.changes)
      shown.changes.push_back({change.path, journal_value(change.before), journal_value(change.after)});
  }
  return journal;
}

Result<Digest> State::digest() const { return scope_->digest(); }
const std::string& State::name() const noexcept { return scope_->name; }

}  // namespace edgesync
