// SPDX-License-Identifier: Apache-2.0
#include "unit/wire/generate.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace edgesync::wire::testing {
namespace {

std::string random_text(Random& random, std::size_t size_max) {
  std::string text(random.below(size_max + 1), ' ');
  for (char& c : text) c = static_cast<char>('a' + random.below(26));
  return text;
}

// Few replicas, so that contexts overlap; all of them share a first byte sometimes.
ReplicaId random_replica(Random& random) {
  ReplicaId id;
  id.bytes.fill(static_cast<std::byte>(random.below(5) * 40));
  id.bytes[15] = static_cast<std::byte>(random.below(2));
  return id;
}

crdt::Summary random_summary(Random& random) { return {{random.next(), random.next()}, random.next()}; }

std::uint64_t random_number(Random& random) { return random.next() >> random.below(64); }

Bytes random_key(Random& random) {
  constexpr std::array paths{"reported/rpm", "reported/temp", "reported/temp/max", "desired/limit", "a"};
  return to_bytes(paths[random.below(paths.size())] + random_text(random, 3));
}

std::vector<crdt::Listed> random_list(Random& random) {
  std::map<crdt::Dot, crdt::Listed> listed;
  for (std::size_t left = random.below(4); left > 0; --left) {
    const crdt::Dot dot{random_replica(random), random_stamp(random)};
    if (random.one_in(4))
      listed[dot] = {{dot, 0, {}}, true};
    else
      listed[dot] = {{dot, random.one_in(3) ? random_stamp(random) : 0, random_bytes(random, 12)}, false};
  }
  std::vector<crdt::Listed> list;
  for (auto& [dot, item] : listed) list.push_back(std::move(item));
  return list;
}

crdt::LogItem random_removal(Random& random, const crdt::Dot& dot) {
  using Type = crdt::LogItem::Type;
  if (random.one_in(2)) return {dot, Type::remove, random_key(random), {}, {}};
  const Bytes low = random.one_in(4) ? Bytes{} : random_key(random);
  Bytes high = low;
  high.push_back(std::byte{2});
  if (random.one_in(4)) high.clear();
  return {dot, Type::remove_range, {}, {low, high}, random_context(random)};
}

DeltaPart random_part(Random& random) {
  DeltaPart part{random_number(random), static_cast<Channel>(random.next()), random.one_in(2), random_delta(random, 6)};
  if (part.first) return part;
  part.delta.base = part.delta.upto = {};
  part.delta.complete = false;
  part.delta.summary = {};
  return part;
}

Errc random_code(Random& random) { return static_cast<Errc>(1 + random.below(30)); }  // some are unknown

Hello random_hello(Random& random) {
  Hello hello;
  hello.version_max = static_cast<std::uint32_t>(random_number(random));
  for (std::size_t left = random.below(3); left > 0; --left) hello.capabilities.push_back(random_text(random, 8));
  hello.replica = random.id();
  hello.name = random_text(random, 12);
  hello.token = random_text(random, 300);
  hello.now = Timestamp(Timestamp::duration(static_cast<std::int64_t>(random.next())));
  hello.root = random.one_in(2);
  hello.software = random_text(random, 12);
  if (random.one_in(2)) hello.key = random_bytes(random, 40), hello.proof = random_bytes(random, 70);
  return hello;
}

std::vector<crdt::KeyRange> random_ranges(Random& random) {
  std::set<Bytes, BytesLess> bounds;
  for (std::size_t left = 2 * random.below(5); left > 0; --left) bounds.insert(random_key(random));
  std::vector<crdt::KeyRange> ranges;
  for (auto at = bounds.begin(); at != bounds.end(); ++at) {
    crdt::KeyRange range{*at, {}};
    if (++at == bounds.end()) return ranges.push_back(std::move(range)), ranges;
    range.high = *at;
    ranges.push_back(std::move(range));
  }
  return ranges;
}

std::vector<crdt::Finding> random_findings(Random& random) {
  std::vector<crdt::Finding> findings;
  for (crdt::KeyRange& range : random_ranges(random)) {
    crdt::Finding& finding = findings.emplace_back();
    finding.range = std::move(range);
    finding.small = random.one_in(2);
    if (!finding.small) finding.sum = random.next(), finding.count = random_number(random);
    for (std::size_t left = finding.small ? random.below(6) : 0; left > 0; --left)
      finding.hashes.push_back(random.next());
  }
  return findings;
}

Drops random_drops(Random& random) {
  if (random.one_in(3)) return {};
  return {random.below(1000), random.below(3), random.below(3), random.next() >> 8, random.below(200)};
}

std::vector<Missing> random_missing(Random& random) {
  std::vector<Missing> all(random.below(4));
  for (Missing& missing : all) missing = {random.id(), random_drops(random)};
  return all;
}

}  // namespace

