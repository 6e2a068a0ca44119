#pragma once

#include <kavi/model/estate_file.hpp>
#include <kavi/plan/plan.hpp>

#include <filesystem>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>

/// kavi's own executable on servers: what takes backups there. Deploy puts it where an item of [backup] lies.
namespace kavi::ops {

/// A portable executable on this machine.
struct AgentProgram {
    std::filesystem::path file;
    std::string sha256;   ///< in hex
    std::string version;  ///< "0.1.0", as it says itself
};

/// Reads it and asks for its version. Throws errors::file_unreadable, also where it isn't a kavi that runs here.
AgentProgram look_at_program(const std::filesystem::path& file, std::stop_token stop);

/// Where items of [backup] lie. A git item is taken by the operator's machine.
std::set<std::string> servers_with_backups(const model::LoadedEstate& loaded);

/// The part of the facts that plan_agent needs; empty for a server without backups.
Json agent_facts_parts(const model::LoadedEstate& loaded, const std::string& server);

struct AgentInstall final : plan::Payload {
    std::string server;
    AgentProgram program;
};

/// Compares "0.10.0" with "0.9.2" number by number: negative, 0 or positive, as the first is older, the same or newer.
int compare_versions(std::string_view one, std::string_view other);

/// What brings the server the program. Pure. `facts` are the runner's; null: the server isn't made yet. A newer version there stays,
/// with a note; without a program here there is a note alone, unless the server has one.
plan::Plan plan_agent(const std::string& server, const AgentProgram* program, const Json& facts);

}  // namespace kavi::ops
