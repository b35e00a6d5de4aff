// SPDX-License-Identifier: Apache-2.0
// config_history: replays the history of a real configuration, one published version per change, and checks that what
// comes back hashes to what was recorded: after each version, after random rollbacks, and after random differences have
// been applied. Usage: config_history DIRECTORY [CHECKS] < HISTORY
//
// A history is lines of JSON: a header, then per version "changed" (path to text, or null: it is gone) and
// "tree_sha256", which is SHA-256 over path, 0, size in decimal, 0, text of all files by path. A version holds at most
// 504 KiB, so the files are divided among scopes by their directory.
#include "base/hash.hpp"
#include "base/random.hpp"

#include <edgesync/edgesync.hpp>

#include <boost/json.hpp>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <set>
#include <stdexcept>

namespace {

namespace es = edgesync;
namespace json = boost::json;
using Clock = std::chrono::steady_clock;
using Tree = std::map<std::string, es::Value>;
using Numbers = std::map<std::string, std::uint64_t>;  // scope to version

constexpr std::uint64_t scopes = 8;

std::string scope_of(const std::string& path) {
  return "part-" + std::to_string(es::siphash({1, 2}, es::as_view(path)).a % scopes);
}

std::string hash_of(const Tree& tree) {
  es::Sha256 hash;
  const auto add = [&](std::string_view text) { hash.add(es::as_view(text)); };
  for (const auto& [path, value] : tree) {
    const auto& text = std::get<std::string>(value);
    add(path), add({"\0", 1}), add(std::to_string(text.size())), add({"\0", 1}), add(text);
  }
  return es::to_hex(hash.finish());
}

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double at_percent(std::vector<double>& values, std::size_t percent) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values.at(std::min(values.size() - 1, values.size() * percent / 100));
}

void expect(bool held, const std::string& what) {
  if (!held) throw std::runtime_error(what);
}

class Replay {
 public:
  explicit Replay(const std::string& directory)
      : file_(directory + "/history.db"),
        node_(es::Node::open({.database = file_, .name = "replay", .versions_kept = 1000}).value()),
        heard_(node_.on_event([this](const es::Event& event) {
          if (event.kind != es::EventKind::activated) return;
          const std::lock_guard lock(mutex_);
          active_[event.scope] = event.version.number;
          changed_.notify_one();
        })) {}

  void take(const json::object& version) {
    std::set<std::string> touched;
    for (const auto& [path, text] : version.at("changed").as_object()) {
      const std::string scope = scope_of(path);
      touched.insert(scope);
      if (text.is_null())
        now_[scope].erase(path);
      else
        now_[scope].insert_or_assign(path, std::string(text.as_string()));
    }
    for (const std::string& scope : touched) publish(scope);
    states_.push_back({numbers_, std::string(version.at("tree_sha256").as_string())});
    expect(hash_of(content(numbers_)) == states_.back().hash, "version " + std::to_string(states_.size()));
  }

  /// What a rollback to a random kept version shows, and what a random difference leads to.
  bool check(es::Random& random) {
    const State& to = states_.at(random.below(states_.size()));
    const State& from = states_.at(random.below(states_.size()));
    if (!kept(to.numbers) || !kept(from.numbers)) return false;
    const auto start = Clock::now();
    for (const auto& [scope, number] : to.numbers) node_.config(scope).rollback(number).value();
    rollbacks_.push_back(ms_since(start) / static_cast<double>(to.numbers.size()));
    Tree shown;
    for (const auto& [scope, number] : to.numbers) shown.merge(node_.config(scope).scan().value());
    expect(hash_of(shown) == to.hash, "a rollback shows something else");
    expect(hash_of(applied(from, to)) == to.hash, "a difference leads to something else");
    return true;
  }

  void report(double seconds) {
    std::uint64_t published = 0;
    for (const auto& [scope, number] : numbers_) published += number;
    node_.close();
    std::printf("%zu versions of %zu scopes, %llu published, in %.0f s; publish p50 %.2f ms, p99 %.2f ms\n",
                states_.size(), numbers_.size(), static_cast<unsigned long long>(published), seconds,
                at_percent(publishes_, 50), at_percent(publishes_, 99));
    std::printf("%zu rollbacks, per scope p50 %.2f ms, p99 %.2f ms; as many differences; database %.1f MB\n",
                rollbacks_.size(), at_percent(rollbacks_, 50), at_percent(rollbacks_, 99),
                static_cast<double>(std::filesystem::file_size(file_)) / 1e6);
  }

 private:
  struct State {
    Numbers numbers{};
    std::string hash{};
  };

  void publish(const std::string& scope) {
    es::Config config = node_.config(scope);
    const auto start = Clock::now();
    const std::uint64_t number = config.publish_tree(now_[scope]).value().number;
    publishes_.push_back(ms_since(start));
    numbers_[scope] = number;
    std::unique_lock lock(mutex_);
    expect(changed_.wait_for(lock, std::chrono::seconds(60), [&] { return active_[scope] == number; }),
           "no activation");
  }
  Tree content(const Numbers& numbers) {
    Tree all;
    for (const auto& [scope, number] : numbers) all.merge(node_.config(scope).content(number).value());
    return all;
  }
  bool kept(const Numbers& numbers) {
    return std::all_of(numbers.begin(), numbers.end(),
                       [&](const auto& one) { return node_.config(one.first).content(one.second).has_value(); });
  }
  Tree applied(const State& from, const State& to) {
    Tree all;
    for (const auto& [scope, number] : to.numbers) {
      const auto at = from.numbers.find(scope);
      const std::uint64_t base = at == from.numbers.end() ? number : at->second;
      Tree tree = node_.config(scope).content(base).value();
      for (const es::KeyChange& change : node_.config(scope).diff(base, number).value()) {
        if (change.after)
          tree.insert_or_assign(change.key, *change.after);
        else
          tree.erase(change.key);
      }
      all.merge(std::move(tree));
    }
    return all;
  }

  std::string file_;
  std::mutex mutex_{};
  std::condition_variable changed_{};
  std::map<std::string, std::uint64_t> active_{};
  es::Node node_;
  es::Subscription heard_;
  std::map<std::string, Tree> now_{};
  Numbers numbers_{};
  std::vector<State> states_{};
  std::vector<double> publishes_{}, rollbacks_{};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) return std::fputs("usage: config_history DIRECTORY [CHECKS] < HISTORY\n", stderr), 2;
  try {
    const int checks = argc == 3 ? std::stoi(argv[2]) : 200;
    Replay replay(argv[1]);
    const auto start = Clock::now();
    std::string line;
    std::getline(std::cin, line);  // the header
    while (std::getline(std::cin, line)) replay.take(json::parse(line).as_object());
    es::Xoshiro random(1);
    for (int done = 0, tried = 0; done < checks && tried < 100 * checks; ++tried) done += replay.check(random);
    replay.report(ms_since(start) / 1000);
  } catch (const std::exception& failure) {
    return std::fprintf(stderr, "config_history: %s\n", failure.what()), 1;
  }
}
