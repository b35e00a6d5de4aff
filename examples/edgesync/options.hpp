// SPDX-License-Identifier: Apache-2.0
// Options: the command line, checked. A command takes only the options it knows; anything else is a usage error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace program {

struct Listen {
  std::string host{};
  std::uint16_t port = 0;
};

struct Options {
  std::string command{};
  std::string db{};
  std::optional<Listen> listen{};
  std::string name{};
  std::string certificate{}, key{}, client_ca{};  ///< The listener's side.
  std::string tokens{};
  std::optional<Listen> otlp{};
  std::string otlp_scope = "otlp";
  std::string hub{};  ///< URL of the hub above: --hub of a shell, --uplink of a hub.
  std::string token{}, ca{};
  std::string scope{};
  std::string to{};                      ///< backup, quarantine export: the new file
  std::vector<std::uint64_t> numbers{};  ///< diff: versions; content, rollback: which; quarantine: which, none for all
  std::string at{};                      ///< A time.
  std::string config_root{};             ///< A root document's file.
  std::uint64_t health_window_ms = 0;
  std::vector<std::pair<std::string, std::string>> projects{};  ///< Config scopes, and the directories that show them.
  std::vector<std::pair<std::string, std::string>>
      schemas{};                                              ///< Config scopes, and the files that say what they hold.
  std::vector<std::pair<std::string, std::string>> labels{};  ///< What waves of a rollout look at.
  std::vector<std::pair<std::string, std::string>> limits{};  ///< Of a hub, by name.
  std::string fleet{};                                        ///< Where nodes report what they have.

  // stream
  std::string format{};          ///< csv or jsonl
  std::string columns{};         ///< Names, with commas between them.
  std::string since{}, until{};  ///< Times.

  // config
  std::string secret{};   ///< A secret key's file: of whom signs, or of the device that links.
  std::string from{};     ///< A document to sign, publish or show; or a directory to publish.
  std::string content{};  ///< A JSON file.
  std::string number{}, floor{};
  std::string plan{};  ///< A rollout's, as JSON.
  std::string parent{}, note{}, not_before{}, expires{}, min_library{};
  std::string root_keys{};                ///< M:KEY[,KEY...]
  std::vector<std::string> publishers{};  ///< SCOPE=M:KEY[,KEY...]

  // who may do what at a hub
  std::string device{}, roles{}, tenant{}, role{}, rule{};
  std::string public_key{};
  std::string hours{};
  bool certificate_only = false;  ///< enroll: it is known by its certificate.
  bool access = false;            ///< The hub goes by its access list.
  bool audit = false;             ///< Keeps an audit log.
  std::string audit_key{};        ///< A secret key's file: signs it.

  std::string config{};   ///< A file of settings.
  std::string backups{};  ///< A directory for copies of the database.
  std::uint64_t backup_minutes = 60;

  std::string log_level = "debug";  ///< Events below it are not printed.
  bool insecure = false;
  bool requests = false;  ///< Requests are read from stdin.
  bool json = false;
};

/// What is wrong with a command line: "WHAT: WHERE: WHY".
struct UsageError {
  std::string detail{};
};

/// Either `options` is complete, or `error` says why not.
struct ParsedOptions {
  Options options{};
  std::optional<UsageError> error{};
};

/// What stands on the command line counts before `environment` ("EDGESYNC_TLS_CERT=..."), and that before the file that
/// --config names. Only serve and shell look beyond the command line.
ParsedOptions parse_options(const std::vector<std::string>& arguments, const char* const* environment);
std::string_view usage() noexcept;

}  // namespace program
