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
  }
  return "unknown";
}

const char* name(Why why) noexcept {
  switch (why) {
    case Why::in_sync:
      return "in_sync";
    case Why::syncing:
      return "syncing";
    case Why::no_link:
      return "no_link";
    case Why::connecting:
      return "connecting";
    case Why::backoff:
      return "backoff";
    case Why::unauthorized:
      return "unauthorized";
    case Why::refused:
      return "refused";
    case Why::storage:
      return "storage";
    case Why::local_only:
      return "local_only";
  }
  return "unknown";
}

}  // namespace edgesync
