// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include "settings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

namespace program {
namespace {

struct Command {
  std::string_view name;
  std::vector<std::string_view> options;
  std::size_t numbers_min = 0, numbers_max = 0;  ///< Positional arguments.
};

/// Of a command that may link to a hub.
std::vector<std::string_view> with_hub(std::vector<std::string_view> options) {
  for (const std::string_view one : {"--hub", "--token", "--ca", "--key", "--name", "--insecure", "--json"})
    options.push_back(one);
  return options;
}

constexpr std::size_t letters_max = 1024;  // more the quarantine does not hold

struct TextOption {
  std::string_view name;
  std::string Options::*member;
};

struct Flag {
  std::string_view name;
  bool Options::*member;
};

const std::vector<Command>& commands() {
  static const std::vector<Command> all = {
      {"serve", {"--db",        "--listen",    "--name",           "--tls-cert",
                 "--tls-key",   "--client-ca", "--tokens",         "--uplink",
                 "--token",     "--ca",        "--config-root",    "--health-window-ms",
                 "--insecure",  "--stdin",     "--otlp",           "--otlp-scope",
                 "--project",   "--label",     "--fleet",          "--access",
                 "--key",       "--audit",     "--audit-key",      "--config",
                 "--limit",     "--backups",   "--backup-minutes", "--schema",
                 "--log-level", "--json"}},
      {"shell", {"--db",        "--listen", "--name",       "--tls-cert",  "--tls-key",     "--client-ca",
                 "--tokens",    "--hub",    "--token",      "--ca",        "--config-root", "--health-window-ms",
                 "--insecure",  "--otlp",   "--otlp-scope", "--project",   "--label",       "--fleet",
                 "--access",    "--key",    "--audit",      "--audit-key", "--config",      "--schema",
                 "--log-level", "--json"}},
      {"status", {"--db", "--json"}},
      {"log", {"--db", "--scope", "--json"}},
      {"diff", {"--db", "--scope", "--json"}, 2, 2},
      {"dump", {"--db", "--scope", "--json"}},
      {"export", {"--db", "--scope", "--json"}},
      {"import", {"--db", "--json"}},
      {"verify", {"--db", "--json"}},
      {"audit", {"--db", "--public-key", "--json"}},
      {"quarantine list", {"--db", "--json"}, 0, letters_max},
      {"quarantine export", {"--db", "--to", "--json"}, 0, letters_max},
      {"quarantine replay", {"--db", "--json"}, 0, letters_max},
      {"quarantine drop", {"--db", "--json"}, 1, letters_max},
      {"salvage", {"--db", "--json"}},
      {"backup", {"--db", "--to", "--json"}},
      {"stream export", {"--db", "--scope", "--format", "--columns", "--since", "--until"}},
      {"stream aggregate", {"--db", "--scope", "--columns", "--since", "--until", "--json"}},
      {"stream consumers", {"--db", "--scope", "--json"}},
      {"config keygen", {"--to", "--json"}},
      {"config root", {"--to", "--number", "--root-keys", "--publishers", "--json"}},
      {"config sign",
       {"--key", "--to", "--from", "--scope", "--number", "--content", "--note", "--parent", "--floor", "--not-before",
        "--expires", "--min-library", "--json"}},
      {"config publish", with_hub({"--db", "--scope", "--from", "--note", "--config-root", "--schema"})},
      {"config rollout start",
       with_hub({"--db", "--scope", "--from", "--plan", "--note", "--config-root", "--schema"})},
      {"config rollout status", with_hub({"--db", "--scope", "--fleet"})},
      {"config rollout pause", with_hub({"--db", "--scope"})},
      {"config rollout resume", with_hub({"--db", "--scope"})},
      {"config rollout approve", with_hub({"--db", "--scope"}), 1, 1},
      {"config rollout abort", with_hub({"--db", "--scope"})},
      {"config show", {"--from", "--json"}},
      {"config history", {"--db", "--scope", "--json"}},
      {"config diff", {"--db", "--scope", "--json"}, 2, 2},
      {"config content", {"--db", "--scope", "--json"}, 1, 1},
      {"config rollback", {"--db", "--scope", "--note", "--json"}, 1, 1},
      {"config tag", {"--db", "--scope", "--name", "--json"}, 1, 1},
      {"config untag", {"--db", "--scope", "--name", "--json"}},
      {"config pin", {"--db", "--scope", "--json"}, 1, 1},
      {"config unpin", {"--db", "--scope", "--json"}, 1, 1},
      {"config uses", {"--db", "--scope", "--at", "--json"}},
      {"keys new", {"--to", "--json"}},
      {"keys show", {"--key", "--json"}},
      {"enroll", with_hub({"--db", "--device", "--roles", "--tenant", "--public-key", "--hours", "--certificate"})},
      {"revoke", with_hub({"--db", "--device", "--public-key", "--note"})},
      {"acl list", with_hub({"--db"})},
      {"acl allow", with_hub({"--db", "--role", "--rule"})},
      {"acl disallow", with_hub({"--db", "--role", "--rule"})},
  };
  return all;
}

const std::vector<TextOption>& text_options() {
  static const std::vector<TextOption> all = {
      {"--db", &Options::db},
      {"--name", &Options::name},
      {"--tls-cert", &Options::certificate},
      {"--tls-key", &Options::key},
      {"--client-ca", &Options::client_ca},
      {"--tokens", &Options::tokens},
      {"--uplink", &Options::hub},
      {"--hub", &Options::hub},
      {"--token", &Options::token},
      {"--ca", &Options::ca},
      {"--scope", &Options::scope},
      {"--otlp-scope", &Options::otlp_scope},
      {"--to", &Options::to},
      {"--config-root", &Options::config_root},
      {"--key", &Options::secret},
      {"--at", &Options::at},
      {"--from", &Options::from},
      {"--content", &Options::content},
      {"--number", &Options::number},
      {"--floor", &Options::floor},
      {"--parent", &Options::parent},
      {"--note", &Options::note},
      {"--plan", &Options::plan},
      {"--fleet", &Options::fleet},
      {"--not-before", &Options::not_before},
      {"--expires", &Options::expires},
      {"--min-library", &Options::min_library},
      {"--root-keys", &Options::root_keys},
      {"--format", &Options::format},
      {"--columns", &Options::columns},
      {"--since", &Options::since},
      {"--until", &Options::until},
      {"--device", &Options::device},
      {"--roles", &Options::roles},
      {"--tenant", &Options::tenant},
      {"--role", &Options::role},
      {"--rule", &Options::rule},
      {"--public-key", &Options::public_key},
      {"--hours", &Options::hours},
      {"--audit-key", &Options::audit_key},
      {"--config", &Options::config},
      {"--backups", &Options::backups},
  };
  return all;
}

const std::vector<Flag>& flags() {
  static const std::vector<Flag> all = {
      {"--insecure", &Options::insecure}, {"--stdin", &Options::requests},
      {"--json", &Options::json},         {"--access", &Options::access},
      {"--audit", &Options::audit},       {"--certificate", &Options::certificate_only}};
  return all;
}

template <class Table>
auto find(const Table& table, std::string_view name) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const auto& entry) { return entry.name == name; });
  return found == table.end() ? nullptr : &*found;
}

