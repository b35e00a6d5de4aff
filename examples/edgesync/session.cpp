// SPDX-License-Identifier: Apache-2.0
#include "session.hpp"

#include "at_hub.hpp"
#include "commands.hpp"
#include "events.hpp"
#include "rollouts.hpp"

#include <algorithm>
#include <utility>

namespace program {
namespace {

constexpr std::chrono::seconds drain_time{3};

es::Result<es::Bytes> config_root(const Options& options) {
  return options.config_root.empty() ? es::Bytes() : read_file(options.config_root);
}

es::Result<es::Hub> open_hub(const Options& options, const Tokens& tokens) {
  auto limits = limits_of(options);
  if (!limits) return limits.error();
  es::HubOptions hub;
  hub.limits = *limits;
  auto root = config_root(options);
  if (!root) return root.error();
  hub.node.config_root = std::move(*root);
  auto schemas = read_schemas(options);
  if (!schemas) return schemas.error();
  hub.node.schemas = std::move(*schemas);
  hub.node.health_window = std::chrono::milliseconds(options.health_window_ms);
  hub.node.database = options.db;
  hub.node.name = options.name;
  hub.node.labels = {options.labels.begin(), options.labels.end()};
  if (!options.hub.empty()) hub.node.fleet = options.fleet;
  hub.address = options.listen->host;
  hub.port = options.listen->port;
  hub.tls = {options.client_ca, options.certificate, options.key};
  hub.insecure = options.insecure;
  hub.authorize = tokens.authorizer();
  hub.access = options.access;
  hub.relay = !options.hub.empty();
  hub.stable_at_backup = !options.backups.empty();
  return es::Hub::open(std::move(hub));
}

es::Result<es::Node> open_node(const Options& options) {
  es::NodeOptions node;
  auto root = config_root(options);
  if (!root) return root.error();
  node.config_root = std::move(*root);
  auto schemas = read_schemas(options);
  if (!schemas) return schemas.error();
  node.schemas = std::move(*schemas);
  node.health_window = std::chrono::milliseconds(options.health_window_ms);
  node.database = options.db;
  node.name = options.name;
  node.labels = {options.labels.begin(), options.labels.end()};
  node.fleet = options.fleet;
  return es::Node::open(std::move(node));
}

}  // namespace

es::Result<std::unique_ptr<Session>> Session::open(const Options& options, Input& input, Output& output) {
  std::unique_ptr<Session> session(new Session(options, input, output));
  if (auto started = session->start(options); !started) return started.error();
  return session;
}

es::Result<void> Session::start(const Options& options) {
  if (options.listen) {
    if (auto listening = listen(options); !listening) return listening;
  } else {
    auto node = open_node(options);
    if (!node) return node.error();
    node_.emplace(std::move(*node));
  }
  if (hub_ && options.hub.empty() && !options.fleet.empty())
    if (auto begun = control_rollouts(options.fleet); !begun) return begun;
  if (auto begun = keep_audit(options); !begun) return begun;
  subscriptions_.push_back(node().on_event([this](const es::Event& event) { print(event); }));
  if (options.otlp) {
    auto otlp = OtlpReceiver::open(*options.otlp, node().stream(options.otlp_scope, OtlpReceiver::stream()));
    if (!otlp) return otlp.error();
    otlp_ = std::move(*otlp);
    output_.line({{"event", "otlp"}, {"port", otlp_->port()}});
  }
  if (!options.hub.empty()) {
    auto hub = link_to(options);
    if (!hub) return hub.error();
    if (auto linked = node().link(std::move(*hub)); !linked) return linked;
  }
  for (const auto& [scope, directory] : options.projects)
    if (auto shown = project(scope, directory); !shown) return shown;
  if (hub_ && !options.backups.empty()) {
    // A year is as good as never.
    const std::chrono::minutes every(std::clamp<std::uint64_t>(options.backup_minutes, 1, 525'600));
    backups_.emplace(*hub_, output_, options.backups, every);
  }
  if (hub_) notify_manager("READY=1");
  return {};
}

es::Result<void> Session::listen(const Options& options) {
  auto tokens = Tokens::read(options.tokens);
  if (!tokens) return tokens.error();
  auto hub = open_hub(options, *tokens);
  if (!hub) return hub.error();
  tokens_.emplace(std::move(*tokens));
  hub_.emplace(std::move(*hub));
  output_.line({{"event", "listening"}, {"port", hub_->port()}});
  if (options.command == "serve")
    input_.on_hangup([this, certificates = !options.certificate.empty()] { reload(certificates); });
  return {};
}

void Session::reload(bool certificates) {
  notify_manager("RELOADING=1");
  auto read = tokens_->read_again();
  if (read) hub_->authorize_again();
  auto renewed = certificates ? hub_->renew_certificates() : es::Result<void>();
  json::object line{{"event", "reloaded"}};
  if (!read || !renewed) line["error"] = from_error(read ? renewed.error() : read.error());
  output_.line(line);
  notify_manager("READY=1");
}

es::Result<void> Session::keep_audit(const Options& options) {
  if (!options.audit) return {};
  es::AuditOptions audit;
  if (!options.audit_key.empty()) {
    auto key = read_key(options.audit_key);
    if (!key) return key.error();
    audit.key = std::move(*key);
  }
  auto started = es::AuditLog::start(node(), std::move(audit));
  if (!started) return started.error();
  audit_.emplace(std::move(*started));
  return {};
}

es::Result<void> Session::link(es::LinkOptions options, const std::string& token) {
  if (!token.empty()) options.token = [token] { return token; };
  options.insecure = insecure_;
  return node().link(std::move(options));
}

es::Result<void> Session::project(const std::string& scope, const std::string& directory) {
  es::ProjectionOptions options;
  options.directory = directory;
  options.on_shown = [this, scope, directory](const es::Result<es::VersionInfo>& shown) {
    json::object line{{"event", "projected"}, {"scope", scope}, {"directory", directory}};
    if (shown)
      line["version"] = shown->number;
    else
      line["error"] = from_error(shown.error());
    output_.line(line);
  };
  auto projection = es::Projection::start(node(), scope, std::move(options));
  if (!projection) return projection.error();
  projections_.push_back(std::move(*projection));
  return {};
}

es::Result<void> Session::control_rollouts(const std::string& fleet) {
  es::RolloutControllerOptions options;
  options.fleet = fleet;
  options.on_progress = [this](const std::string& scope, const es::RolloutStatus& status) {
    json::object line{{"event", "rollout"}, {"scope", scope}};
    for (const auto& [name, value] : from_rollout(status)) line[name] = value;
    output_.line(line);
  };
  auto controller = es::RolloutController::start(*hub_, std::move(options));
  if (!controller) return controller.error();
  rollouts_ = std::move(*controller);
  return {};
}

void Session::watch(const std::string& scope, const std::string& prefix) {
  subscriptions_.push_back(node().state(scope).on_change(
      prefix, [this](const es::Change& change) { output_.line(from_state_change(change)); }));
}

es::Config Session::config(const std::string& scope) {
  es::Config config = node().config(scope);
  const std::uint64_t active = config.active().number;
  const std::lock_guard lock(mutex_);
  active_.try_emplace(scope, Active{active, 0});
  return config;
}

std::uint64_t Session::before(const std::string& scope, std::uint64_t now) {
  const std::lock_guard lock(mutex_);
  Active& active = active_[scope];
  // A rollback is told twice, as an activation and as a rollback; both lead away from the same version.
  if (active.now != now) active = {now, active.now};
  return active.before;
}

es::LogLevel Session::level_of(std::string_view name) noexcept {
  auto level = es::LogLevel::error;
  while (level != es::LogLevel::debug && name != es::name(level))
    level = static_cast<es::LogLevel>(static_cast<int>(level) - 1);
  return level;
}

void Session::print(const es::Event& event) {
  json::object line = from_event(event);
  if (event.kind == es::EventKind::activated) before(event.scope, event.version.number);
  if (es::level(event) < log_level_) return;
  if (event.kind == es::EventKind::rolled_back) {
    const std::uint64_t from = before(event.scope, event.version.number);
    if (from != 0) line["from"] = from;
  }
  output_.line(line);
}

void Session::close() noexcept {
  ended_ = true;
  input_.on_hangup({});
  if (hub_) {
    notify_manager("STOPPING=1");
    hub_->drain(drain_time).ignore();  // who does not take its leave is cut off
  }
  otlp_.reset();
  projections_.clear();
  rollouts_.reset();
  audit_.reset();
  backups_.reset();
  if (hub_) hub_->close();
  if (node_) node_->close();
  subscriptions_.clear();
}

}  // namespace program
