// SPDX-License-Identifier: Apache-2.0
#include "node/stream_rules.hpp"

namespace edgesync::node {
namespace {

constexpr std::string_view whole_suffix = "/local";

Error named(const store::Store& store, store::ScopeId scope, Errc code, const std::string& why) {
  return {code, "stream: \"" + store.scope(scope).name + "\"" + why};
}

std::string whole_name(const store::Store& store, store::ScopeId scope) {
  return store.scope(scope).name + std::string(whole_suffix);
}

/// Changes nothing.
Result<void> check_masks(const store::Store& store, store::ScopeId scope, const StreamOptions& options) {
  if (options.local_only)
    return named(store, scope, Errc::invalid_argument, ": masks: nothing leaves of what is local_only");
  if (auto good = stream::validate(options.masks, {options.columns}); !good)
    return named(store, scope, Errc::invalid_argument, ": " + good.error().detail);
  const auto whole = store.find_scope(Plane::stream, whole_name(store, scope));
  const auto schema = whole ? store.schema(*whole) : std::nullopt;
  if (schema && (schema->columns != options.columns || !store.local_only(*whole)))
    return named(store, *whole, Errc::type_mismatch, " is another stream: whole records have no place");
  return {};
}

Result<void> define_whole(store::Store& store, store::ScopeId scope, const StreamOptions& options, bool makes) {
  const auto whole = store.open_scope(Plane::stream, whole_name(store, scope));
  if (!whole) return whole.error();
  StreamOptions kept = options;
  kept.masks.clear();
  kept.local_only = true;
  kept.overflow = Overflow::drop_oldest;
  return define(store, *whole, kept, makes);
}

}  // namespace

Result<void> define(store::Store& store, store::ScopeId scope, const StreamOptions& options, bool makes) {
  if (options.columns.empty()) {
    if (options.local_only && !store.local_only(scope))
      return named(store, scope, Errc::invalid_argument, ": local_only: needs columns, and a stream that is new");
    if (!options.masks.empty() && store.masks(scope) != options.masks)
      return named(store, scope, Errc::invalid_argument, ": masks: need columns, and a stream that is new");
    return {};
  }
  if (store.schema(scope) && store.local_only(scope) != options.local_only)
    return named(store, scope, Errc::type_mismatch,
                 options.local_only ? " leaves this node" : " does not leave this node");
  const stream::Budget budget{options.retention, options.quota, options.overflow, options.priority};
  if (auto good = stream::validate(budget); !good)
    return named(store, scope, Errc::invalid_argument, good.error().detail);
  stream::Schema leaves{options.columns};
  if (!options.masks.empty()) {
    if (auto good = check_masks(store, scope, options); !good) return good;
    leaves = stream::Masking(leaves, options.masks).shipped();
  }
  if (auto good = store.define_stream(scope, leaves, options.local_only, options.masks); !good) return good;
  if (!options.masks.empty())
    if (auto good = define_whole(store, scope, options, makes); !good) return good;
  // What others make they bound. What never leaves this node nobody else will.
  return makes || options.local_only ? store.set_budget(scope, budget) : Result<void>();
}

Result<std::shared_ptr<const Whole>> whole_of(const store::Store& store, store::ScopeId scope) {
  const Masks& masks = store.masks(scope);
  if (masks.empty()) return std::shared_ptr<const Whole>();
  const std::string name = whole_name(store, scope);
  const auto whole = store.find_scope(Plane::stream, name);
  const auto schema = whole ? store.schema(*whole) : std::nullopt;
  if (!schema || !store.local_only(*whole))
    return Error(Errc::not_found, "stream: \"" + name + "\" was given up: records have no place to be whole");
  return std::make_shared<const Whole>(Whole{stream::Masking(*schema, masks), *whole});
}

Result<store::Appended> append_masked(store::Store& store, store::ScopeId scope, const Whole& whole,
                                      std::span<const Record> records) {
  if (!store.find_scope(Plane::stream, store.scope(whole.scope).name))
    return named(store, whole.scope, Errc::not_found, " was given up: records have no place to be whole");
  std::vector<Record> masked;
  masked.reserve(records.size());
  for (const Record& record : records) {
    if (auto fit = stream::fits(whole.masking.whole(), record.fields); !fit) return fit.error();
    masked.push_back({0, record.at, whole.masking.apply(record.fields)});
  }
  auto appended = store.append(scope, masked);
  if (!appended) return appended;
  const auto kept = store.append(whole.scope, records);
  if (!kept) return kept.error();
  appended->ticket = kept->ticket;
  return appended;
}

}  // namespace edgesync::node
