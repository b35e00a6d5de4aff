// SPDX-License-Identifier: Apache-2.0
// OtlpReceiver: an OTLP/HTTP endpoint (https://opentelemetry.io/docs/specs/otlp/#otlphttp) for the exporters on this
// machine. What they send is not looked into: it is appended to a stream as it came, and is on disk when the answer
// says so. A payload larger than a record may be is several, one after another: `part` of `parts`.
#pragma once

#include "json.hpp"
#include "options.hpp"

#include <memory>

namespace program {

/// Thread safety: one caller at a time. It has a thread of its own.
class OtlpReceiver {
 public:
  /// Columns: signal ("traces", "metrics" or "logs"), type, encoding (as the headers name them), part, parts, payload.
  static es::StreamOptions stream();

  /// Fails with: insecure (no loopback address: nothing here is encrypted), invalid_argument, connection_refused.
  static es::Result<std::unique_ptr<OtlpReceiver>> open(const Listen& at, es::Stream records);
  /// Ends all connections.
  ~OtlpReceiver();

  std::uint16_t port() const noexcept;

 private:
  struct Server;
  explicit OtlpReceiver(std::unique_ptr<Server> server) noexcept;
  std::unique_ptr<Server> server_;
};

}  // namespace program
