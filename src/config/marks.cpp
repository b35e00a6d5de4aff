// SPDX-License-Identifier: Apache-2.0
#include "config/marks.hpp"

#include "base/path.hpp"

#include <algorithm>

namespace edgesync::config {

Result<void> Marks::room_for(const Key& version) const {
  if (marks_.size() < max_marked || marks_.contains(version)) return {};
  return Error(Errc::limit_exceeded, "config: 64 versions are tagged or pinned");
}

void Marks::drop(std::string_view name) {
  for (auto mark = marks_.begin(); mark != marks_.end(); ++mark) {
    if (mark->second.tags.erase(std::string(name)) == 0) continue;
    if (mark->second == Mark{}) marks_.erase(mark);
    return;
  }
}

Result<void> Marks::tag(const Key& version, std::string_view name) {
  if (auto good = check_name("tag", name); !good) return good;
  std::size_t tags = 1;
  for (const auto& [key, mark] : marks_) tags += mark.tags.size();
  if (tags > max_tags && !tagged(name)) return Error(Errc::limit_exceeded, "config: there are 256 tags");
  Marks next = *this;
  next.drop(name);
  if (auto good = next.room_for(version); !good) return good;
  next.marks_[version].tags.emplace(name);
  *this = std::move(next);
  return {};
}

Result<void> Marks::untag(std::string_view name) {
  if (!tagged(name)) return Error(Errc::not_found, "tag: \"" + std::string(name) + "\": no version has it");
  drop(name);
  return {};
}

Result<void> Marks::pin(const Key& version, bool pinned) {
  if (pinned)
    if (auto good = room_for(version); !good) return good;
  marks_[version].pinned = pinned;
  if (marks_[version] == Mark{}) marks_.erase(version);
  return {};
}

std::optional<Marks::Key> Marks::tagged(std::string_view name) const {
  const std::string wanted(name);
  const auto at =
      std::find_if(marks_.begin(), marks_.end(), [&](const auto& mark) { return mark.second.tags.contains(wanted); });
  return at == marks_.end() ? std::nullopt : std::optional(at->first);
}

Marks::Mark Marks::of(const Key& version) const {
  const auto at = marks_.find(version);
  return at == marks_.end() ? Mark{} : at->second;
}

std::set<Marks::Key> Marks::marked() const {
  std::set<Key> all;
  for (const auto& [key, mark] : marks_) all.insert(key);
  return all;
}

Bytes Marks::encode() const {
  Bytes bytes;
  Writer out(bytes);
  out.varint(marks_.size());
  for (const auto& [key, mark] : marks_) {
    out.varint(key.first);
    out.blob(as_view(key.second));
    out.u8(mark.pinned ? 1 : 0);
    out.varint(mark.tags.size());
    for (const std::string& tag : mark.tags) out.blob(as_view(tag));
  }
  return bytes;
}

std::optional<Marks> Marks::decode(ByteView bytes) {
  Reader in(bytes);
  Marks marks;
  for (std::size_t left = in.count(4); left > 0 && !in.failed(); --left) {
    const std::uint64_t number = in.varint();
    Mark& mark = marks.marks_[{number, std::string(as_text(in.blob()))}];
    mark.pinned = in.u8() != 0;
    for (std::size_t tags = in.count(1); tags > 0 && !in.failed(); --tags) mark.tags.emplace(as_text(in.blob()));
  }
  return in.done() ? std::optional(std::move(marks)) : std::nullopt;
}

}  // namespace edgesync::config
