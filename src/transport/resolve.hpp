// SPDX-License-Identifier: Apache-2.0
// Lookup: a name to addresses without waiting for it. The system's resolver can block for longer than anybody wants to
// wait and cannot be interrupted, so each look-up has a thread of its own that is left behind when it is cancelled:
// neither a deadline nor the end of a runtime ever waits for a name server.
#pragma once

#include <edgesync/error.hpp>
#include <edgesync/function.hpp>

#include <boost/asio/ip/address.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace edgesync::transport {

class Lookup {
 public:
  using Addresses = std::vector<boost::asio::ip::address>;
  using Done = Function<void(Result<Addresses>)>;

  /// `done` is called once, on the look-up's thread, unless cancelled before. An address is its own answer.
  static std::shared_ptr<Lookup> start(const std::string& host, Done done);
  /// No call follows. Thread safety: any thread, but not from within `done`.
  void cancel();

 private:
  void finish(Result<Addresses> result);

  std::mutex mutex_;
  Done done_;
};

}  // namespace edgesync::transport
