// SPDX-License-Identifier: Apache-2.0
// Paths against a naive reading of their rule, segment by segment; what lies below a prefix; and the cells of a path,
// whose byte ranges must say the same. Whatever is refused is told in a line that can be printed.
#include "base/path.hpp"

#include "base/text.hpp"
#include "crdt/key.hpp"
#include "fuzz/input.hpp"

using namespace edgesync;
using fuzz::holds;

namespace {

std::vector<std::string> segments(const std::string& path) {
  std::vector<std::string> found(1);
  for (const char c : path) {
    if (c == '/') found.emplace_back();
    if (c != '/') found.back() += c;
  }
  return found;
}

bool naive_path(const std::string& path) {
  if (path.size() > 512 || !is_utf8(path)) return false;
  for (const char c : path)
    if ((c >= 0 && c < ' ') || c == '\x7f') return false;
  const auto all = segments(path);
  for (const std::string& segment : all)
    if (segment.empty() || segment == "." || segment == "..") return false;
  return all.size() <= 16;
}

bool naive_below(const std::string& path, const std::string& prefix) {
  if (prefix.empty()) return true;
  const auto whole = segments(path), front = segments(prefix);
  return whole.size() >= front.size() && std::equal(front.begin(), front.end(), whole.begin());
}

void cells(const std::string& path, const std::string& prefix, ByteView suffix) {
  for (const crdt::Kind kind : {crdt::Kind::value, crdt::Kind::member, crdt::Kind::count}) {
    const Bytes key = crdt::cell_key(path, kind, suffix);
    const auto parts = crdt::split(key);
    holds(parts && parts->path == path && parts->kind == static_cast<std::uint8_t>(kind), "a key says its path");
    holds(equal(parts->suffix, suffix), "and its suffix");
    holds(crdt::cells_at(path).contains(key) && crdt::cells_at(path, kind).contains(key), "it is among its own");
    holds(crdt::cells_at(prefix).contains(key) == (path == prefix), "and among no other path's");
    holds(crdt::cells_under(prefix).contains(key) == naive_below(path, prefix), "a subtree is a range of keys");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  const std::string prefix = in.text();
  const Bytes suffix = to_bytes(in.chunk());
  const std::string path(as_text(in.rest()));
  const auto checked = check_path("key", path);
  holds(checked.has_value() == naive_path(path), "a path is what its rule says");
  if (!checked) {
    fuzz::is_told(checked.error());
    holds(printable(checked.error().detail) == checked.error().detail, "what is told can be printed");
  }
  if (const auto parts = crdt::split(as_view(path)))
    holds(parts->suffix.size() < path.size(), "a key of any bytes is taken apart within its bounds");
  if (!checked || !naive_path(prefix)) return 0;
  holds(below(path, prefix) == naive_below(path, prefix), "below is by segments");
  holds(below(path, ""), "everything lies below the empty path");
  cells(path, prefix, suffix);
  return 0;
}
