// SPDX-License-Identifier: Apache-2.0
// config_merges: replays real three-way merges of configuration with drafts that two administrators edit at the same
// time, each without a network, and compares what comes of it with what people committed. Usage: config_merges
// DIRECTORY < MERGES
//
// A merge is a line of JSON: "base", "left", "right" and "merged", parsed documents. A draft is a state scope with a
// key for each leaf: who edits another leaf is in nobody's way. A list is one leaf. What is merged is published as a
// version.
#include <edgesync/edgesync.hpp>

#include <boost/json.hpp>

#include <cstdio>
#include <iostream>
#include <optional>
#include <thread>

namespace {

namespace es = edgesync;
namespace json = boost::json;
using namespace std::chrono_literals;
using Tree = std::map<std::string, es::Value>;

constexpr std::size_t depth_max = 16;  // segments of a path

/// A key of a document may hold what a path cannot (RFC 6901).
std::string segment(std::string_view key) {
  std::string text;
  for (const char c : key) text += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return text.empty() || text == "." || text == ".." ? "~" + text : text;
}

es::Value leaf(const json::value& value) {
  if (const auto* flag = value.if_bool()) return *flag;
  if (const auto* number = value.if_int64()) return *number;
  if (const auto* number = value.if_double()) return *number;
  if (const auto* text = value.if_string()) return std::string(*text);
  if (value.is_null()) return {};
  return es::Json{json::serialize(value)};
}

void flatten(const json::value& value, const std::string& path, std::size_t depth, Tree& tree) {
  const auto* object = value.if_object();
  if (object == nullptr || (object->empty() && depth > 0) || depth == depth_max) {
    tree.emplace(path, leaf(value));
    return;
  }
  for (const auto& [key, below] : *object)
    flatten(below, (path.empty() ? "" : path + "/") + segment(key), depth + 1, tree);
}

Tree flat(const json::value& document) {
  Tree tree;
  flatten(document, "", 0, tree);
  return tree;
}

/// Returns how many leaves it edits.
std::size_t edit(es::State draft, const Tree& from, const Tree& to) {
  constexpr std::size_t most = 1000;  // of one transaction
  std::vector<es::Edit> edits(1);
  const auto next = [&]() -> es::Edit& {
    return edits.back().ops().size() < most ? edits.back() : edits.emplace_back();
  };
  for (const auto& [key, value] : from)
    if (!to.contains(key)) next().erase(key);
  for (const auto& [key, value] : to)
    if (const auto at = from.find(key); at == from.end() || at->second != value) next().set(key, value);
  std::size_t edited = 0;
  for (const es::Edit& one : edits)
    if (!one.ops().empty()) draft.commit(one).value(), edited += one.ops().size();
  return edited;
}

Tree shown(const es::State& draft) {
  Tree tree;
  for (const es::Item& item : draft.scan().value()) tree.emplace(item.key, item.value);
  return tree;
}

/// A hub, and two authors.
class Office {
 public:
  explicit Office(const std::string& directory) : loopback_(es::make_loopback()) {
    es::HubOptions hub;
    hub.node = {.database = directory + "/hub.db", .name = "hub"};
    hub.loopback = loopback_;
    hub.authorize.connect = [](const es::Credentials&) { return true; };
    hub.authorize.scope = [](const es::Credentials&, es::Plane, std::string_view) { return es::Access::read_write; };
    hub_.emplace(es::Hub::open(std::move(hub)).value());
    for (const char* name : {"left", "right"})
      authors_.push_back(es::Node::open({.database = directory + "/" + name + ".db", .name = name}).value());
  }

  /// Prints what differs from what people made of it; true: nothing.
  bool merge(const json::object& told) {
    const std::string scope = "draft/" + std::to_string(++merges_);
    const Tree base = flat(told.at("base")), expected = flat(told.at("merged"));
    edit(hub_->state(scope), {}, base);
    for (es::Node& author : authors_) author.state(scope), meet(author, scope, base);
    std::size_t edits[2]{};
    for (std::size_t i = 0; i < 2; ++i)
      edits[i] = edit(authors_[i].state(scope), base, flat(told.at(i == 0 ? "left" : "right")));
    for (es::Node& author : authors_) link(author), author.flush(60s).value(), author.unlink();
    const Tree merged = shown(hub_->state(scope));
    hub_->config(scope).publish_tree(merged, "merged").value();
    std::size_t other = 0;
    for (const auto& [key, value] : merged)
      if (const auto at = expected.find(key); at == expected.end() || at->second != value) ++other, tell(key, "here");
    for (const auto& [key, value] : expected)
      if (!merged.contains(key)) ++other, tell(key, "there");
    std::printf("%2zu: %zu leaves, %zu and %zu edited: %s\n", merges_, base.size(), edits[0], edits[1],
                other == 0 ? "as people merged it" : "differs");
    return other == 0;
  }

 private:
  void link(es::Node& author) {
    es::LinkOptions options;
    options.loopback = loopback_;
    author.link(std::move(options)).value();
  }
  /// Until the author has the draft that both begin with; then the network is gone.
  void meet(es::Node& author, const std::string& scope, const Tree& base) {
    link(author);
    while (shown(author.state(scope)).size() < base.size()) std::this_thread::sleep_for(1ms);
    author.unlink();
  }
  static void tell(const std::string& key, const char* where) { std::printf("    %s: only %s\n", key.c_str(), where); }

  std::shared_ptr<es::Loopback> loopback_;
  std::optional<es::Hub> hub_{};
  std::vector<es::Node> authors_{};
  std::size_t merges_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: config_merges DIRECTORY < MERGES\n", stderr), 2;
  try {
    Office office(argv[1]);
    std::size_t equal = 0, all = 0;
    for (std::string line; std::getline(std::cin, line);) {
      const json::value told = json::parse(line);
      if (!told.as_object().contains("base")) continue;  // the header
      equal += office.merge(told.as_object()) ? 1 : 0, ++all;
    }
    std::printf("%zu of %zu as people merged them\n", equal, all);
    return equal == all ? 0 : 1;
  } catch (const std::exception& failure) {
    return std::fprintf(stderr, "config_merges: %s\n", failure.what()), 1;
  }
}
