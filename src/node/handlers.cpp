// SPDX-License-Identifier: Apache-2.0
#include "node/handlers.hpp"

#include "base/path.hpp"

#include <algorithm>
#include <exception>

namespace edgesync::node {

bool Handlers::contain(const Function<void()>& call) {
  try {
    call();
    return true;
  } catch (const std::exception& error) {
    report_(std::string("a handler threw: ") + error.what());
  } catch (...) {
    report_("a handler threw something that is not a std::exception");
  }
  return false;
}

void Handlers::call(const Event& event) {
  for (const auto& entry : events_.all())
    if (entry->live) contain([&] { entry->callback(event); });
}

void Handlers::call(const Change& change) {
  for (const auto& entry : changes_.all())
    if (entry->live && entry->topic.scope == change.scope &&
        (change.key.empty() || below(change.key, entry->topic.prefix)))
      contain([&] { entry->callback(change); });
}

void Handlers::call_for_records(const std::string& scope) {
  for (const auto& entry : records_.all())
    if (entry->live && entry->topic == scope) contain([&] { entry->callback(); });
}

void Handlers::call_published(const std::string& scope) {
  for (const auto& entry : published_.all())
    if (entry->live && (entry->topic.empty() || entry->topic == scope)) contain([&] { entry->callback(); });
}

void Handlers::call_active(const std::string& scope, const VersionInfo& version) {
  for (const auto& entry : actives_.all())
    if (entry->live && entry->topic == scope) contain([&] { entry->callback(version); });
}

std::optional<Verdict> Handlers::ask(const std::string& scope, const Candidate& candidate) {
  const auto all = activations_.all();
  const auto latest =
      std::find_if(all.rbegin(), all.rend(), [&](const auto& entry) { return entry->live && entry->topic == scope; });
  if (latest == all.rend()) return std::nullopt;
  Verdict verdict = Verdict::reject;
  contain([&] { verdict = (*latest)->callback(candidate); });
  return verdict;
}

}  // namespace edgesync::node
