// SPDX-License-Identifier: Apache-2.0
// What a hub needs beside what every node does: whom it lets in, its limits, and what can be read again while it runs.
#pragma once

#include "commands.hpp"

#include <memory>
#include <string>

namespace program {

/// Grants of a token file, which may change while a hub goes by them. Thread safety: any thread.
class Tokens {
 public:
  /// No file, no grants. Fails with: as token_file().
  static es::Result<Tokens> read(const std::string& path);
  /// As the file says now; if it cannot be read, as it said before.
  es::Result<void> read_again();
  es::Authorizer authorizer() const;

 private:
  struct Shared;
  explicit Tokens(std::shared_ptr<Shared> shared) noexcept : shared_(std::move(shared)) {}
  std::shared_ptr<Shared> shared_;
};

/// Fails with: invalid_argument, naming the limit.
es::Result<es::HubLimits> limits_of(const Options& options);

/// Tells a service manager (systemd's sd_notify protocol) how it is with this program, if one wants to know.
void notify_manager(const char* state) noexcept;

}  // namespace program
