// SPDX-License-Identifier: Apache-2.0
// config keygen, root, sign, show: versions and roots as files, on a machine that needs neither a database nor a
// network, and is the better for having none.
#include "commands.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>

namespace program {
namespace {

/// A new file, for its owner alone if it is `secret`. Fails with: invalid_argument (it exists, or cannot be made).
es::Result<void> write_new(const std::string& path, std::string_view text, bool secret) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, secret ? 0600 : 0644);
  if (file < 0) return es::Error(es::Errc::invalid_argument, "--to: " + path + ": exists, or cannot be made");
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const bool done = ::fsync(file) == 0 && written;
  if (::close(file) != 0 || !done) return es::Error(es::Errc::storage_io, "--to: " + path + ": cannot be written");
  return {};
}

es::Result<void> write_new(const std::string& path, const es::Bytes& bytes) {
  return write_new(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, false);
}

}  // namespace

es::Result<std::uint64_t> to_number(const std::string& text, const char* option) {
  std::uint64_t number = 0;
  if (text.empty()) return number;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) return invalid(option, "'" + text + "' is no number");
  return number;
}

es::Result<es::Timestamp> to_time(const std::string& text, const char* option) {
  if (text.empty()) return es::Timestamp{};
  int year = 0, hour = 0, minute = 0, second = 0;
  unsigned month = 0, day = 0;
  char end = 0;
  const int read = std::sscanf(text.c_str(), "%d-%u-%uT%d:%d:%d%c", &year, &month, &day, &hour, &minute, &second, &end);
  const auto date = std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day);
  const bool form = (read == 3 && text.size() == 10) || (read == 7 && text.size() == 20 && end == 'Z');
  const bool range = hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 61;
  if (!form || !range || !date.ok()) return invalid(option, "'" + text + "' is no time");
  const auto at = std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
                  std::chrono::seconds(second);
  return es::Timestamp(std::chrono::duration_cast<es::Timestamp::duration>(at.time_since_epoch()));
}

