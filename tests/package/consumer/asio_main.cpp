// SPDX-License-Identifier: Apache-2.0
// An application with an Asio loop of its own.
#include <edgesync/asio.hpp>
#include <edgesync/version.hpp>

#include <boost/asio/io_context.hpp>

#include <iostream>

int main() {
  boost::asio::io_context loop;
  const auto runtime = edgesync::asio_runtime(loop.get_executor());
  std::cout << edgesync::library_version() << '\n';
  return runtime ? 0 : 1;
}
