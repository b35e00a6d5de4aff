// SPDX-License-Identifier: Apache-2.0
// Previews: what has come of a scope's first bootstrap, as the application may see it before the cut is whole. The
// chunks of a stage are joined into rows of their own as they come, and these go when the stage does; nothing that is
// replicated knows of them. What is written meanwhile has not seen them and is concurrent with them.
#pragma once

#include "store/sql_table.hpp"

namespace edgesync::store {

/// True if nothing but this replica's own writes is in a scope with this context: what comes is its first bootstrap.
bool previewable(const File& file, const crdt::Context& context) noexcept;

/// Joins the chunk into the preview of the stage of the replica that is `from` in the file. Requires: in a transaction.
void preview_chunk(SqlTable& table, Oid from, const crdt::Chunk& chunk);

void drop_preview(SqlTable& table, Oid from);

/// A scope and the preview of a stage as they read together: at each key the entries of both.
class PreviewView final : public crdt::CellSource {
 public:
  PreviewView(SqlTable& table, Oid from) noexcept : table_(table), from_(from) {}
  crdt::Cell find(ByteView key) override;
  void scan(const crdt::KeyRange& range, const Visit& visit) override;

 private:
  SqlTable& table_;
  Oid from_;
};

}  // namespace edgesync::store
