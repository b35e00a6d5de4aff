// SPDX-License-Identifier: Apache-2.0
// The token file: who may do what, one grant a line. Tokens are compared in constant time.
#include "base/bytes.hpp"
#include "hub/pattern.hpp"

#include <edgesync/options.hpp>

#include <fstream>
#include <memory>
#include <sstream>

namespace edgesync {
namespace {

struct Grant {
  std::string token{};
  Access access{};
  std::vector<std::string> scopes{};
};

/// Takes the same time wherever the difference is; the length is no secret.
bool same_secret(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  return difference == 0;
}

Result<std::optional<Grant>> parse(const std::string& line, const std::string& where) {
  std::istringstream text(line);
  std::vector<std::string> words;
  for (std::string word; text >> word && !word.starts_with('#');) words.push_back(std::move(word));
  if (words.empty()) return std::optional<Grant>{};
  Grant grant;
  grant.token = words[0];
  const std::string access = words.size() > 1 ? words[1] : std::string();
  if (words.size() > 2) grant.scopes.assign(words.begin() + 2, words.end());
  if (access != "ro" && access != "rw")
    return Error(Errc::invalid_argument, "tokens: " + where + ": access must be \"ro\" or \"rw\"");
  if (grant.scopes.empty()) return Error(Errc::invalid_argument, "tokens: " + where + ": no scope is granted");
  grant.access = access == "rw" ? Access::read_write : Access::read;
  return std::optional<Grant>(std::move(grant));
}

}  // namespace

Result<Authorizer> token_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Error(Errc::not_found, "tokens: " + path + ": cannot be read");
  auto grants = std::make_shared<std::vector<Grant>>();
  std::size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    auto grant = parse(line, path + ":" + std::to_string(++number));
    if (!grant) return std::move(grant).error();
    if (*grant) grants->push_back(**std::move(grant));
  }
  Authorizer authorizer;
  authorizer.connect = [grants](const Credentials& credentials) {
    bool known = false;
    for (const Grant& grant : *grants) known |= same_secret(grant.token, credentials.token);
    return known;
  };
  authorizer.scope = [grants](const Credentials& credentials, Plane, std::string_view scope) {
    Access best = Access::none;
    for (const Grant& grant : *grants) {
      if (!same_secret(grant.token, credentials.token)) continue;
      for (const std::string& pattern : grant.scopes)
        if (hub::grants(pattern, {credentials.name, {}}, scope)) best = std::max(best, grant.access);
    }
    return best;
  };
  return authorizer;
}

}  // namespace edgesync
