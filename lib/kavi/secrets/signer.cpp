#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/process.hpp>
#include <kavi/base/text.hpp>
#include <kavi/secrets/signer.hpp>

#include <fmt/format.h>

namespace kavi::secrets {

std::string AgentSigner::sign(std::string_view name_space, std::string_view message, std::stop_token stop) {
    const TemporaryFolder folder;
    const auto path = folder.path() / "key.pub";  // the public half: the agent has the other
    write_file_atomic(path, key_.line() + "\n", 0600);
    Command command{
        .arguments = {"ssh-keygen", "-Y", "sign", "-n", std::string(name_space), "-f", path.string()},
        .input = std::string(message),
        .environment = {{"SSH_AUTH_SOCK", agent_socket_}},
        .timeout = std::chrono::minutes(1)};
    auto finished = run_command(command, std::move(stop));
    wipe(command.input);
    if (finished.status == 0 && seal::verify_sshsig(finished.output, name_space, message) == key_)
        return std::move(finished.output);
    Error error(errors::credentials_missing,
                fmt::format("the SSH agent didn't sign with {}", key_.fingerprint()));
    if (!finished.errors.empty()) error.because(std::string(trim(printable(finished.errors))));
    throw error.fix(
        "ssh-add -l lists what the agent holds; or name a key file: KAVI_SSH_KEY=~/.ssh/id_ed25519");
}

std::vector<seal::SshPublicKey> keys_of_agent(const std::string& agent_socket, std::stop_token stop) {
    const auto finished = run_command({.arguments = {"ssh-add", "-L"},
                                       .environment = {{"SSH_AUTH_SOCK", agent_socket}},
                                       .timeout = std::chrono::seconds(10)},
                                      std::move(stop));
    std::vector<seal::SshPublicKey> keys;
    if (finished.status != 0) return keys;
    for (const auto& line : split(finished.output, '\n'))
        if (auto key = seal::parse_ssh_public_key(line)) keys.push_back(std::move(*key));
    return keys;
}

}  // namespace kavi::secrets
