// SPDX-License-Identifier: Apache-2.0
// ConfigPlane: how a version enters the register. What was signed elsewhere is carried as it is.
#include "sync/config_plane.hpp"

namespace edgesync::sync {

Result<std::pair<store::Ticket, VersionInfo>> ConfigPlane::publish(store::ScopeId scope, const config::Content& content,
                                                                   std::string_view note, Timestamp now) {
  if (auto good = config::check(content); !good) return good.error();
  if (gate_.guards(store_.scope(scope).name))
    return Error(Errc::not_signed, "config: " + store_.scope(scope).name + ": only signed versions count here");
  config::Release release;
  release.content = config::canonical(content);
  config::Manifest& manifest = release.manifest;
  manifest.scope = store_.scope(scope).name;
  manifest.id = sha256(release.content);
  manifest.author = store_.replica();
  manifest.at = now;
  manifest.note = std::string(note);
  manifest.number = 1;
  if (auto parent = newest(scope)) {
    manifest.number = parent->manifest.number + 1;
    manifest.parent = parent->manifest.id;
  } else if (!parent.error().is(Errc::not_found)) {
    return parent.error();
  }
  if (auto good = config::check(manifest); !good) return good.error();
  return put(scope, release, now);
}

Result<std::pair<store::Ticket, VersionInfo>> ConfigPlane::put(store::ScopeId scope, const config::Release& release,
                                                               Timestamp now) {
  const Edit edit = Edit().set(release_key, release.encode());
  const auto committed = store_.commit(scope, edit.ops(), now);
  if (!committed) return committed.error();
  return std::pair(committed->ticket, release.manifest.info());
}

Result<std::pair<store::Ticket, VersionInfo>> ConfigPlane::publish(store::ScopeId id, const config::Release& release,
                                                                   Timestamp now) {
  const auto scope = usable(id);
  if (!scope) return scope.error();
  const config::Manifest& manifest = release.manifest;
  if (auto proved = config::verify(release); !proved) return proved.error();
  if (auto good = gate_.admit(manifest, store_.scope(id).name, (*scope)->seen, now); !good) {
    // It may be on its way before its time, and to nodes whose library is newer.
    if (!good.error().is(Errc::not_in_force) && !good.error().is(Errc::unsupported)) return good.error();
  }
  const auto known = newest(id);
  if (known && manifest.number <= known->manifest.number &&
      !(known->manifest.number == manifest.number && known->manifest.id == manifest.id))
    return Error(Errc::outdated, "config: " + manifest.scope + ": version " + std::to_string(manifest.number) + ": " +
                                     std::to_string(known->manifest.number) + " was published");
  if (!known && !known.error().is(Errc::not_found)) return known.error();
  return put(id, release, now);
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
