// SPDX-License-Identifier: Apache-2.0
// Parsing JSON to the last bit: Boost.JSON 1.81 reads decimal numbers one unit in the last place off now and then, so
// the text of each is converted again here. Bounded in depth.
#include "json.hpp"

#include <boost/json/basic_parser_impl.hpp>

#include <charconv>
#include <cmath>
#include <string>

namespace program {
namespace {

constexpr std::size_t depth_max = 64;  // Of any request; deeper input is an error, not a stack overflow.

/// Hears what the parser finds and builds the value from it.
class Builder {
 public:
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);
  using Text = json::string_view;
  using Failure = json::error_code;

  Builder() { stack_.reset(); }
  json::value release() { return stack_.release(); }

  bool on_document_begin(Failure&) { return true; }
  bool on_document_end(Failure&) { return true; }
  bool on_array_begin(Failure&) { return true; }
  bool on_array_end(std::size_t count, Failure&) { return stack_.push_array(count), true; }
  bool on_object_begin(Failure&) { return true; }
  bool on_object_end(std::size_t count, Failure&) { return stack_.push_object(count), true; }
  bool on_string_part(Text text, std::size_t, Failure&) { return stack_.push_chars(text), true; }
  bool on_string(Text text, std::size_t, Failure&) { return stack_.push_string(text), true; }
  bool on_key_part(Text text, std::size_t, Failure&) { return stack_.push_chars(text), true; }
  bool on_key(Text text, std::size_t, Failure&) { return stack_.push_key(text), true; }
  bool on_number_part(Text text, Failure&) { return number_.append(text.data(), text.size()), true; }
  bool on_int64(std::int64_t number, Text, Failure&) { return number_.clear(), stack_.push_int64(number), true; }
  bool on_uint64(std::uint64_t number, Text, Failure&) { return number_.clear(), stack_.push_uint64(number), true; }
  bool on_double(double number, Text rest, Failure& failure) {
    number_.append(rest.data(), rest.size());
    std::from_chars(number_.data(), number_.data() + number_.size(), number);
    number_.clear();
    if (!std::isfinite(number)) return failure = json::error::exponent_overflow, false;
    return stack_.push_double(number), true;
  }
  bool on_bool(bool truth, Failure&) { return stack_.push_bool(truth), true; }
  bool on_null(Failure&) { return stack_.push_null(), true; }
  bool on_comment_part(Text, Failure&) { return true; }
  bool on_comment(Text, Failure&) { return true; }

 private:
  json::value_stack stack_{};
  std::string number_{};  ///< The text of the number that is being read.
};

}  // namespace

es::Result<json::value> parse(std::string_view text) {
  json::parse_options options;
  options.max_depth = depth_max;
  json::basic_parser<Builder> parser(options);
  json::error_code failure;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), failure);
  if (!failure && used < text.size()) failure = json::error::extra_data;
  if (failure) return invalid("json", failure.message() + " at byte " + std::to_string(used));
  return parser.handler().release();
}

}  // namespace program
