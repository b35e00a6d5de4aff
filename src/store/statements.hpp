// SPDX-License-Identifier: Apache-2.0
// Every SQL text of the store, by name. Statements are prepared once per connection and reused; values are only ever
// bound. FORMAT.md specifies the tables.
#pragma once

#include <cstddef>
#include <cstdint>

namespace edgesync::store {

inline constexpr std::int32_t application_id = 0x65645379;  // "edSy"
inline constexpr std::int32_t schema_version = 1;

enum class Sql : std::size_t {
  begin,
  commit,
  meta_get,
  meta_put,
  meta_delete,
  origins,
  origin_put,
  scopes,
  scope_put,
  scope_policy,
  contexts,
  context_put,
  context_drop,
  acks_put,
  summary_put,
  cell_find,
  cell_insert,
  cell_update,
  cell_delete,
  cell_scan,
  cell_scan_to,
  log_last,
  log_from,
  log_next,
  log_put,
  log_delete,
  segment_put,
  segments_after,
  segments_all,
  segments_through,
  segment_delete,
  version_put,
  version_role,
  version_delete,
  version_content,
  history,
  history_put,
  history_trim,
  history_oldest,
  history_bytes,
  cell_before,
  cell_after,
  log_all,
  log_clear,
  version_rows,
  version_heads,
  version_one,
  version_dependants,
  version_bytes,
  memo_get,
  memo_put,
  aside_put,
  raw_cell,
  raw_log,
  raw_segment,
  raw_version,
  raw_counter,
  raw_context,
  raw_memo,
  aside_list,
  aside_drop,
  aside_size,
  aside_refused_size,
  damages,
  damage_put,
  damage_clear,
  counter_find,
  counter_put,
  counter_delete,
  lineage,
  lineage_put,
  lineage_trim,
  lineage_inherit,
  stages,
  staged,
  stage_put,
  stage_delete,
  chunk_get,
  chunk_put,
  chunk_delete,
  chunks_delete,
  wipe_cells,
  wipe_log,
  wipe_contexts,
  wipe_versions,
  wipe_history,
  wipe_counters,
  wipe_stages,
  wipe_chunks,
  integrity,
  count_
};

const char* text(Sql sql) noexcept;

/// The tables of an empty database.
const char* schema_text() noexcept;

}  // namespace edgesync::store
