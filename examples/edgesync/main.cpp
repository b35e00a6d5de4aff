// SPDX-License-Identifier: Apache-2.0
// The `edgesync` program: a hub, a node driven by JSON lines, and tools that look into a database. Answers and events
// go to stdout. An error is one line on stderr, "edgesync: WHAT: WHERE: WHY", and exit code 1; a usage error is 2.
#include "commands.hpp"
#include "input.hpp"
#include "ops.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>

namespace program {
namespace {

es::Result<int> run_session(const Options& options, Output& output) {
  Input input;
  auto session = Session::open(options, input, output);
  if (!session) return session.error();
  if (!options.requests) {
    input.wait();
  } else {
    while (!(*session)->ended()) {
      const auto line = input.next_line();
      if (!line) break;
      output.line(answer(**session, *line));
    }
  }
  (*session)->close();
  return 0;
}

es::Result<int> run(Options options) {
  if (options.command == "shell") options.requests = true;
  Output output(!options.json && !options.requests && isatty(STDOUT_FILENO) != 0);
  if (options.command == "status") return run_status(options, output);
  if (options.command == "log") return run_log(options, output);
  if (options.command == "diff") return run_diff(options, output);
  if (options.command == "dump") return run_dump(options, output);
  if (options.command == "export") return run_export(options, output);
  if (options.command == "import") {
    Input input;
    return run_import(options, input, output);
  }
  if (options.command == "verify") return run_verify(options, output);
  if (options.command == "quarantine list") return run_quarantine_list(options, output);
  if (options.command == "quarantine export") return run_quarantine_export(options, output);
  if (options.command == "quarantine replay") return run_quarantine_replay(options, output);
  if (options.command == "quarantine drop") return run_quarantine_drop(options, output);
  if (options.command == "salvage") return run_salvage(options, output);
  if (options.command == "backup") return run_backup(options, output);
  if (options.command.starts_with("config ")) return run_config(options, output);
  if (options.command == "audit") return run_audit(options, output);
  for (const char* of_access : {"keys ", "enroll", "revoke", "acl"})
    if (options.command.starts_with(of_access)) return run_access(options, output);
  if (options.command.starts_with("stream ")) return run_stream(options, output);
  return run_session(options, output);
}

int main_with(const std::vector<std::string>& arguments) {
  const auto asked = [&](const char* option) { return std::count(arguments.begin(), arguments.end(), option) > 0; };
  if (asked("--help") || asked("-h")) return std::fputs(std::string(usage()).c_str(), stdout), 0;
  if (!arguments.empty() && arguments[0] == "--version") return std::printf("edgesync %s\n", es::library_version()), 0;
  ParsedOptions parsed = parse_options(arguments, environ);
  if (parsed.error) {
    std::fprintf(stderr, "edgesync: %s (edgesync --help tells the usage)\n", parsed.error->detail.c_str());
    return 2;
  }
  auto code = run(parsed.options);
  if (code) return *code;
  std::fprintf(stderr, "edgesync: %s: %s\n", parsed.options.command.c_str(), code.error().detail.c_str());
  return 1;
}

}  // namespace
}  // namespace program

int main(int argc, char** argv) {
  try {
    return program::main_with({argv + 1, argv + argc});
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "edgesync: failed: program: %s\n", failure.what());
    return 1;
  }
}
