// SPDX-License-Identifier: Apache-2.0
// Any words as the program's command line, one a line: either all that a command needs, or one line about what is
// wrong.
#include "fuzz/input.hpp"

#include "options.hpp"

using edgesync::fuzz::holds;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < size;) {
    const auto* end = std::find(data + at, data + size, '\n');
    words.emplace_back(data + at, end);
    at = static_cast<std::size_t>(end - data) + 1;
  }
  const program::ParsedOptions parsed = program::parse_options(words, nullptr);
  if (parsed.error) return holds(!parsed.error->detail.empty(), "a refusal says why"), 0;
  const program::Options& options = parsed.options;
  holds(options.command == words[0] && !options.db.empty(), "a command and its database");
  holds(options.command != "serve" || options.listen, "a hub listens");
  holds(options.certificate.empty() == options.key.empty(), "a certificate comes with its key");
  holds(options.command != "diff" || options.numbers.size() == 2, "two versions to compare");
  holds(options.token.empty() || !options.hub.empty(), "a token is for a hub");
  return 0;
}
