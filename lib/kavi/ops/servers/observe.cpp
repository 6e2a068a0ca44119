#include <kavi/base/error_codes.hpp>
#include <kavi/base/parallel.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/servers/observe.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include <arpa/inet.h>

namespace kavi::ops {

namespace {

template <typename Thing>
const Thing* named(const std::vector<Thing>& things, std::string_view name) {
    const auto found = std::ranges::find(things, name, &Thing::name);
    return found == things.end() ? nullptr : &*found;
}

/// The first 8 bytes of an IPv6 address: its /64.
std::optional<std::string> network_of(std::string_view text) {
    std::array<char, 16> bytes{};
    const std::string address(text.substr(0, text.find('/')));
    if (::inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) return std::nullopt;
    return std::string(bytes.data(), 8);
}

/// The host kavi talks to in a server's /64: the network's first address, as images configure it.
std::optional<std::string> first_address(const std::optional<std::string>& network) {
    if (!network) return std::nullopt;
    auto text = network->substr(0, network->find('/'));
    if (text.ends_with("::")) text += "1";
    return text;
}

using Job = std::function<void(std::stop_token)>;

/// All at once; the first failure in the jobs' order is thrown when all have ended.
void run_all(std::span<const Job> jobs, std::stop_token stop) {
    auto outcomes = map_parallel(jobs, jobs.size(), stop, [](const Job& job, std::stop_token inner) {
        job(inner);
        return true;
    });
    for (auto& outcome : outcomes) {
        if (std::holds_alternative<std::monostate>(outcome))
            throw Error(errors::interrupted, "interrupted while asking Hetzner");
        value_of(outcome);
    }
}

ManagedServer manage(const model::Server& declared,
                     const api::HetznerServer& server,
                     std::string_view estate,
                     const Secret& pin_key) {
    if (auto trust = read_trust(server, estate, pin_key)) return {server, std::move(*trust)};
    if (declared.ssh.host_key)
        if (auto pin = pin_from_fingerprint(*declared.ssh.host_key))
            return {server, {.phase = TrustPhase::ready, .pins = {std::move(*pin)}}, /*labelled=*/false};
    throw Error(errors::host_key_unpinned, fmt::format("server {} has no pinned host key", server.name))
        .because("its labels at Hetzner hold none, and kavi.toml has no host_key for it")
        .fix(fmt::format(
            "write the key's fingerprint to [servers.{0}.ssh] host_key (ssh-keygen -lf "
            "/etc/ssh/ssh_host_ed25519_key.pub on the server shows it), then: kavi server adopt {0}",
            server.name));
}

}  // namespace

const api::HetznerServer* HetznerObservation::server(std::string_view name) const {
    return named(servers, name);
}

const api::HetznerFirewall* HetznerObservation::firewall(std::string_view name) const {
    return named(firewalls, name);
}

const api::HetznerServerType* HetznerObservation::type(std::string_view name) const {
    return named(types, name);
}

const api::HetznerPrimaryIp* HetznerObservation::primary_ip_named(std::string_view name) const {
    return named(primary_ips, name);
}

const api::HetznerPrimaryIp* HetznerObservation::primary_ip_at(std::string_view address) const {
    const auto network = network_of(address);
    const auto found = std::ranges::find_if(primary_ips, [&](const api::HetznerPrimaryIp& ip) {
        return network ? ip.type == "ipv6" && network_of(ip.ip) == network : ip.ip == address;
    });
    return found == primary_ips.end() ? nullptr : &*found;
}

void observe_offers(const model::Estate& estate,
                    const std::vector<std::string>& to_make,
                    HetznerObservation& seen,
                    api::HetznerCloud& cloud,
                    std::stop_token stop) {
    if (to_make.empty()) return;
    seen.types = cloud.server_types(stop);
    std::set<std::pair<std::string, std::string>> wanted;
    for (const auto& name : to_make)
        for (const auto& type : estate.servers.at(name).types)
            if (const auto* known = seen.type(type))
                wanted.emplace(estate.servers.at(name).image, known->architecture);
    for (const auto& key : wanted)
        if (auto image = cloud.image(key.first, key.second, stop))
            seen.images.emplace(key, std::move(*image));
}

std::vector<std::string> hetzner_servers(const model::Estate& estate, std::span<const std::string> only) {
    std::vector<std::string> names;
    for (const auto& [name, server] : estate.servers) {
        const bool wanted = only.empty() || std::ranges::find(only, name) != only.end();
        if (wanted && server.provider == model::Server::Provider::hetzner) names.push_back(name);
    }
    return names;
}

HetznerObservation observe_hetzner(const model::Estate& estate,
                                   std::span<const std::string> names,
                                   api::HetznerCloud& cloud,
                                   std::stop_token stop) {
    HetznerObservation seen;
    const std::array<Job, 4> lists{
        [&](std::stop_token inner) { seen.servers = cloud.servers(inner); },
        [&](std::stop_token inner) { seen.ssh_keys = cloud.ssh_keys(inner); },
        [&](std::stop_token inner) { seen.firewalls = cloud.firewalls(inner); },
        [&](std::stop_token inner) { seen.primary_ips = cloud.primary_ips(inner); }};
    run_all(lists, stop);
    std::vector<std::string> missing;
    std::ranges::copy_if(
        names, std::back_inserter(missing), [&](const auto& name) { return !seen.server(name); });
    observe_offers(estate, missing, seen, cloud, stop);
    return seen;
}

ManagedServers managed_servers(const model::Estate& estate,
                               std::span<const std::string> names,
                               const HetznerObservation& seen,
                               const Secret& pin_key) {
    ManagedServers managed;
    for (const auto& name : names) {
        const auto* server = seen.server(name);
        if (!server) continue;
        const auto owner = api::label_or_empty(server->labels, api::owner_label);
        if (owner != estate.name)
            throw Error(errors::foreign_owner, fmt::format("server {} exists already and isn't kavi's", name))
                .because(owner.empty()
                             ? fmt::format("it has no label {}", api::owner_label)
                             : fmt::format("its label {} says {}", api::owner_label, printable(owner)))
                .fix("kavi server adopt " + name);
        managed.emplace(name, manage(estate.servers.at(name), *server, estate.name, pin_key));
    }
    return managed;
}

ServerFacts facts_of(const ManagedServer& managed) {
    return {.hetzner_id = managed.server.id,
            .ipv4 = managed.server.ipv4,
            .ipv6 = first_address(managed.server.ipv6),
            .pins = managed.trust.pins};
}

std::optional<std::string> pin_from_fingerprint(std::string_view text) {
    constexpr std::string_view start = "SHA256:";
    if (!text.starts_with(start)) return std::nullopt;
    auto bytes = decode_base64(text.substr(start.size()));
    return bytes && bytes->size() == 32 ? bytes : std::nullopt;
}

}  // namespace kavi::ops
