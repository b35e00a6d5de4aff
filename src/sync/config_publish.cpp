// SPDX-License-Identifier: Apache-2.0
// ConfigPlane: how a version enters the register. What was signed elsewhere is carried as it is.
#include "sync/config_plane.hpp"

namespace edgesync::sync {

Result<ConfigPlane::Offers> ConfigPlane::look(store::ScopeId scope) const {
  Offers found;
  if (auto read = store_.read(scope, [&](crdt::CellSource& cells) { found = offers(cells); }); !read)
    return std::move(read).error();
  return found;
}

/// The next version, made here.
Result<config::Release> ConfigPlane::draft(store::ScopeId scope, const config::Content& content, std::string_view note,
                                           Timestamp now) const {
  if (auto good = config::check(content); !good) return good.error();
  if (gate_.guards(store_.scope(scope).name))
    return Error(Errc::not_signed, "config: " + store_.scope(scope).name + ": only signed versions count here");
  const auto found = look(scope);
  if (!found) return found.error();
  config::Release release;
  release.content = config::canonical(content);
  config::Manifest& manifest = release.manifest;
  manifest.scope = store_.scope(scope).name;
  manifest.id = sha256(release.content);
  manifest.author = store_.replica();
  manifest.at = now;
  manifest.note = std::string(note);
  manifest.number = found->number() + 1;
  if (!found->releases.empty()) manifest.parent = found->releases.back().manifest.id;
  if (auto good = config::check(manifest); !good) return good.error();
  return release;
}

/// One that was made elsewhere.
Result<void> ConfigPlane::may_publish(store::ScopeId id, const config::Release& release, Timestamp now) {
  const auto scope = usable(id);
  if (!scope) return scope.error();
  const config::Manifest& manifest = release.manifest;
  if (auto proved = config::verify(release); !proved) return proved.error();
  if (auto good = gate_.admit(manifest, store_.scope(id).name, (*scope)->seen, now); !good) {
    // It may be on its way before its time, and to nodes whose library is newer.
    if (!good.error().is(Errc::not_in_force) && !good.error().is(Errc::unsupported)) return good.error();
  }
  const auto found = look(id);
  if (!found) return found.error();
  const bool again = !found->releases.empty() && found->releases.back().manifest.number == manifest.number &&
                     found->releases.back().manifest.id == manifest.id;
  if (!again && manifest.number <= found->number())
    return Error(Errc::outdated, "config: " + manifest.scope + ": version " + std::to_string(manifest.number) + ": " +
                                     std::to_string(found->number()) + " was published");
  return {};
}

Result<std::pair<store::Ticket, VersionInfo>> ConfigPlane::publish(store::ScopeId scope, const config::Content& content,
                                                                   std::string_view note, Timestamp now) {
  const auto release = draft(scope, content, note, now);
  if (!release) return release.error();
  return put(scope, *release, now);
}

Result<std::pair<store::Ticket, VersionInfo>> ConfigPlane::publish(store::ScopeId scope, const config::Release& release,
                                                                   Timestamp now) {
  if (auto good = may_publish(scope, release, now); !good) return std::move(good).error();
  return put(scope, release, now);
}

Result<std::pair<store::Ticket, VersionInfo>> ConfigPlane::put(store::ScopeId scope, const config::Release& release,
                                                               Timestamp now) {
  const auto committed = store_.commit(scope, Edit().set(release_key, release.encode()).ops(), now);
  if (!committed) return committed.error();
  return std::pair(committed->ticket, release.manifest.info());
}

Result<store::Ticket> ConfigPlane::publish(store::ScopeId id, const config::Root& root, Timestamp now) {
  // A node without a root carries what others can prove.
  if (gate_.root())
    if (auto next = config::Gate(gate_).follow(root); !next) return next.error();
  const Edit edit = Edit().set(std::string(root_key) + std::to_string(root.version), root.encode());
  const auto committed = store_.commit(id, edit.ops(), now);
  if (!committed) return committed.error();
  return committed->ticket;
}

}  // namespace edgesync::sync
