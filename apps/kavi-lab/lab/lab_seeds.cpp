#include "lab.hpp"
#include "lab/tools.hpp"

#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>

// What a lab is filled with, read off the estate file.
namespace kavi::lab {
namespace {

constexpr auto notify_host = "notify.lab.invalid";

/// "https://nbg1.your-objectstorage.com/…" → the host.
std::string host_of(const std::string& url) {
    const auto start = url.find("://");
    const auto rest = start == std::string::npos ? url : url.substr(start + 3);
    return rest.substr(0, rest.find_first_of(":/"));
}

std::string last_part(const std::string& reference) {
    return reference.substr(reference.rfind('/') + 1);
}

struct Probe {
    int port = 0;
    std::string path;
};

/// "http://127.0.0.1:3000/health" or "127.0.0.1:443".
Probe parse_probe(const std::string& http, const std::string& tcp) {
    auto rest = http.empty() ? tcp : http;
    if (const auto scheme = rest.find("://"); scheme != std::string::npos) rest.erase(0, scheme + 3);
    const auto slash = rest.find('/');
    const auto authority = rest.substr(0, slash);
    const auto colon = authority.rfind(':');
    Probe probe{.port = 80, .path = slash == std::string::npos ? "" : rest.substr(slash)};
    if (colon != std::string::npos) probe.port = std::atoi(authority.c_str() + colon + 1);
    return probe;
}

}  // namespace

std::string Lab::random_hetzner_token() {
    return random_letters(64);
}

LabSecrets Lab::make_secrets() const {
    const CloudflareSeed cloudflare;
    const S3Seed s3;
    std::map<std::string, std::string> given{{"HCLOUD_TOKEN", token_},
                                             {"CLOUDFLARE_API_TOKEN", cloudflare.token},
                                             {"CF_DNS_API_TOKEN", cloudflare.token},
                                             {"S3_ACCESS_KEY", s3.access_key},
                                             {"S3_SECRET_KEY", s3.secret_key},
                                             {"NOTIFY_URL", fmt::format("https://{}/kavi", notify_host)}};
    for (const auto& objects : names_.objects) {
        given[last_part(objects.access_key)] = s3.access_key;
        given[last_part(objects.secret_key)] = s3.secret_key;
    }
    for (const auto& box : names_.boxes)
        for (const auto& [use, reference] : box.keys) {
            const auto key = read_file_if_there(place_.folder / "operator" / fmt::format("box_{}", use));
            if (key) given[last_part(reference)] = *key;
        }
    return {names_, std::move(given)};
}

HetznerSeed Lab::hetzner_seed() const {
    HetznerSeed seed{.token = token_};
    for (const auto& server : names_.servers) {
        if (server.provider != "hetzner" || server.ipv4.empty()) continue;
        seed.primary_ips.push_back(
            {.name = server.name + "-ipv4", .ip = server.ipv4, .location = server.location});
        if (std::ranges::find(options_.existing, server.name) != options_.existing.end())
            seed.servers.push_back({.name = server.name,
                                    .server_type = server.type,
                                    .image = server.image,
                                    .location = server.location,
                                    .ipv4 = server.ipv4});
    }
    if (addresses_)
        for (const auto& ipv4 : addresses_->publics())
            if (ipv4.starts_with("203.0.113.")) seed.spare_ipv4.push_back(ipv4);
    for (const auto& box : names_.boxes) {
        StorageBoxSeed one{
            .name = box.name, .username = box.host.substr(0, box.host.find('.')), .server = box.host};
        if (box_) one.folder = box_->mount_point();
        for (const auto& [use, account] : box.users)
            one.subaccounts.push_back({.username = account, .home = "backup", .readonly = use == "read"});
        if (!box.mount_user.empty()) one.subaccounts.push_back({.username = box.mount_user, .home = "files"});
        seed.storage_boxes.push_back(std::move(one));
    }
    return seed;
}

CloudflareSeed Lab::cloudflare_seed() const {
    CloudflareSeed seed;
    for (const auto& name : names_.zones)
        seed.zones.push_back(
            {.name = name,
             .records = {
                 {{"type", "MX"},
                  {"name", name},
                  {"content", "mail." + name},
                  {"priority", 10},
                  {"ttl", 3600}},
                 {{"type", "A"}, {"name", "mail." + name}, {"content", "192.0.2.25"}, {"ttl", 3600}},
                 {{"type", "TXT"}, {"name", name}, {"content", "\"v=spf1 mx -all\""}, {"ttl", 3600}}}});
    return seed;
}

InfisicalSeed Lab::infisical_seed() const {
    ProjectSeed project{.slug = names_.project, .secrets = secrets_->in_infisical()};
    project.environments = {"dev", "staging", "prod"};
    if (std::ranges::find(project.environments, names_.environment) == project.environments.end())
        project.environments.push_back(names_.environment);
    InfisicalSeed seed;
    seed.projects.push_back(std::move(project));
    seed.identities.push_back({.name = "kavi", .roles = {{names_.project, "admin"}}});
    return seed;
}

std::vector<std::string> Lab::image_references() const {
    std::vector<std::string> references;
    for (const auto& stack : names_.stacks)
        for (const auto& file : stack.compose) {
            const auto images = read_compose_names(names_.file.parent_path() / file).images;
            references.insert(references.end(), images.begin(), images.end());
        }
    return references;
}

std::vector<std::string> Lab::front_names() const {
    std::set<std::string> names{"registry-1.docker.io", notify_host};
    for (const auto& reference : image_references()) names.insert(parse_image_reference(reference).registry);
    for (const auto& objects : names_.objects) {
        names.insert(host_of(objects.endpoint));
        names.insert("*." + host_of(objects.endpoint));
        for (const auto& bucket : objects.buckets) names.insert(bucket + "." + host_of(objects.endpoint));
    }
    for (const auto& domain : names_.domains) names.insert(domain.name);
    return {names.begin(), names.end()};
}

std::optional<TlsFront::Target> Lab::behind(const std::string& server_name) {
    if (server_name == notify_host)
        return TlsFront::Target{.address = "127.0.0.1", .port = notifications_->port()};
    for (const auto& registry : registries_)
        if (registry_ && registry == server_name)
            return TlsFront::Target{.address = "127.0.0.1", .port = registry_->port()};
    for (const auto& objects : names_.objects)
        if (server_name == host_of(objects.endpoint) ||
            server_name.ends_with("." + host_of(objects.endpoint)))
            return TlsFront::Target{.address = "127.0.0.1", .port = apis_->port("s3")};
    for (const auto& ipv4 : apis_->origin(server_name)) {
        const auto ports = paths_.find(ipv4);
        if (ports == paths_.end() || !ports->second.contains(443)) continue;
        return TlsFront::Target{.address = "127.0.0.1", .port = ports->second.at(443), .tls = true};
    }
    return std::nullopt;
}

std::string Lab::standins_for(const EstateNames::Server& server) const {
    std::string lines, forwards;
    std::set<int> http_ports;
    bool has_proxy = false;
    for (const auto& service : names_.watched) {
        if (service.server != server.name) continue;
        const auto probe = parse_probe(service.http, service.tcp);
        if (probe.port == 443) {
            has_proxy = true;
        } else if (service.http.empty()) {
            lines += fmt::format("tcp {}\n", probe.port);
        } else {
            lines += fmt::format("http {} {}\n", probe.port, probe.path == "/" ? "" : probe.path);
        }
        for (const auto& domain : names_.domains)
            if (domain.service == service.name) forwards += fmt::format(" {}={}", domain.name, probe.port);
    }
    if (has_proxy) lines += fmt::format("https 443 /lab/certificate.pem /lab/key.pem{}\n", forwards);
    return lines;
}

}  // namespace kavi::lab
