// SPDX-License-Identifier: Apache-2.0
// Between JSON and edgesync's values. Integers are int64, other numbers double, {"base64":"..."} is bytes; a list or an
// object is kept whole as Json. What goes in comes out again with the same type, except NaN and infinities: null.
#pragma once

#include <edgesync/edgesync.hpp>

#include <boost/json.hpp>

#include <map>
#include <string>
#include <string_view>

namespace program {

namespace es = edgesync;
namespace json = boost::json;

/// One JSON text. Fails with: invalid_argument, naming the byte.
es::Result<json::value> parse(std::string_view text);

/// `where` names the value in the error. Fails with: invalid_argument (an integer beyond 64 bits, bad base64).
es::Result<es::Value> to_value(const json::value& from, std::string_view where);
json::value from_value(const es::Value& value);

/// A JSON tree as paths: objects become segments; everything else, empty objects included, is a leaf.
es::Result<std::map<std::string, es::Value>> flatten(const json::value& tree);

/// 32 hexadecimal digits.
es::Result<es::ReplicaId> to_replica(std::string_view text, std::string_view where);

json::value from_time(es::Timestamp at);
json::object from_error(const es::Error& error);
json::object from_digest(const es::Digest& digest);
json::object from_version(const es::VersionInfo& version);
json::object from_known(const es::Config::Known& known);
json::object from_use(const es::Use& use);
json::object from_change(const es::KeyChange& change);
json::array from_values(const std::vector<es::Value>& values);
json::array from_conflicts(const std::vector<es::Conflict>& conflicts);
/// A set as the list of its members, everything else as itself.
json::value from_item(const es::Item& item);
/// [unix_us, field...]
json::array from_record(const es::Record& record);
/// records, values, and if there are any: min, max, sum, mean.
json::object from_aggregate(const es::Aggregate& aggregate);
json::array from_gaps(const std::vector<es::Gap>& gaps);

/// The stable name of a failure: an Errc's, else what its category says.
std::string code_name(const std::error_code& code);

es::Error invalid(std::string_view where, std::string_view why);

}  // namespace program
