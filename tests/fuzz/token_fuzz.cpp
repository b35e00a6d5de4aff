// SPDX-License-Identifier: Apache-2.0
// A token file of any bytes, and a question to it. The answer is that of a naive reader: lines of words, and patterns
// matched segment by segment. A file that is refused is told with its line.
#include "base/path.hpp"
#include "fuzz/input.hpp"

#include <edgesync/options.hpp>

#include <sys/mman.h>
#include <unistd.h>

using namespace edgesync;
using fuzz::holds;

namespace {

/// A file in memory with a path of its own.
class MemoryFile {
 public:
  explicit MemoryFile(ByteView content) : fd_(memfd_create("tokens", 0)) {
    holds(fd_ >= 0 && write(fd_, content.data(), content.size()) == static_cast<ssize_t>(content.size()), "a file");
  }
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

using Words = std::vector<std::string>;

Words split(const std::string& text, const std::string& marks) {
  Words words(1);
  for (const char c : text) {
    if (marks.find(c) == std::string::npos) words.back() += c;
    if (marks.find(c) != std::string::npos) words.emplace_back();
  }
  return words;
}

/// The words of a line up to a comment.
Words words_of(const std::string& line) {
  Words words;
  for (const std::string& word : split(line, " \t\r\v\f")) {
    if (word.empty()) continue;
    if (word[0] == '#') break;
    words.push_back(word);
  }
  return words;
}

bool naive_match(const std::string& pattern, const std::string& name, const std::string& scope) {
  const std::string own = "edgesync/";
  if (scope.compare(0, own.size(), own) == 0) return pattern == scope;
  if (pattern.find("{name}") != std::string::npos && (name.empty() || name.find_first_of("/*") != std::string::npos))
    return false;
  if (pattern.find("{tenant}") != std::string::npos) return false;  // a token has none
  std::string text;
  for (std::size_t at = 0; at < pattern.size();) {
    const bool variable = pattern.compare(at, 6, "{name}") == 0;
    text += variable ? name : pattern.substr(at, 1);
    at += variable ? 6 : 1;
  }
  if (text == "*") return true;
  Words wanted = split(text, "/");
  const Words given = split(scope, "/");
  if (wanted.size() < 2 || wanted.back() != "*") return wanted == given;
  wanted.pop_back();
  return given.size() > wanted.size() && std::equal(wanted.begin(), wanted.end(), given.begin());
}

Access naive_access(const std::vector<Words>& lines, const Credentials& who, const std::string& scope) {
  Access best = Access::none;
  for (const Words& line : lines)
    for (std::size_t i = 2; i < line.size(); ++i)
      if (line[0] == who.token && naive_match(line[i], who.name, scope))
        best = std::max(best, line[1] == "rw" ? Access::read_write : Access::read);
  return best;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  const std::string scope = in.text();
  const Credentials who{in.text(), in.text(), {}, {}};
  const ByteView content = in.rest();
  std::vector<Words> lines;
  bool sound = true, known = false;
  for (const std::string& line : split(std::string(as_text(content)), "\n")) {
    if (const Words words = words_of(line); !words.empty()) lines.push_back(words);
  }
  for (const Words& line : lines) {
    sound = sound && line.size() > 2 && (line[1] == "ro" || line[1] == "rw");
    known = known || line[0] == who.token;
  }
  const MemoryFile file(content);
  const auto authorizer = token_file(file.path());
  holds(authorizer.has_value() == sound, "a file is taken when each of its lines is a grant");
  if (!authorizer) return fuzz::is_told(authorizer.error()), 0;
  holds(authorizer->connect(who) == known, "who has a token of the file may connect");
  if (!check_path("scope", scope)) return 0;
  holds(authorizer->scope(who, Plane::state, scope) == naive_access(lines, who, scope), "a scope is granted or not");
  return 0;
}
