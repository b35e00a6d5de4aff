// SPDX-License-Identifier: Apache-2.0
// Cuts: a delta as it is sent. What many lack is packed once. The large values of a config scope, its versions above
// all, are told as patches on a content that the peer has: a version differs little from the one before.
#include "sync/cuts.hpp"
#include "wire/packed_delta.hpp"
#include "wire/patch.hpp"

namespace edgesync::sync {
namespace {

constexpr std::size_t patch_pays = 4;  // bytes saved for one sent; below, compression alone does nearly as well

/// Nothing if the key is better told as it is.
std::optional<wire::PatchedPart> make_patched(ByteView id, ByteView base, const crdt::KeyState& state) {
  const Bytes body = wire::pack({0, 0, false, {{}, {}, false, {state}, {}, {}}, {}});
  if (body.size() > wire::patched_bytes_max) return std::nullopt;
  Bytes patch = wire::make_patch(base, body);
  if (patch.empty() || patch.size() * patch_pays > body.size()) return std::nullopt;
  return wire::PatchedPart{0, 0, to_bytes(id), static_cast<std::uint32_t>(body.size()), std::move(patch)};
}

}  // namespace

/// The id of the content that the peer can be told patches on; empty: none, or the cut has as many as it may.
Bytes Cuts::patch_base(const Outgoing& out, const Channel& channel) const {
  const bool room = out.patches + talk_.limits.patches <= talk_.limits.patches_max;
  return room && channel.plane == Plane::config && talk_.peer_can("patch") ? channel.holds : Bytes{};
}

/// Takes out of the delta what is told as patches.
std::vector<wire::PatchedPart> Cuts::take_patches(const Channel& channel, ByteView base, crdt::Delta& delta) const {
  std::vector<wire::PatchedPart> patches;
  const auto content = talk_.store.content(channel.scope, base);
  if (!content) return patches;
  std::vector<crdt::KeyState> rest;
  for (crdt::KeyState& state : delta.keys) {
    const bool large = crdt::cost(state) >= talk_.limits.patch_bytes_min && patches.size() < talk_.limits.patches;
    auto patched = large ? make_patched(base, *content, state) : std::nullopt;
    if (patched)
      patches.push_back(*std::move(patched));
    else
      rest.push_back(std::move(state));
  }
  delta.keys = std::move(rest);
  return patches;
}

SharedDelta Cuts::pack(const Channel& channel, ByteView base, crdt::Delta delta) const {
  SharedDelta told{delta.upto, {}, {}, 0, delta.keys.size()};
  for (const crdt::KeyState& state : delta.keys) told.bytes += crdt::cost(state);
  if (!base.empty()) told.patches = take_patches(channel, base, delta);
  for (const wire::DeltaPart& part : wire::split(0, 0, std::move(delta), talk_.limits.part_bytes))
    told.parts.push_back(std::make_shared<const Bytes>(wire::pack(part)));
  return told;
}

}  // namespace edgesync::sync
