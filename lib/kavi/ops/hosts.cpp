#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/hosts.hpp>

#include <fmt/format.h>

namespace kavi::ops {

namespace {

/// "SHA256:<base64>" → 32 raw bytes.
std::string pin_of(const model::Server& server, const std::string& fingerprint) {
    if (fingerprint.starts_with("SHA256:"))
        if (auto digest = decode_base64(fingerprint.substr(7)); digest && digest->size() == 32) return *digest;
    throw Error(errors::config_invalid, fmt::format("the host key of {} is no SHA256: fingerprint", server.name));
}

}  // namespace

net::SshTarget Hosts::target(const std::string& name) const {
    const auto found = estate_.servers.find(name);
    if (found == estate_.servers.end()) throw Error(errors::internal, fmt::format("no server {}", name));
    const auto& server = found->second;
    net::SshTarget target{.name = name, .host = server.ipv4.value_or(""), .port = server.ssh.port, .user = server.ssh.user};
    if (server.ssh.host_key) target.pins.push_back(pin_of(server, *server.ssh.host_key));
    if (const auto facts = facts_.find(name)) {
        if (facts->ipv4) target.host = *facts->ipv4;
        if (!facts->pins.empty()) target.pins = facts->pins;
    }
    if (target.host.empty())
        throw Error(errors::ssh_unreachable, fmt::format("the address of {} isn't known", name));
    if (const auto ref = model::SecretRef::parse(server.ssh.key); ref && login_.secret)
        target.key = login_.secret(*ref);
    else if (server.ssh.key != "agent")
        target.key_path = server.ssh.key;
    if (login_.key_path) target.key_path = login_.key_path;
    target.agent_socket = login_.agent_socket;
    return target;
}

host::Host& Hosts::at(const std::string& server, std::stop_token stop, std::chrono::milliseconds patience) {
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = open_.find(server); found != open_.end()) return *found->second;
    }
    auto opened = open(server, std::move(stop), patience);
    const std::lock_guard lock(mutex_);
    return *open_.insert_or_assign(server, std::move(opened)).first->second;
}

std::unique_ptr<host::Host> Hosts::open(const std::string& server, std::stop_token stop, std::chrono::milliseconds patience) {
    const auto until = clock_.steady() + patience;
    while (true) {
        try {
            return dialer_.open(target(server), stop);
        } catch (const Error& error) {
            if (error.code() != errors::ssh_unreachable || clock_.steady() >= until || stop.stop_requested()) throw;
        }
        clock_.sleep_for(std::chrono::milliseconds(300), stop);
    }
}

void Hosts::close(const std::string& server) {
    const std::lock_guard lock(mutex_);
    open_.erase(server);
}

}  // namespace kavi::ops