template <class Number>
bool to_number(std::string_view text, Number& out) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
  return failure == std::errc() && end == text.data() + text.size();
}

/// HOST:PORT; an IPv6 address stands in brackets.
std::optional<Listen> to_listen(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  Listen listen{std::string(text.substr(0, colon))};
  if (listen.host.size() > 2 && listen.host.front() == '[' && listen.host.back() == ']') {
    listen.host = listen.host.substr(1, listen.host.size() - 2);
  }
  if (!to_number(text.substr(colon + 1), listen.port)) return std::nullopt;
  return listen;
}

/// Walks the settings and then the arguments after the command once; the first thing wrong ends the walk.
class Parser {
 public:
  /// `first`: of the arguments after the command's words.
  Parser(const Command& command, const std::vector<std::string>& arguments, std::size_t first)
      : command_(command), arguments_(arguments), first_(first) {
    out_.options.command = command.name;
  }

  /// The file that --config names: on the command line, else in the environment.
  std::string config(const char* const* environment) const {
    const auto at = std::find(arguments_.begin(), arguments_.end(), "--config");
    if (at != arguments_.end() && at + 1 != arguments_.end()) return at[1];
    for (const Setting& setting : from_environment(environment))
      if (setting.option == "--config") return setting.value;
    return {};
  }

