// SPDX-License-Identifier: Apache-2.0
#include <edgesync/error.hpp>

#include <array>

namespace edgesync {
namespace {

struct Row {
  Errc code;
  const char* name;
  const char* sentence;
  bool transient;
};

constexpr std::array rows{
    Row{Errc::not_found, "not_found", "not found", false},
    Row{Errc::invalid_argument, "invalid_argument", "invalid argument", false},
    Row{Errc::type_mismatch, "type_mismatch", "the key holds another type", false},
    Row{Errc::limit_exceeded, "limit_exceeded", "a limit would be exceeded", false},
    Row{Errc::unsupported, "unsupported", "not supported", false},
    Row{Errc::already_open, "already_open", "the database is already open", true},
    Row{Errc::storage_full, "storage_full", "the disk or quota is full", true},
    Row{Errc::storage_io, "storage_io", "the disk failed", true},
    Row{Errc::storage_corrupt, "storage_corrupt", "the database is damaged", false},
    Row{Errc::storage_too_new, "storage_too_new", "the database was written by a newer version", false},
    Row{Errc::unreachable, "unreachable", "the peer cannot be reached", true},
    Row{Errc::insecure, "insecure", "an insecure connection was refused", false},
    Row{Errc::untrusted, "untrusted", "not who or what it claims to be", false},
    Row{Errc::unauthorized, "unauthorized", "the credentials were refused", false},
    Row{Errc::forbidden, "forbidden", "not allowed for this scope", false},
    Row{Errc::protocol_mismatch, "protocol_mismatch", "no common protocol version", false},
    Row{Errc::protocol_violation, "protocol_violation", "the peer broke the protocol", false},
    Row{Errc::rejected, "rejected", "refused by the application", false},
    Row{Errc::timed_out, "timed_out", "the deadline passed", true},
    Row{Errc::cancelled, "cancelled", "cancelled", true},
    Row{Errc::closed, "closed", "closed", false},
    Row{Errc::identity_clash, "identity_clash", "the replica id is in use twice", true},
    Row{Errc::clock, "clock", "the clock is too far off", true},
    Row{Errc::unsent, "unsent", "the hub does not hold everything yet", true},
    Row{Errc::name_unknown, "name_unknown", "the host's name is not known", true},
    Row{Errc::no_route, "no_route", "there is no way to the host", true},
    Row{Errc::connection_refused, "connection_refused", "nobody listens there", true},
    Row{Errc::not_signed, "not_signed", "signatures are missing", false},
    Row{Errc::outdated, "outdated", "older than what is known", false},
    Row{Errc::equivocation, "equivocation", "one number was signed for two contents", false},
    Row{Errc::not_in_force, "not_in_force", "not yet, or no longer, in force", true},
};

const Row* find(int code) noexcept {
  for (const Row& row : rows)
    if (static_cast<int>(row.code) == code) return &row;
  return nullptr;
}

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "edgesync"; }
  std::string message(int code) const override {
    const Row* row = find(code);
    return row ? row->sentence : "unknown error";
  }
  std::error_condition default_error_condition(int code) const noexcept override {
    if (code == static_cast<int>(Errc::cancelled)) return std::errc::operation_canceled;
    return {code, *this};
  }
};

std::string sentence(const Error& error) { return error.detail.empty() ? error.code.message() : error.detail; }

}  // namespace

const std::error_category& error_category() noexcept {
  static const Category category;
  return category;
}

std::error_code make_error_code(Errc code) noexcept { return {static_cast<int>(code), error_category()}; }

bool is_transient(const std::error_code& code) noexcept {
  const Row* row = code.category() == error_category() ? find(code.value()) : nullptr;
  return row != nullptr && row->transient;
}

const char* name(Errc code) noexcept {
  const Row* row = find(static_cast<int>(code));
  return row ? row->name : "unknown";
}

bool detail::is_kind_of(const std::error_code& code, Errc general) noexcept {
  return general == Errc::unreachable &&
         (code == make_error_code(Errc::name_unknown) || code == make_error_code(Errc::no_route) ||
          code == make_error_code(Errc::connection_refused));
}

Failure::Failure(Error error) : std::system_error(error.code, sentence(error)), error_(std::move(error)) {}
Failure::~Failure() = default;

void detail::throw_failure(const Error& error) { throw Failure(error); }

}  // namespace edgesync
