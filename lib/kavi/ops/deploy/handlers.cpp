#include <kavi/ops/agent_install/handler.hpp>
#include <kavi/ops/backup/run.hpp>
#include <kavi/ops/backup/schedule_handler.hpp>
#include <kavi/ops/baseline/handlers.hpp>
#include <kavi/ops/deploy/deploy.hpp>
#include <kavi/ops/servers/handlers.hpp>
#include <kavi/ops/stacks/handlers.hpp>
#include <kavi/ops/trust/rotate.hpp>

#include <optional>

namespace kavi::ops {

struct DeployHandlers::Parts {
    explicit Parts(const DeployHandlersRequest& request)
        : pin(request.vault.key("pin")), stacks(stack_tools(request)), baseline(baseline_tools(request)), agent(host_at(request)),
          backup({.estate = request.loaded.estate, .host_at = host_at(request), .door = {request.vault, request.tools.connector}}),
          backup_run({.host_at = host_at(request), .clock = request.tools.clock, .on_progress = progress_to(request)}) {
        const auto& tools = request.tools;
        if (tools.cloud != nullptr) {
            hetzner.emplace(HetznerTools{.cloud = *tools.cloud, .facts = tools.facts, .clock = tools.clock, .pin_key = pin.key});
            trust.emplace(TrustTools{.cloud = *tools.cloud,
                                     .hosts = tools.hosts,
                                     .facts = tools.facts,
                                     .clock = tools.clock,
                                     .pin_key = pin.key,
                                     .estate = request.loaded.estate.name});
        }
        if (tools.cloudflare != nullptr)
            dns.emplace(*tools.cloudflare, tools.clock, request.images, [&facts = tools.facts](std::string_view reference) {
                return facts.resolve(reference);
            });
    }

    static AgentInstallHandler::HostAt host_at(const DeployHandlersRequest& request) {
        return [&hosts = request.tools.hosts](const std::string& server, std::stop_token stop) -> host::Host& {
            return hosts.at(server, std::move(stop));
        };
    }

    static std::function<void(const plan::Action&, std::string_view)> progress_to(const DeployHandlersRequest& request) {
        return [&listener = request.listener](const plan::Action& action, std::string_view doing) { listener.progress(action, doing); };
    }

    static StackTools stack_tools(const DeployHandlersRequest& request) {
        return {.host_at = host_at(request),
                .clock = request.tools.clock,
                .commit = request.commit.empty() ? std::nullopt : std::optional(request.commit),
                .who = request.who,
                .plan_digest = request.digest,
                .on_progress = progress_to(request)};
    }

    static BaselineTools baseline_tools(const DeployHandlersRequest& request) {
        return {.estate = request.loaded.estate, .hosts = request.tools.hosts, .vault = request.vault, .connector = request.tools.connector};
    }

    secrets::PurposeKey pin;
    StackHandlers stacks;
    BaselineHandlers baseline;
    AgentInstallHandler agent;
    BackupHostHandler backup;
    BackupRunHandler backup_run;
    std::optional<HetznerHandlers> hetzner;
    std::optional<TrustHandler> trust;
    std::optional<DnsHandler> dns;
};

DeployHandlers::DeployHandlers(const DeployHandlersRequest& request) : parts_(std::make_unique<Parts>(request)) {}

DeployHandlers::~DeployHandlers() = default;

std::map<std::string, std::string> DeployHandlers::signing_keys() const {
    return parts_->backup.signing_keys();
}

run::Handlers DeployHandlers::all() const {
    run::Handlers handlers;
    parts_->stacks.add_to(handlers);
    parts_->baseline.add_to(handlers);
    handlers.emplace("agent", &parts_->agent);
    handlers.emplace("backup", &parts_->backup);
    handlers.emplace("backup-run", &parts_->backup_run);
    if (parts_->hetzner) parts_->hetzner->add_to(handlers);
    if (parts_->trust) parts_->trust->add_to(handlers);
    if (parts_->dns) handlers.emplace("dns", &*parts_->dns);
    return handlers;
}

}  // namespace kavi::ops
