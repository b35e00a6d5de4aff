// SPDX-License-Identifier: Apache-2.0
// Errors: one Result for every fallible call. It holds a value or an Error; value() throws for those who prefer
// exceptions. A failure a device meets every day (offline, full disk, refused) is a value, never a surprise.
#pragma once

#include <edgesync/export.hpp>

#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

namespace edgesync {

/// What went wrong. Unless the comment says otherwise, nothing was written.
enum class Errc {
  not_found = 1,      ///< No such key, version, scope or record.
  invalid_argument,   ///< The call can never succeed as given; `detail` names what and where.
  type_mismatch,      ///< The key holds another type than the call needs.
  limit_exceeded,     ///< A documented bound would be passed.
  unsupported,        ///< This build or this peer cannot do it.
  already_open,       ///< Another process, or another handle in this one, holds the database.
  storage_full,       ///< The disk or quota is full. Reads still work; retry when there is space.
  storage_io,         ///< The disk failed. The file was opened again and the write is not there; while even that fails,
                      ///< it shows at the next successful open whether it is.
  storage_corrupt,    ///< The database is damaged; run `edgesync verify`.
  storage_too_new,    ///< The database was written by a newer edgesync.
  unreachable,        ///< No connection. Where it is known why not: name_unknown, no_route, connection_refused.
  insecure,           ///< A plaintext URL or listener without leave, or TLS below 1.3.
  untrusted,          ///< The peer's certificate or name did not verify; or a config version is not what was signed.
  unauthorized,       ///< The hub does not accept this token or key.
  forbidden,          ///< The token is good, but not for this scope or action; or a config version of another scope.
  protocol_mismatch,  ///< No common protocol version.
  protocol_violation,  ///< The peer sent something malformed or out of turn.
  rejected,            ///< The application refused it (a verdict, a validator).
  timed_out,           ///< The deadline passed; the work goes on unless the call says otherwise.
  cancelled,           ///< The caller stopped waiting. Equal to std::errc::operation_canceled.
  closed,              ///< The node, hub or link was closed.
  identity_clash,      ///< Another copy of the database, or another session of the node, goes by the same replica id.
  clock = 29,          ///< This node's clock is too far from its hub's; both go on once one of them is set.
  unsent = 30,         ///< What the hub does not hold yet would be lost.
  name_unknown = 32,   ///< An `unreachable`: the host's name does not resolve.
  no_route,            ///< An `unreachable`: no network, or no way from it to the host.
  connection_refused,  ///< An `unreachable`: the host is there, and nobody listens.
  not_signed = 48,     ///< A config version lacks signatures of those whom the scope's root names.
  outdated,            ///< A config version or root is older than what this node has seen, or was revoked.
  equivocation,        ///< Two signed config versions have one number and different content: somebody's key lies.
  not_in_force = 52,   ///< A config version is offered before its time, or after it.
};

EDGESYNC_EXPORT const std::error_category& error_category() noexcept;
EDGESYNC_EXPORT std::error_code make_error_code(Errc code) noexcept;

/// True if the same call may succeed later without any change (offline, full disk, timeout).
EDGESYNC_EXPORT bool is_transient(const std::error_code& code) noexcept;

/// The stable lower-case name of `code`, for example "storage_full".
EDGESYNC_EXPORT const char* name(Errc code) noexcept;

namespace detail {
EDGESYNC_EXPORT bool is_kind_of(const std::error_code& code, Errc general) noexcept;
}  // namespace detail

/// An error value. `detail` is for people ("what: where: why") and never parsed.
struct Error {
  std::error_code code{};
  std::string detail{};

  Error() = default;
  Error(Errc errc, std::string text);
  Error(std::error_code error, std::string text) : code(error), detail(std::move(text)) {}

  /// True also for `unreachable` if it is one of its three kinds.
  bool is(Errc errc) const noexcept {
    return code == make_error_code(errc) || edgesync::detail::is_kind_of(code, errc);
  }
};

/// What Result::value() throws.
class EDGESYNC_EXPORT Failure : public std::system_error {
 public:
  explicit Failure(Error error);
  ~Failure() override;
  const Error& error() const noexcept { return error_; }

 private:
  Error error_;
};

namespace detail {
[[noreturn]] EDGESYNC_EXPORT void throw_failure(const Error& error);
}  // namespace detail

/// A value or an Error. Thread safety: as std::variant.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// Requires: has_value().
  T& operator*() & noexcept { return *std::get_if<0>(&state_); }
  const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
  T operator*() && { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() noexcept { return std::get_if<0>(&state_); }
  const T* operator->() const noexcept { return std::get_if<0>(&state_); }

  /// The value. Fails with: throws Failure if an error is held.
  T& value() & { return check(), **this; }
  const T& value() const& { return check(), **this; }
  T value() && { return check(), std::move(*std::get_if<0>(&state_)); }  // by value: safe in a range-for

  template <class U>
  T value_or(U&& other) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(other));
  }
  template <class U>
  T value_or(U&& other) && {
    return has_value() ? std::move(**this) : static_cast<T>(std::forward<U>(other));
  }

  /// Requires: !has_value().
  const Error& error() const& noexcept { return *std::get_if<1>(&state_); }
  Error&& error() && noexcept { return std::move(*std::get_if<1>(&state_)); }

  /// Says in writing that a failure does not matter here.
  void ignore() const noexcept {}

 private:
  void check() const {
    if (!has_value()) detail::throw_failure(error());
  }
  std::variant<T, Error> state_;
};

/// Success or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}

  bool has_value() const noexcept { return !failed_; }
  explicit operator bool() const noexcept { return has_value(); }
  void value() const {
    if (failed_) detail::throw_failure(error_);
  }
  /// Requires: !has_value().
  const Error& error() const& noexcept { return error_; }
  Error&& error() && noexcept { return std::move(error_); }
  void ignore() const noexcept {}

 private:
  Error error_{};
  bool failed_ = false;
};

inline Error::Error(Errc errc, std::string text) : code(make_error_code(errc)), detail(std::move(text)) {}

}  // namespace edgesync

template <>
struct std::is_error_code_enum<edgesync::Errc> : std::true_type {};
