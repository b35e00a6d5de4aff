// SPDX-License-Identifier: Apache-2.0
// Fields: typed access to the msgpack values of messages, one overload per type a message may hold, writing and
// reading side by side. The reader pulls one msgpack token at a time out of the body: it never recurses, builds no
// tree, and charges the budget before it copies anything.
#pragma once

#include "wire/budget.hpp"

namespace edgesync::wire {

/// Appends msgpack values, each in its shortest form.
class FieldWriter {
 public:
  explicit FieldWriter(Bytes& out) noexcept : out_(out) {}

  void array(std::size_t count);
  void put(bool value);
  void put(std::uint32_t value) { put(std::uint64_t{value}); }
  void put(std::uint64_t value);
  void put(Timestamp value);
  void put(std::chrono::milliseconds value);  ///< As u32, saturating.
  void put(Plane value) { put(std::uint64_t{static_cast<std::uint8_t>(value)}); }
  void put(Errc value) { put(static_cast<std::uint64_t>(value)); }
  void put(const std::string& value);
  void put(const std::vector<std::string>& value);
  void put(ByteView value);
  void put(const ReplicaId& value) { put(ByteView(value.bytes)); }
  void put(const crdt::Context& value);
  void put(const crdt::Summary& value);
  void put(DropReason value) { put(std::uint64_t{static_cast<std::uint8_t>(value)}); }
  void put(const Drops& value);
  void put(const std::vector<Missing>& value);
  void put(const DeltaPart& value);  ///< Its body: the last of its fields.
  void put(const std::vector<crdt::KeyRange>& value);
  void put(const std::vector<crdt::Finding>& value);

 private:
  Bytes& out_;
};

/// Takes msgpack values from a body. After a failure, which its budget holds, all reads give defaults.
class FieldReader {
 public:
  FieldReader(ByteView body, Budget& budget) noexcept : body_(body), budget_(budget) {}

  bool more() const noexcept { return !budget_.failed() && offset_ < body_.size(); }
  std::size_t offset() const noexcept { return offset_; }

  /// Enters the next value, which must be an array. The count is not yet trusted.
  std::size_t array();
  void get(bool& value);
  void get(std::uint32_t& value);
  void get(std::uint64_t& value);
  void get(Timestamp& value);
  void get(std::chrono::milliseconds& value);
  void get(Plane& value);
  void get(Errc& value);
  void get(std::string& value);
  void get(std::vector<std::string>& value);
  void get(Bytes& value);
  void get(ReplicaId& value);
  void get(crdt::Context& value);
  void get(crdt::Summary& value);
  void get(DropReason& value);  ///< One that is not known counts as a policy's.
  void get(Drops& value);
  void get(std::vector<Missing>& value);
  void get(DeltaPart& value);
  void get(std::vector<crdt::KeyRange>& value);
  void get(std::vector<crdt::Finding>& value);
  /// Passes over `count` values of any type, containers whole.
  void skip(std::uint64_t count);

 private:
  struct Token;
  struct Visitor;
  Token next();
  std::uint64_t number(std::uint64_t max);
  ByteView binary();
  bool sized(const Token& container);

  ByteView body_;
  std::size_t offset_ = 0;
  Budget& budget_;
};

}  // namespace edgesync::wire
