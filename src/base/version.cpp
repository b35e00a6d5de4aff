// SPDX-License-Identifier: Apache-2.0
#include <edgesync/version.hpp>

namespace edgesync {

const char* library_version() noexcept { return header_version; }

}  // namespace edgesync
