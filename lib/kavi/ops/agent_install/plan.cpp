#include <kavi/base/text.hpp>
#include <kavi/model/placed.hpp>
#include <kavi/ops/agent_install/plan.hpp>

#include <fmt/format.h>

#include <charconv>
#include <memory>

namespace kavi::ops {

namespace {

/// What the runner says of the program on the server.
struct Found {
    std::string sha256;  ///< empty: no program is there
    std::string version;  ///< empty: it doesn't run
    std::string mode;

    explicit Found(const Json& facts) {
        const auto& agent = member_or_null(facts, "agent");
        sha256 = string_or(agent, "sha256");
        version = printable(string_or(agent, "version"));
        mode = string_or(agent, "mode");
    }

    bool there() const { return !sha256.empty(); }
};

constexpr std::string_view wanted_mode = "root 0755";

/// Why the program has to be put there; empty: it is as it should be.
std::string reason_of(const Json& facts, const Found& found, const AgentProgram& program) {
    if (facts.is_null()) return "new server";
    if (!found.there()) return "isn't there yet; backups are taken by it";
    if (found.version.empty()) return "what is there doesn't run";
    if (found.version != program.version) return fmt::format("{} → {}", found.version, program.version);
    if (found.sha256 != program.sha256) return "has other content than this kavi's";
    if (found.mode != wanted_mode) return fmt::format("belongs to {}, wanted {}", found.mode, wanted_mode);
    return {};
}

plan::Action install(const std::string& server, const AgentProgram& program, const Found& found, std::string reason) {
    auto payload = std::make_shared<AgentInstall>();
    payload->server = server;
    payload->program = program;
    plan::Action action{.id = fmt::format("agent/{}", server),
                        .verb = found.there() ? plan::Verb::update : plan::Verb::create,
                        .kind = "agent",
                        .group = server,
                        .subject = "kavi for backups",
                        .reason = std::move(reason),
                        .effect = {},
                        .lane = server};
    action.before = found.there() ? Json{{"sha256", found.sha256}, {"mode", found.mode}} : Json(nullptr);
    action.expected_after = {{"sha256", program.sha256}, {"mode", wanted_mode}};
    action.payload = std::move(payload);
    return action;
}

int next_number(std::string_view& text) {
    int number = 0;
    const auto end = text.find('.');
    const auto part = text.substr(0, end);
    std::from_chars(part.data(), part.data() + part.size(), number);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return number;
}

}  // namespace

int compare_versions(std::string_view one, std::string_view other) {
    while (!one.empty() || !other.empty())
        if (const int difference = next_number(one) - next_number(other); difference != 0) return difference;
    return 0;
}

std::set<std::string> servers_with_backups(const model::LoadedEstate& loaded) {
    std::set<std::string> servers;
    for (const auto& [name, item] : loaded.estate.backup.items) {
        if (item.kind == model::BackupItem::Kind::git) continue;
        if (item.source && loaded.estate.servers.contains(item.source->owner)) servers.insert(item.source->owner);
        if (const auto service = item.service ? model::find_service(loaded, *item.service) : std::nullopt) servers.insert(service->server);
    }
    return servers;
}

Json agent_facts_parts(const model::LoadedEstate& loaded, const std::string& server) {
    if (!servers_with_backups(loaded).contains(server)) return Json::object();
    return {{"agent", Json::object()}};
}

plan::Plan plan_agent(const std::string& server, const AgentProgram* program, const Json& facts) {
    plan::Plan plan;
    const Found found(facts);
    if (program == nullptr) {
        if (!found.there())
            plan.notes.push_back(fmt::format("{}: no backup can be taken there yet: it needs kavi's portable executable, and there is none "
                                             "beside this kavi (packaging/portable builds it, KAVI_PORTABLE_EXECUTABLE names it)",
                                             server));
        return plan;
    }
    if (compare_versions(found.version, program->version) > 0) {
        plan.notes.push_back(
            fmt::format("{}: kavi {} takes its backups, newer than this one ({}): it stays", server, found.version, program->version));
        return plan;
    }
    if (auto reason = reason_of(facts, found, *program); !reason.empty())
        plan.actions.push_back(install(server, *program, found, std::move(reason)));
    else
        plan.unchanged.emplace_back("agent", 1);
    return plan;
}

}  // namespace kavi::ops