  ParsedOptions run(const std::vector<Setting>& settings) {
    for (const Setting& setting : settings) {
      where_ = setting.where + ": ";
      if (!out_.error) apply(setting);
    }
    where_.clear();
    for (at_ = first_; at_ < arguments_.size() && !out_.error; ++at_) take(arguments_[at_]);
    if (!out_.error) complete();
    return std::move(out_);
  }

 private:
  void take(const std::string& argument) {
    if (argument.rfind("--", 0) != 0) return positional(argument);
    if (std::find(command_.options.begin(), command_.options.end(), argument) == command_.options.end()) {
      return fail(argument, "unknown option");
    }
    if (const Flag* flag = find(flags(), argument)) {
      out_.options.*flag->member = true;
      return;
    }
    if (at_ + 1 == arguments_.size() || arguments_[at_ + 1].empty()) return fail(argument, "needs a value");
    assign(argument, arguments_[++at_]);
  }

  /// From elsewhere. What this command does not know is no mistake in an environment that others use, too.
  void apply(const Setting& setting) {
    if (std::find(command_.options.begin(), command_.options.end(), setting.option) == command_.options.end())
      return setting.shared ? void() : fail(setting.option, "unknown option");
    const Flag* flag = find(flags(), setting.option);
    if (flag == nullptr) return assign(setting.option, setting.value);
    if (setting.value != "yes" && setting.value != "no") return fail(setting.option, "neither yes nor no");
    out_.options.*flag->member = setting.value == "yes";
  }

  void assign(const std::string& argument, const std::string& value) {
    if (argument == "--health-window-ms") return number(argument, value, out_.options.health_window_ms);
    if (argument == "--backup-minutes") return number(argument, value, out_.options.backup_minutes);
    if (argument == "--log-level") return level(argument, value);
    if (argument == "--publishers") {
      out_.options.publishers.push_back(value);
      return;
    }
    if (argument == "--project") return pair(argument, value, "SCOPE=DIRECTORY", out_.options.projects);
    if (argument == "--schema") return pair(argument, value, "SCOPE=FILE", out_.options.schemas);
    if (argument == "--label") return pair(argument, value, "KEY=VALUE", out_.options.labels);
    if (argument == "--limit") return pair(argument, value, "NAME=VALUE", out_.options.limits);
    if (const TextOption* option = find(text_options(), argument)) {
      out_.options.*option->member = value;
      return;
    }
    std::optional<Listen>& place = argument == "--otlp" ? out_.options.otlp : out_.options.listen;
    place = to_listen(value);
    if (!place) fail(argument, "'" + value + "' is not HOST:PORT");
  }

  void number(const std::string& argument, const std::string& value, std::uint64_t& out) {
    if (!to_number(value, out)) fail(argument, "not a number");
  }

  void level(const std::string& argument, const std::string& value) {
    constexpr std::array<std::string_view, 4> levels = {"debug", "info", "warning", "error"};
    if (std::find(levels.begin(), levels.end(), value) == levels.end())
      return fail(argument, "'" + value + "' is neither debug, info, warning nor error");
    out_.options.log_level = value;
  }

  void pair(const std::string& argument, const std::string& value, const char* form,
            std::vector<std::pair<std::string, std::string>>& pairs) {
    const std::size_t equals = value.find('=');
    if (equals == 0 || equals >= value.size() - 1) return fail(argument, "'" + value + "' is not " + form);
    pairs.emplace_back(value.substr(0, equals), value.substr(equals + 1));
  }

  void positional(const std::string& argument) {
    std::uint64_t number = 0;
    if (out_.options.numbers.size() == command_.numbers_max) return fail(argument, "unexpected argument");
    if (!to_number(argument, number)) return fail(argument, "not a number");
    out_.options.numbers.push_back(number);
  }

