// SPDX-License-Identifier: Apache-2.0
// The words of the public enums.
#include <edgesync/event.hpp>
#include <edgesync/status.hpp>

namespace edgesync {

const char* name(EventKind kind) noexcept {
  switch (kind) {
    case EventKind::linked:
      return "linked";
    case EventKind::unlinked:
      return "unlinked";
    case EventKind::ack:
      return "ack";
    case EventKind::stable:
      return "stable";
    case EventKind::confirmed:
      return "confirmed";
    case EventKind::stale:
      return "stale";
    case EventKind::activated:
      return "activated";
    case EventKind::rolled_back:
      return "rolled_back";
    case EventKind::rejected:
      return "rejected";
    case EventKind::conflict:
      return "conflict";
    case EventKind::diverged:
      return "diverged";
    case EventKind::storage_fault:
      return "storage_fault";
    case EventKind::clock:
      return "clock";
    case EventKind::watchdog:
      return "watchdog";
    case EventKind::identity:
      return "identity";
  }
  return "unknown";
}

const char* name(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "unknown";
}

LogLevel level(const Event& event) noexcept {
  switch (event.kind) {
    case EventKind::ack:
    case EventKind::stable:
    case EventKind::conflict:
      return LogLevel::debug;
    case EventKind::linked:
    case EventKind::unlinked:
    case EventKind::activated:
    case EventKind::confirmed:
      return LogLevel::info;
    case EventKind::clock:
      return event.error.code ? LogLevel::warning : LogLevel::info;
    case EventKind::rolled_back:
    case EventKind::stale:
    case EventKind::rejected:
    case EventKind::watchdog:
    case EventKind::identity:
      return LogLevel::warning;
    case EventKind::diverged:
    case EventKind::storage_fault:
      return LogLevel::error;
  }
  return LogLevel::info;
}

const char* name(Why why) noexcept {
  switch (why) {
    case Why::in_sync:
      return "in_sync";
    case Why::syncing:
      return "syncing";
    case Why::local_only:
      return "local_only";
    case Why::closed:
      return "closed";
    case Why::disk_full:
      return "disk_full";
    case Why::storage:
      return "storage";
    case Why::corrupt:
      return "corrupt";
    case Why::clock:
      return "clock";
    case Why::identity_clash:
      return "identity_clash";
    case Why::repairing:
      return "repairing";
    case Why::waiting_cut:
      return "waiting_cut";
    case Why::refused:
      return "refused";
    case Why::unauthorized:
      return "unauthorized";
    case Why::hub_storage:
      return "hub_storage";
    case Why::no_link:
      return "no_link";
    case Why::connecting:
      return "connecting";
    case Why::backoff:
      return "backoff";
    case Why::name_unknown:
      return "name_unknown";
    case Why::no_route:
      return "no_route";
    case Why::connection_refused:
      return "connection_refused";
    case Why::unreachable:
      return "unreachable";
    case Why::no_answer:
      return "no_answer";
    case Why::untrusted:
      return "untrusted";
    case Why::insecure:
      return "insecure";
    case Why::protocol_mismatch:
      return "protocol_mismatch";
    case Why::protocol_violation:
      return "protocol_violation";
    case Why::limit:
      return "limit";
  }
  return "unknown";
}

}  // namespace edgesync
