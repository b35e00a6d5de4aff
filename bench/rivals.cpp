// SPDX-License-Identifier: Apache-2.0
#include "rivals.hpp"

#include <sqlite3.h>
#include <zstd.h>
#include <msgpack.hpp>

#include <charconv>
#include <cstdlib>

namespace edgesync::bench {
namespace {

void put(std::string& out, const Value& value) {
  char digits[32];
  if (const auto* real = std::get_if<double>(&value)) {
    out.append(digits, std::to_chars(digits, digits + sizeof digits, *real).ptr);
  } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    out.append(digits, std::to_chars(digits, digits + sizeof digits, *whole).ptr);
  } else {
    out += to_json(value);
  }
}

struct Buffer {
  Bytes bytes{};
  void write(const char* data, std::size_t size) {
    const ByteView view = as_view(std::string_view(data, size));
    bytes.insert(bytes.end(), view.begin(), view.end());
  }
};

void pack(msgpack::packer<Buffer>& packer, const Value& value) {
  if (const auto* real = std::get_if<double>(&value)) {
    packer.pack_double(*real);
  } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    packer.pack_int64(*whole);
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    packer.pack(*flag);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    packer.pack(*text);
  } else {
    packer.pack_nil();
  }
}

void must(bool held) {
  if (!held) std::abort();
}

void bind(sqlite3_stmt* statement, int index, const Value& value) {
  if (const auto* real = std::get_if<double>(&value)) {
    must(sqlite3_bind_double(statement, index, *real) == SQLITE_OK);
  } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    must(sqlite3_bind_int64(statement, index, *whole) == SQLITE_OK);
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    must(sqlite3_bind_int(statement, index, *flag ? 1 : 0) == SQLITE_OK);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    const auto size = static_cast<int>(text->size());
    must(sqlite3_bind_text(statement, index, text->data(), size, SQLITE_STATIC) == SQLITE_OK);
  } else {
    must(sqlite3_bind_null(statement, index) == SQLITE_OK);
  }
}

std::int64_t asked(sqlite3* db, const char* sql) {
  sqlite3_stmt* statement = nullptr;
  must(sqlite3_prepare_v2(db, sql, -1, &statement, nullptr) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW);
  const std::int64_t value = sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  return value;
}

void run(sqlite3* db, const std::string& sql) {
  must(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
}

}  // namespace

Bytes json_lines(const stream::Schema& schema, Batch batch) {
  std::string out;
  for (const Sample& sample : batch) {
    const std::int64_t micros = sample.at.time_since_epoch().count();
    out += "{\"time\":" + std::to_string(micros % 1000 == 0 ? micros / 1000 : micros);
    for (std::size_t i = 0; i < sample.fields.size(); ++i) {
      out += ",\"" + schema.columns[i].name + "\":";
      put(out, sample.fields[i]);
    }
    out += "}\n";
  }
  return to_bytes(out);
}

Bytes msgpack_rows(Batch batch) {
  Buffer out;
  msgpack::packer<Buffer> packer(out);
  packer.pack_array(static_cast<std::uint32_t>(batch.size()));
  for (const Sample& sample : batch) {
    packer.pack_array(static_cast<std::uint32_t>(1 + sample.fields.size()));
    packer.pack_int64(sample.at.time_since_epoch().count());
    for (const Value& field : sample.fields) pack(packer, field);
  }
  return std::move(out.bytes);
}

Bytes zstd_3(ByteView bytes) {
  Bytes out(ZSTD_compressBound(bytes.size()));
  const std::size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3);
  must(!ZSTD_isError(size));
  out.resize(size);
  return out;
}

std::size_t sqlite_rows(const stream::Schema& schema, std::span<const Batch> batches) {
  sqlite3* db = nullptr;
  must(sqlite3_open(":memory:", &db) == SQLITE_OK);
  std::string columns = "sequence INTEGER PRIMARY KEY, at INTEGER", marks = "?, ?";
  for (const Column& column : schema.columns) columns += ", \"" + column.name + "\"", marks += ", ?";
  run(db, "CREATE TABLE records (" + columns + ")");
  sqlite3_stmt* insert = nullptr;
  const std::string sql = "INSERT INTO records VALUES (" + marks + ")";
  must(sqlite3_prepare_v2(db, sql.c_str(), -1, &insert, nullptr) == SQLITE_OK);
  std::int64_t sequence = 0;
  for (Batch batch : batches) {
    run(db, "BEGIN");
    for (const Sample& sample : batch) {
      must(sqlite3_bind_int64(insert, 1, ++sequence) == SQLITE_OK);
      must(sqlite3_bind_int64(insert, 2, sample.at.time_since_epoch().count()) == SQLITE_OK);
      for (std::size_t i = 0; i < sample.fields.size(); ++i) bind(insert, static_cast<int>(i) + 3, sample.fields[i]);
      must(sqlite3_step(insert) == SQLITE_DONE && sqlite3_reset(insert) == SQLITE_OK);
    }
    run(db, "COMMIT");
  }
  sqlite3_finalize(insert);
  const std::int64_t bytes = asked(db, "PRAGMA page_count") * asked(db, "PRAGMA page_size");
  sqlite3_close(db);
  return static_cast<std::size_t>(bytes);
}

}  // namespace edgesync::bench