  void complete() {
    const Options& options = out_.options;
    const bool database = std::count(command_.options.begin(), command_.options.end(), "--db") > 0;
    if (database && options.db.empty()) return fail("--db", "missing");
    const bool letters = command_.name.starts_with("quarantine");
    if (options.numbers.size() < command_.numbers_min)
      return fail(letters                                     ? "ID"
                  : command_.name == "config rollout approve" ? "WAVE"
                  : command_.numbers_min == 1                 ? "V"
                                                              : "V1 V2",
                  "missing");
    for (const auto& [option, member] : required_)
      if (command_.name.starts_with(option.command) && (options.*member).empty()) return fail(option.name, "missing");
    if (!letters && command_.numbers_min != 0 && options.scope.empty()) return fail("--scope", "missing");
    if (command_.name == "serve" && !options.listen) return fail("--listen", "missing");
    if (command_.name == "backup" && options.to.empty()) return fail("--to", "missing");
    const bool listens = options.access || !(options.certificate + options.client_ca + options.tokens).empty();
    if (!options.listen && listens) return fail("--listen", "missing");
    if (options.certificate.empty() != options.key.empty()) {
      return fail(options.key.empty() ? "--tls-key" : "--tls-cert", "missing");
    }
    if (!options.hours.empty() + !options.public_key.empty() + options.certificate_only > 1)
      return fail("--hours", "one of --hours, --public-key and --certificate");
    if (!options.audit && !options.audit_key.empty()) return fail("--audit", "missing");
    const bool links = database && !options.secret.empty();
    if (options.hub.empty() && (links || !(options.ca + options.token).empty())) {
      return fail(command_.name == "serve" ? "--uplink" : "--hub", "missing");
    }
  }

  void fail(std::string_view what, std::string_view why) {
    out_.error = UsageError{std::string(command_.name) + ": " + where_ + std::string(what) + ": " + std::string(why)};
  }

  struct Place {
    std::string_view command, name;
  };
  static constexpr std::pair<Place, std::string Options::*> required_[] = {
      {{"stream", "--scope"}, &Options::scope},
      {{"config keygen", "--to"}, &Options::to},
      {{"config root", "--to"}, &Options::to},
      {{"config root", "--number"}, &Options::number},
      {{"config root", "--root-keys"}, &Options::root_keys},
      {{"config sign", "--key"}, &Options::secret},
      {{"config sign", "--to"}, &Options::to},
      {{"config publish", "--scope"}, &Options::scope},
      {{"config publish", "--from"}, &Options::from},
      {{"config rollout", "--scope"}, &Options::scope},
      {{"config rollout start", "--from"}, &Options::from},
      {{"config rollout start", "--plan"}, &Options::plan},
      {{"config show", "--from"}, &Options::from},
      {{"config history", "--scope"}, &Options::scope},
      {{"config tag", "--name"}, &Options::name},
      {{"config untag", "--name"}, &Options::name},
      {{"config uses", "--scope"}, &Options::scope},
      {{"keys new", "--to"}, &Options::to},
      {{"keys show", "--key"}, &Options::secret},
      {{"enroll", "--device"}, &Options::device},
      {{"enroll", "--roles"}, &Options::roles},
      {{"acl allow", "--role"}, &Options::role},
      {{"acl allow", "--rule"}, &Options::rule},
      {{"acl disallow", "--role"}, &Options::role},
      {{"acl disallow", "--rule"}, &Options::rule}};

  const Command& command_;
  const std::vector<std::string>& arguments_;
  std::size_t first_, at_ = 0;
  std::string where_{};  // of a setting
  ParsedOptions out_;
};

}  // namespace

ParsedOptions parse_options(const std::vector<std::string>& arguments, const char* const* environment) {
  if (arguments.empty()) return {{}, UsageError{"command: missing: say what to do"}};
  std::string name = arguments.front();
  std::size_t words = 1;
  if (name == "quarantine") {  // which lists, unless it is told to do something else
    const bool told = arguments.size() > 1 && !arguments[1].starts_with("--");
    name += ' ' + (told ? arguments[words++] : std::string("list"));
  }
  if (name == "acl" && (arguments.size() == 1 || arguments[1].starts_with("--"))) name = "acl list";
  if ((name == "config" || name == "stream" || name == "keys" || name == "acl") && arguments.size() > 1)
    name += ' ' + arguments[words++];
  if (name == "config rollout" && arguments.size() > 2) name += ' ' + arguments[words++];
  const Command* command = find(commands(), name);
  if (command == nullptr) return {{}, UsageError{"command: " + name + ": unknown"}};
  Parser parser(*command, arguments, words);
  if (name != "serve" && name != "shell") return parser.run({});
  auto settings = read_settings(parser.config(environment), environment);
  if (!settings) return {{}, UsageError{name + ": " + settings.error().detail}};
  return parser.run(*settings);
}

}  // namespace program
