// SPDX-License-Identifier: Apache-2.0
// JsonSchema: what the content of a config version has to be (JSON Schema, drafts 4 to 7), so that a version with a
// wrong type or a value out of range is refused by every node before the application is asked about it.
// NodeOptions::schemas says for which scope.
#pragma once

#include <edgesync/error.hpp>
#include <edgesync/value.hpp>

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace edgesync {

/// Copies share one schema. Thread safety: any member from any thread.
class EDGESYNC_EXPORT JsonSchema {
 public:
  /// `text`: one JSON Schema, without references to other documents. Its patterns should be simple ones: they are
  /// matched by backtracking. Fails with: invalid_argument (no JSON, no schema, refers to itself without end),
  /// unsupported (this library was built without).
  static Result<JsonSchema> parse(std::string_view text);

  /// What a path leads to is an object: the content {"limits/rpm": 1200} is the document {"limits": {"rpm": 1200}}.
  /// Json is what it says, bytes are {"base64": "..."}, NaN and infinities null. Fails with: invalid_argument, naming
  /// the first few paths that do not fit and why; texts above 1 KiB where the schema has patterns, more than 1,024
  /// items where it wants some to be unique, and a path that holds a value beside paths below it, do not either.
  /// limit_exceeded: it could not be found out (memory, a pattern that takes too much).
  Result<void> check(const std::map<std::string, Value>& content) const;

 private:
  struct Impl;
  explicit JsonSchema(std::shared_ptr<const Impl> impl) noexcept : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace edgesync
