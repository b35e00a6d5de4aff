// SPDX-License-Identifier: Apache-2.0
// Verify: reads everything and says what does not agree: pages, cells against fingerprint and context, log against
// cells, segments and versions against their checksums.
#pragma once

#include "store/batch.hpp"

namespace edgesync::store {

/// SQLite's own check of its pages.
void verify_pages(File& file, std::vector<std::string>& findings);
void verify_scope(SqlTable& table, const Scope& scope, std::vector<std::string>& findings);

}  // namespace edgesync::store
