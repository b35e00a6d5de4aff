// SPDX-License-Identifier: Apache-2.0
// Salvage: a database that SQLite cannot read, or not all of, is set aside as it is, and another one takes its place in
// which is every row that proves itself by its check. What may be missing is marked as damaged, so that peers are asked
// for it and told of nothing that is not certain. FORMAT.md says what is carried over.
#pragma once

#include "base/random.hpp"

#include <edgesync/error.hpp>

#include <string>

namespace edgesync::store {

struct Salvaged {
  std::string kept{};    ///< Where the damaged file is now.
  std::string report{};  ///< For people.
};

/// Nothing is touched unless it succeeds, but that a salvage that was interrupted is completed.
/// Fails with: already_open; not_found (nothing in the file proves to be of edgesync); storage_*.
Result<Salvaged> salvage(const std::string& path, Random& random);

/// Completes a salvage that was interrupted after its new database was done; cheap if there is none.
/// Fails with: storage_io.
Result<void> complete_salvage(const std::string& path);

}  // namespace edgesync::store
