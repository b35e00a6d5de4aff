// SPDX-License-Identifier: Apache-2.0
#include "node/publishing.hpp"

#include "base/path.hpp"

namespace edgesync::node {
namespace {

using Tree = std::map<std::string, Value>;

Result<void> apply(Tree& tree, const Edit& edit) {
  for (const Edit::Op& op : edit.ops()) {
    switch (op.kind) {
      case Edit::Kind::set:
        tree.insert_or_assign(op.key, op.value);
        break;
      case Edit::Kind::erase:
        tree.erase(op.key);
        break;
      case Edit::Kind::erase_prefix:
        std::erase_if(tree, [&](const auto& entry) { return below(entry.first, op.key); });
        break;
      default:
        return Error(Errc::invalid_argument,
                     "config: \"" + op.key + "\": only set, erase and erase_prefix make sense in a version");
    }
  }
  return {};
}

}  // namespace

Result<Opened> opened(const ScopeHandle& scope, const Bytes& document) {
  auto release = config::Release::decode(document);
  if (!release) return Error(Errc::invalid_argument, "config: " + scope.name + ": " + release.error().detail);
  auto content = config::verify(*release);
  if (!content) return std::move(content).error();
  return Opened{*std::move(release), *std::move(content)};
}

Result<Tree> edited(const ScopeHandle& scope, const Edit& edit) {
  Tree tree;
  if (const auto newest = scope.core->engine().config().newest(scope.id)) {
    auto content = config::verify(*newest);
    if (!content) return std::move(content).error();
    tree = *std::move(content);
  } else if (!newest.error().is(Errc::not_found)) {
    return newest.error();
  }
  if (auto applied = apply(tree, edit); !applied) return std::move(applied).error();
  return tree;
}

}  // namespace edgesync::node
