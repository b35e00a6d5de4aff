// SPDX-License-Identifier: Apache-2.0
// Random messages of every kind, valid in form and small, from a seed. What they say need not make sense.
#pragma once

#include "base/random.hpp"
#include "wire/frame.hpp"

namespace edgesync::wire::testing {

/// A stamp like one minted in 2026.
crdt::Stamp random_stamp(Random& random);
crdt::Context random_context(Random& random);
crdt::Delta random_delta(Random& random, std::size_t keys_max);
/// Of the kind that stands at `index` in Message.
Message random_message(Random& random, std::size_t index);
std::vector<Message> random_messages(Random& random);
Bytes random_bytes(Random& random, std::size_t size_max);

}  // namespace edgesync::wire::testing
