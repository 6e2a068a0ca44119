#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/hash.hpp>
#include <kavi/base/process.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/agent_install/handler.hpp>

#include <fmt/format.h>
#include <zlib.h>

namespace kavi::ops {

namespace {

const AgentInstall& install_of(const plan::Action& action) {
    const auto* install = dynamic_cast<const AgentInstall*>(action.payload.get());
    if (!install) throw Error(errors::internal, fmt::format("{} carries nothing that its handler knows", action.id));
    return *install;
}

std::string hex_digest(std::string_view bytes) {
    Sha256 hash;
    hash.add(bytes);
    return hash.hex();
}

std::string compressed(std::string_view bytes) {
    auto size = ::compressBound(bytes.size());
    std::string packed(size, '\0');
    const auto* from = reinterpret_cast<const Bytef*>(bytes.data());
    if (::compress2(reinterpret_cast<Bytef*>(packed.data()), &size, from, bytes.size(), 6) != Z_OK)
        throw Error(errors::internal, "kavi's executable couldn't be compressed");
    packed.resize(size);
    return packed;
}

/// The very bytes that were planned.
std::string bytes_of(const AgentProgram& program) {
    auto bytes = read_file(program.file);
    if (hex_digest(bytes) != program.sha256) {
        Error error(errors::state_unexpected, fmt::format("{} has changed since the plan was made", program.file.string()));
        throw error.fix("run the command again");
    }
    return bytes;
}

}  // namespace

AgentProgram look_at_program(const std::filesystem::path& file, std::stop_token stop) {
    AgentProgram program{.file = file, .sha256 = hex_digest(read_file(file)), .version = {}};
    const auto said = run_command({.arguments = {file.string(), "--version"},
                                   .input = {},
                                   .folder = {},
                                   .only_environment = true,
                                   .timeout = std::chrono::seconds(20)},
                                  std::move(stop));
    const auto line = trim(said.output);
    if (said.status != 0 || !line.starts_with("kavi ")) {
        Error error(errors::file_unreadable, fmt::format("{} isn't a kavi that runs here", file.string()));
        throw error.because(printable(std::string(trim(said.errors)))).fix("build it again: packaging/portable");
    }
    program.version = line.substr(5);
    return program;
}

run::Look AgentInstallHandler::look(const plan::Action& action, std::stop_token stop) {
    const auto& install = install_of(action);
    const auto facts = host_at_(install.server, stop).call({.name = "facts", .parameters = {{"parts", {{"agent", Json::object()}}}}}, stop);
    const auto now = plan_agent(install.server, &install.program, facts);
    if (!now.actions.empty()) return {run::Standing::before, ""};
    if (now.notes.empty()) return {run::Standing::after, ""};
    return {run::Standing::other, now.notes.front()};
}

void AgentInstallHandler::apply(std::span<const plan::Action* const> batch, std::stop_token stop) {
    for (const auto* action : batch) {
        const auto& install = install_of(*action);
        host::Operation operation{.name = "agent/install",
                                  .parameters = {{"sha256", install.program.sha256}, {"version", install.program.version}}};
        operation.frames.push_back({.name = "program", .bytes = compressed(bytes_of(install.program))});
        host_at_(install.server, stop).call(operation, stop);
    }
}

}  // namespace kavi::ops