crdt::Stamp random_stamp(Random& random) {
  constexpr crdt::Stamp year_2026 = std::uint64_t{189'000'000'000} << 20;
  return year_2026 + (random.next() >> (24 + random.below(40)));
}

Bytes random_bytes(Random& random, std::size_t size_max) {
  Bytes bytes(random.below(size_max + 1));
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.next());
  return bytes;
}

crdt::Context random_context(Random& random) {
  crdt::Context context;
  for (std::size_t left = random.below(5); left > 0; --left)
    context.advance({random_replica(random), random_stamp(random)});
  return context;
}

crdt::Delta random_delta(Random& random, std::size_t keys_max) {
  crdt::Delta delta{random_context(random), random_context(random), random.one_in(3), {}, {}, random_summary(random)};
  std::map<Bytes, std::vector<crdt::Listed>, BytesLess> keys;
  for (std::size_t left = random.below(keys_max + 1); left > 0; --left) keys[random_key(random)] = random_list(random);
  for (auto& [key, list] : keys) delta.keys.push_back({key, std::move(list)});
  for (std::size_t left = random.below(4); left > 0; --left) {
    crdt::Stamp stamp = random_stamp(random);
    const ReplicaId replica = random_replica(random);
    for (const crdt::LogItem& earlier : delta.removals)
      if (earlier.dot.replica == replica) stamp = earlier.dot.stamp + random.below(3);
    delta.removals.push_back(random_removal(random, {replica, stamp}));
  }
  return delta;
}

Message random_message(Random& random, std::size_t index) {
  const auto channel = static_cast<Channel>(random_number(random));
  switch (index) {
    case 0:
      return random_hello(random);
    case 1:
      return Subscribe{channel,
                       static_cast<Plane>(1 + random.below(3)),
                       random_text(random, 20),
                       random_context(random),
                       random_summary(random),
                       random_bytes(random, 32)};
    case 2:
      return Subscribed{channel,          random_context(random), random_summary(random),
                        random.one_in(2), random_missing(random), random_bytes(random, 32)};
    case 3:
      return Unsubscribed{channel, random_code(random), random_text(random, 30)};
    case 4:
      return random_part(random);
    case 5:
      return Cut{random_number(random), static_cast<std::uint32_t>(random_number(random))};
    case 6:
      return Ack{random_number(random)};
    case 7:
      return Resync{random_number(random), channel, random_context(random)};
    case 8:
      return Stable{channel, random_context(random)};
    case 9:
      return Segment{channel, random.id(), random_number(random), static_cast<std::uint32_t>(random_number(random)),
                     random_bytes(random, 400)};
    case 10:
      return StreamAck{channel, random.id(), random_number(random), random_drops(random)};
    case 11:
      return Ping{random_number(random)};
    case 12:
      return Pong{random_number(random)};
    case 13:
      return Bye{random_code(random), random_text(random, 30), std::chrono::milliseconds(random.below(1ULL << 32))};
    case 14:
      return Findings{channel, random_number(random), random_context(random), random_findings(random)};
    case 15:
      return Inspect{channel, random_number(random), random_ranges(random)};
    case 16:
      return Prove{channel, random_number(random)};
    case 17:
      return Proof{channel, random_number(random), random_bytes(random, 20)};
    case 18:
      return Chunk{random_number(random), channel, random.one_in(2), random_context(random), random_context(random),
                   random_context(random)};
    case 19:
      return Staged{random_number(random), channel};
    case 20:
      return Resume{channel,
                    random.id(),
                    random_context(random),
                    random_context(random),
                    random_context(random),
                    random_context(random)};
    case 21:
      return Lost{channel, random_ranges(random)};
    case 22:
      return Repair{random_number(random), channel, random_ranges(random)};
    case 23:
      return Refused{random_number(random),  channel,
                     random_code(random),    random_text(random, 30),
                     random_replica(random), random_number(random)};
    case 24:
      return Dropped{channel, random.id(), random_number(random), random_number(random),
                     static_cast<DropReason>(1 + random.below(5))};
    case 25:
      return Trimmed{channel, random.id(), random_number(random), random_drops(random)};
    default:
      return PatchedPart{random_number(random), channel, random_bytes(random, 32),
                         static_cast<std::uint32_t>(random_number(random)), random_bytes(random, 100)};
  }
}

std::vector<Message> random_messages(Random& random) {
  std::vector<Message> messages;
  for (std::size_t left = random.below(6); left > 0; --left)
    messages.push_back(random_message(random, random.below(std::variant_size_v<Message>)));
  return messages;
}

}  // namespace edgesync::wire::testing
