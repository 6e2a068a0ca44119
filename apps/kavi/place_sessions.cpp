#include "place_sessions.hpp"

#include <kavi/base/text.hpp>

namespace kavi::app {

namespace {

/// The raw digest of "SHA256:<base64>".
std::vector<std::string> pins_of(const std::optional<std::string>& host_key) {
    constexpr std::string_view start = "SHA256:";
    if (!host_key || !host_key->starts_with(start)) return {};
    const auto digest = decode_base64(std::string_view(*host_key).substr(start.size()));
    return digest ? std::vector<std::string>{*digest} : std::vector<std::string>();
}

}  // namespace

net::SshSession& EstatePlaceSessions::session(net::SshTarget target, std::stop_token stop) {
    auto& open = open_[target.name];
    if (!open) {
        if (!target.key && !target.key_path) target.key_path = network_.ssh_key_path();
        target.agent_socket = network_.agent_socket();
        open = network_.ssh().connect(target, std::move(stop));
    }
    return *open;
}

net::SshSession& EstatePlaceSessions::server(const model::Server& server, std::stop_token stop) {
    net::SshTarget target{.name = server.name,
                          .host = server.ipv4.value_or(server.ipv6.value_or("")),
                          .port = server.ssh.port,
                          .user = server.ssh.user,
                          .pins = pins_of(server.ssh.host_key)};
    const auto& key = server.ssh.key;
    if (key != "agent" && !model::SecretRef::parse(key)) target.key_path = key;
    return session(std::move(target), std::move(stop));
}

net::SshSession& EstatePlaceSessions::storage(const model::Storage& storage, std::stop_token stop) {
    net::SshTarget target{.name = storage.name,
                          .host = storage.host,
                          .port = storage.port,
                          .user = storage.host.substr(0, storage.host.find('.')),  // the box's main account
                          .pins = pins_of(storage.host_key)};
    const auto admin = storage.keys.find("admin");
    if (admin != storage.keys.end() && admin_key_) target.key = admin_key_(admin->second);
    return session(std::move(target), std::move(stop));
}

}  // namespace kavi::app
