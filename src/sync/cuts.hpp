// SPDX-License-Identifier: Apache-2.0
// Cuts: what we send the peer of config and state. Nothing is queued ahead of what the connection can take, except the
// parts of a cut. Per lane one cut is in flight: its base is what the peer has acked, so it always applies, unless the
// peer lost data (then: Resync). What is too large for one cut in memory is told in chunks (crdt/chunk.hpp), each read
// from the file by itself and kept aside by the peer, who says after a reconnect how far it is; then one cut names all
// of them, and they become visible together. Other scopes of the lane go on with cuts of their own meanwhile.
#pragma once

#include "sync/audit.hpp"
#include "sync/searches.hpp"

namespace edgesync::sync {

class Cuts {
 public:
  Cuts(Conversation& conversation, Audit& audit, Searches& searches) noexcept
      : talk_(conversation), audit_(audit), searches_(searches) {}

  /// The next part of the lane's cut, beginning one if there is anything to tell.
  std::optional<wire::Message> next_part(Plane lane);
  /// The next part of what is large in the lane.
  std::optional<wire::Message> next_chunk(Plane lane);

  void on(wire::Ack&& ack);
  /// Unknown: there is no cut or chunk of that number. Known: it was a chunk that followed one refused before.
  enum class Refusal : std::uint8_t { unknown, known, news };
  /// The peer has not what the cut or chunk builds on.
  Refusal resync(wire::Resync&& resync, Channel& channel);
  /// The peer cannot store the cut or chunk: what was refused is left out, the rest is sent again.
  Refusal refused(const wire::Refused& refused);
  /// Nothing of the channel goes out before its next try.
  void leave_out(wire::Channel number, Errc why);

  /// Begins a cut of the lane; false if there is nothing to tell, or nothing can be told now.
  bool begin(Plane lane);
  /// The lane's cut, if one is under way.
  const Outgoing* in_flight(Plane lane) const;

  /// What a peer keeps of a large delta that we, or somebody else, told it.
  void on(wire::Resume&& resume);
  /// Tells the peer what we keep of its large deltas.
  void offer_resume(wire::Channel number, store::ScopeId scope);

  /// Whether something large is told in part.
  bool transferring() const noexcept { return !transfers_.empty(); }

  /// All that was sent has been written: from here on its acks are awaited.
  void written(Now now);
  Instant deadline() const noexcept;
  void on_timer(Now now);
  /// What was not acknowledged in time, for people.
  std::optional<std::string> overdue(Instant now) const;

 private:
  // cuts.cpp
  void wait_in_doubt(wire::Channel number, const Channel& channel);
  bool add_scope(Outgoing& out, wire::Channel number, Channel& channel);
  bool withholds(const Channel& channel, const crdt::Context& told) const;
  void add_delta(Outgoing& out, wire::Channel number, crdt::Delta delta);
  void add_shared(Outgoing& out, wire::Channel number, const SharedDelta& told);
  bool send_cut(Plane lane, Outgoing out);
  bool cut_refused(const wire::Refused& refused);
  void send_again(const std::vector<std::pair<wire::Channel, crdt::Context>>& members);

  // cuts_packing.cpp
  Bytes patch_base(const Outgoing& out, const Channel& channel) const;
  std::vector<wire::PatchedPart> take_patches(const Channel& channel, ByteView base, crdt::Delta& delta) const;
  SharedDelta pack(const Channel& channel, ByteView base, crdt::Delta delta) const;

  // cuts_large.cpp
  bool tells_truly(const Telling& telling, const Channel& channel) const;
  static bool tells_with_search(const Telling& telling);
  bool is_member(wire::Channel number) const;
  void add_large(Outgoing& out, wire::Channel number, const Channel& channel);
  bool tell_large(Outgoing& out, wire::Channel number, const Channel& channel);
  bool read_chunk(Transfer& transfer, wire::Channel number, Telling& telling);
  bool go_on(Plane lane, Transfer& transfer);
  bool complete(Plane lane, Transfer& transfer);
  bool chunk_acked(std::uint64_t cut);
  Refusal chunk_refused(std::uint64_t cut, wire::Channel number);

  Conversation& talk_;
  Audit& audit_;
  Searches& searches_;
  std::map<Plane, Outgoing> outgoing_{};         // the cut in flight of each lane
  std::map<wire::Channel, Instant> in_doubt_{};  ///< Until when it is waited for what the hub may hear of.
  std::map<wire::Channel, Telling> telling_{};   // large deltas, told in part
  std::map<Plane, Transfer> transfers_{};        // of each lane
};

}  // namespace edgesync::sync