namespace {

es::Timestamp now() {
  return es::Timestamp(
      std::chrono::duration_cast<es::Timestamp::duration>(std::chrono::system_clock::now().time_since_epoch()));
}

/// M:KEY[,KEY...]; "0:" needs none.
es::Result<es::Signers> to_signers(std::string_view text, const char* option) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return invalid(option, "not M:KEY,...");
  const auto threshold = to_number(std::string(text.substr(0, colon)), option);
  if (!threshold) return threshold.error();
  es::Signers signers{static_cast<std::uint32_t>(std::min<std::uint64_t>(*threshold, 1'000)), {}};
  for (std::string_view rest = text.substr(colon + 1); !rest.empty();) {
    const auto comma = std::min(rest.find(','), rest.size());
    signers.keys.emplace_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return signers;
}

json::object from_signers(const es::Signers& signers) {
  json::array keys;
  for (const std::string& key : signers.keys) keys.emplace_back(key);
  return {{"threshold", signers.threshold}, {"keys", std::move(keys)}};
}

json::array from_keys(const std::vector<std::string>& ids) {
  json::array keys;
  for (const std::string& id : ids) keys.emplace_back(id);
  return keys;
}

json::object from_release(const es::ReleaseView& view) {
  json::object line = from_version(view.version);
  line["scope"] = view.draft.scope;
  line["floor"] = view.draft.floor;
  if (view.draft.not_before != es::Timestamp{}) line["not_before"] = from_time(view.draft.not_before);
  if (view.draft.expires != es::Timestamp{}) line["expires"] = from_time(view.draft.expires);
  if (!view.draft.min_library.empty()) line["min_library"] = view.draft.min_library;
  line["signers"] = from_keys(view.draft.signers);
  line["signed_by"] = from_keys(view.signed_by);
  json::object content;
  for (const auto& [key, value] : view.draft.content) content[key] = from_value(value);
  line["content"] = std::move(content);
  return line;
}

json::object from_root(const es::RootView& view) {
  json::object scopes;
  for (const auto& [pattern, signers] : view.draft.scopes) scopes[pattern] = from_signers(signers);
  return {{"root", view.draft.version},
          {"at", from_time(view.draft.at)},
          {"keys", from_signers(view.draft.root)},
          {"scopes", std::move(scopes)},
          {"signed_by", from_keys(view.signed_by)}};
}

}  // namespace

es::Result<es::SigningKey> read_key(const std::string& path) {
  const auto pem = read_file(path);
  if (!pem) return pem.error();
  auto key = es::SigningKey::from_pem({reinterpret_cast<const char*>(pem->data()), pem->size()});
  if (!key) return es::Error(es::Errc::invalid_argument, path + ": " + key.error().detail);
  return key;
}

namespace {

/// The files of a directory, or an object in a JSON file.
es::Result<std::map<std::string, es::Value>> read_content(const std::string& path) {
  std::error_code none;
  if (std::filesystem::is_directory(path, none)) return es::read_tree(path);
  const auto text = read_file(path);
  if (!text) return text.error();
  const auto tree = parse({reinterpret_cast<const char*>(text->data()), text->size()});
  if (!tree) return tree.error();
  if (!tree->is_object()) return invalid("--content", path + ": not an object");
  return flatten(*tree);
}

es::Result<es::Bytes> new_release(const Options& options) {
  auto content = read_content(options.content);
  if (!content) return content.error();
  const auto number = to_number(options.number, "--number"), floor = to_number(options.floor, "--floor");
  const auto not_before = to_time(options.not_before, "--not-before"), expires = to_time(options.expires, "--expires");
  for (const auto* checked : {&number, &floor})
    if (!*checked) return checked->error();
  for (const auto* checked : {&not_before, &expires})
    if (!*checked) return checked->error();
  return es::make_release({options.scope,
                           *number,
                           std::move(*content),
                           options.parent,
                           now(),
                           options.note,
                           *floor,
                           *not_before,
                           *expires,
                           options.min_library,
                           {}});
}

es::Result<int> keygen(const Options& options, Output& output) {
  const auto key = es::SigningKey::generate();
  if (!key) return key.error();
  const auto pem = key->pem();
  if (!pem) return pem.error();
  if (auto written = write_new(options.to, *pem, true); !written) return written.error();
  output.line({{"key", key->id()}, {"to", options.to}});
  return 0;
}

es::Result<int> root(const Options& options, Output& output) {
  es::RootDraft draft;
  const auto number = to_number(options.number, "--number");
  if (!number) return number.error();
  draft.version = *number;
  draft.at = now();
  auto keys = to_signers(options.root_keys, "--root-keys");
  if (!keys) return keys.error();
  draft.root = std::move(*keys);
  for (const std::string& rule : options.publishers) {
    const auto equals = rule.find('=');
    if (equals == std::string::npos) return invalid("--publishers", "'" + rule + "' is not SCOPE=M:KEY,...");
    auto signers = to_signers(std::string_view(rule).substr(equals + 1), "--publishers");
    if (!signers) return signers.error();
    draft.scopes[rule.substr(0, equals)] = std::move(*signers);
  }
  const auto document = es::make_root(draft);
  if (!document) return document.error();
  if (auto written = write_new(options.to, *document); !written) return written.error();
  output.line({{"root", draft.version}, {"to", options.to}});
  return 0;
}

es::Result<int> sign(const Options& options, Output& output) {
  const auto key = read_key(options.secret);
  if (!key) return es::Error(key.error().code, "--key: " + key.error().detail);
  if (options.from.empty() == options.content.empty()) return invalid("--from", "either this or --content");
  const auto document = options.from.empty() ? new_release(options) : read_file(options.from);
  if (!document) return document.error();
  const auto done = es::sign(*document, *key);
  if (!done) return done.error();
  if (auto written = write_new(options.to, *done); !written) return written.error();
  output.line({{"signed_by", key->id()}, {"to", options.to}});
  return 0;
}

es::Result<int> show(const Options& options, Output& output) {
  const auto document = read_file(options.from);
  if (!document) return document.error();
  if (const auto root = es::read_root(*document)) return output.line(from_root(*root)), 0;
  const auto release = es::read_release(*document);
  if (!release) return es::Error(release.error().code, options.from + ": " + release.error().detail);
  output.line(from_release(*release));
  return 0;
}

}  // namespace

es::Result<int> run_documents(const Options& options, Output& output) {
  if (options.command == "config keygen" || options.command == "keys new") return keygen(options, output);
  if (options.command == "config root") return root(options, output);
  if (options.command == "config sign") return sign(options, output);
  return show(options, output);
}

}  // namespace program
