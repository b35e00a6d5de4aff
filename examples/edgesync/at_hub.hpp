// SPDX-License-Identifier: Apache-2.0
// Commands that may link to a hub: then they begin with what is there, and end when the hub holds what was said.
#pragma once

#include "json.hpp"
#include "options.hpp"

namespace program {

/// Whatever `options` says of the hub to link to, and who comes there. Fails with: not_found, invalid_argument (a key).
es::Result<es::LinkOptions> link_to(const Options& options);

/// By scope, from the files that --schema names.
es::Result<decltype(es::NodeOptions::schemas)> read_schemas(const Options& options);

/// The database of `options.db`, linked if there is a hub. `observes`: nothing is published, and what this database
/// makes of its versions is its application's affair.
es::Result<es::Node> open_linked(const Options& options, bool observes);
/// Waits until what the hub has of the scope is here, too.
es::Result<void> follow_hub(es::Node& node, const Options& options, es::Plane plane, const std::string& scope);
/// What was said is there.
es::Result<void> tell_hub(es::Node& node, const Options& options);

}  // namespace program
