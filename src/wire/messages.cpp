// SPDX-License-Identifier: Apache-2.0
#include "wire/messages.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <tuple>
#include <utility>

namespace edgesync::wire {
namespace {

template <class T, class M>
concept Is = std::same_as<std::remove_const_t<T>, M>;

// The fields of each message in the order of PROTOCOL.md. A later version may only append.
auto fields(Is<Hello> auto& m) {
  return std::tie(m.version_min, m.version_max, m.capabilities, m.replica, m.name, m.token, m.now, m.root, m.software,
                  m.key, m.proof);
}
/// The last so many fields of a message came after its first version: a peer that does not know them leaves them out.
template <class M>
constexpr std::size_t added_later = 0;
template <>
constexpr std::size_t added_later<Hello> = 2;
template <>
constexpr std::size_t added_later<Subscribe> = 1;
template <>
constexpr std::size_t added_later<Subscribed> = 1;

auto fields(Is<Subscribe> auto& m) { return std::tie(m.channel, m.plane, m.scope, m.context, m.summary, m.holds); }
auto fields(Is<Subscribed> auto& m) {
  return std::tie(m.channel, m.context, m.summary, m.writable, m.missing, m.holds);
}
auto fields(Is<Unsubscribed> auto& m) { return std::tie(m.channel, m.code, m.detail); }
auto fields(Is<DeltaPart> auto& m) { return std::tie(m.cut, m.channel, m.first, m); }  // the fourth: the packed body
auto fields(Is<Cut> auto& m) { return std::tie(m.cut, m.scopes); }
auto fields(Is<Ack> auto& m) { return std::tie(m.cut); }
auto fields(Is<Resync> auto& m) { return std::tie(m.cut, m.channel, m.context); }
auto fields(Is<Stable> auto& m) { return std::tie(m.channel, m.context); }
auto fields(Is<Segment> auto& m) { return std::tie(m.channel, m.origin, m.first, m.count, m.body); }
auto fields(Is<StreamAck> auto& m) { return std::tie(m.channel, m.origin, m.through, m.missing); }
auto fields(Is<Dropped> auto& m) { return std::tie(m.channel, m.origin, m.first, m.last, m.why); }
auto fields(Is<Trimmed> auto& m) { return std::tie(m.channel, m.origin, m.through, m.missing); }
auto fields(Is<Ping> auto& m) { return std::tie(m.nonce); }
auto fields(Is<Pong> auto& m) { return std::tie(m.nonce); }
auto fields(Is<Findings> auto& m) { return std::tie(m.channel, m.search, m.common, m.findings); }
auto fields(Is<Inspect> auto& m) { return std::tie(m.channel, m.search, m.ranges); }
auto fields(Is<Prove> auto& m) { return std::tie(m.channel, m.sequence); }
auto fields(Is<Proof> auto& m) { return std::tie(m.channel, m.sequence, m.hash); }
auto fields(Is<Chunk> auto& m) { return std::tie(m.cut, m.channel, m.begin, m.base, m.floors, m.reached); }
auto fields(Is<Staged> auto& m) { return std::tie(m.cut, m.channel); }
auto fields(Is<Resume> auto& m) { return std::tie(m.channel, m.from, m.base, m.floors, m.reached, m.upto); }
auto fields(Is<Lost> auto& m) { return std::tie(m.channel, m.ranges); }
auto fields(Is<Repair> auto& m) { return std::tie(m.cut, m.channel, m.ranges); }
auto fields(Is<Refused> auto& m) { return std::tie(m.cut, m.channel, m.code, m.detail, m.origin, m.last); }
auto fields(Is<PatchedPart> auto& m) { return std::tie(m.cut, m.channel, m.base, m.bytes, m.patch); }
auto fields(Is<Bye> auto& m) { return std::tie(m.code, m.detail, m.retry_after); }

// As PROTOCOL.md numbers and calls them, in the order of the variant's alternatives.
struct Kind {
  std::uint64_t number = 0;
  const char* name = "";
};
constexpr std::array<Kind, std::variant_size_v<Message>> kinds{
    {{1, "hello"},    {2, "subscribe"}, {3, "subscribed"},   {4, "unsubscribed"}, {5, "delta part"},  {6, "cut"},
     {7, "ack"},      {8, "resync"},    {9, "stable"},       {10, "segment"},     {11, "stream ack"}, {12, "ping"},
     {13, "pong"},    {14, "bye"},      {15, "findings"},    {16, "inspect"},     {17, "prove"},      {18, "proof"},
     {19, "chunk"},   {20, "staged"},   {21, "resume"},      {23, "lost"},        {24, "repair"},     {25, "refused"},
     {26, "dropped"}, {27, "trimmed"},  {28, "patched part"}}};

// Where the reading of one message stands, for errors.
struct Progress {
  std::size_t count = 0;  // fields that the message has
  std::size_t read = 0;
};

template <class M>
Message read_fields(FieldReader& in, Budget& budget, Progress& progress) {
  M message{};
  std::apply(
      [&](auto&... field) {
        if (progress.count < sizeof...(field) - added_later<M>) return void(budget.malformed("fields are missing"));
        const auto get = [&](auto& one) {
          if (!budget.failed() && progress.read < progress.count) ++progress.read, in.get(one);
        };
        (get(field), ...);
      },
      fields(message));
  return message;
}

using ReadFields = Message (*)(FieldReader&, Budget&, Progress&);

template <std::size_t... Index>
constexpr std::array<ReadFields, kinds.size()> make_readers(std::index_sequence<Index...>) {
  return {&read_fields<std::variant_alternative_t<Index, Message>>...};
}

constexpr auto readers = make_readers(std::make_index_sequence<kinds.size()>());

}  // namespace

void write_message(FieldWriter& out, const Message& message) {
  std::visit(
      [&](const auto& m) {
        std::apply(
            [&](const auto&... field) {
              out.array(1 + sizeof...(field));
              out.put(kinds[message.index()].number);
              (out.put(field), ...);
            },
            fields(m));
      },
      message);
}

std::optional<Message> read_message(FieldReader& in, Budget& budget, std::string& where) {
  const std::size_t count = in.array();
  if (count == 0) budget.malformed("empty message");
  std::uint64_t kind = 0;
  in.get(kind);
  where = "kind " + std::to_string(kind);
  if (budget.failed()) return std::nullopt;
  Progress progress{count - 1};
  std::optional<Message> message;
  const auto known = std::find_if(kinds.begin(), kinds.end(), [&](const Kind& one) { return one.number == kind; });
  if (known != kinds.end()) {
    message = readers[static_cast<std::size_t>(known - kinds.begin())](in, budget, progress);
    where = known->name;
  }
  if (budget.failed()) {
    where += " field " + std::to_string(progress.read);
    return std::nullopt;
  }
  in.skip(progress.count - progress.read);
  if (budget.failed()) message.reset();
  return message;
}

}  // namespace edgesync::wire
