#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/store/local_store.hpp>
#include <kavi/store/s3_store.hpp>
#include <kavi/store/sftp_store.hpp>
#include <kavi/store/target.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace kavi::store {

namespace {

constexpr std::pair<std::string_view, StoreKind> kinds[] = {
    {"sftp", StoreKind::sftp}, {"s3", StoreKind::s3}, {"local", StoreKind::local}};

Error unfit(const std::string& name, std::string why) {
    return Error(errors::config_invalid,
                 fmt::format("store {} can't be used", name.empty() ? "without a name" : name))
        .because(std::move(why));
}

std::string need(const Json& json, const std::string& name, const char* key) {
    auto value = string_or(json, key);
    if (value.empty()) throw unfit(name, fmt::format("it has no {}", key));
    return value;
}

int port_of(const Json& json, const std::string& name) {
    const auto& port = member_or_null(json, "port");
    if (port.is_null()) return 22;
    if (!port.is_number_integer() || port < 1 || port > 65535)
        throw unfit(name, "its port is no number from 1 to 65535");
    return port.get<int>();
}

std::string without_slash(std::string folder) {
    while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
    return folder;
}

/// "https://nbg1.your-objectstorage.com": the first label; Amazon's "s3.eu-central-1.amazonaws.com": the
/// second.
std::string region_of(std::string_view endpoint) {
    const auto begin = endpoint.find("://");
    if (begin != endpoint.npos) endpoint.remove_prefix(begin + 3);
    auto labels = split(endpoint.substr(0, endpoint.find_first_of(":/")), '.');
    if (endpoint.find(".your-objectstorage.com") != endpoint.npos) return labels.front();
    if (labels.size() == 4 && labels[0] == "s3" && labels[2] == "amazonaws") return labels[1];
    return "us-east-1";
}

std::unique_ptr<Store> open_sftp(const StoreTarget& target, const StoreTools& tools, std::stop_token stop) {
    const auto pin = net::parse_fingerprint(target.host_key);
    if (!pin)
        throw Error(errors::host_key_unpinned, fmt::format("store {} has no pinned host key", target.name))
            .because("its host_key is no SHA256: fingerprint as `ssh-keygen -l` shows it");
    net::SshTarget login;
    login.name = target.name;
    login.host = target.host;
    login.port = target.port;
    login.user = target.user;
    login.pins = {*pin};
    login.key_path = target.key_path;
    login.key = target.key;
    return std::make_unique<SftpStore>(
        tools.ssh, std::move(login), without_slash(target.folder), tools.clock, std::move(stop));
}

std::unique_ptr<Store> open_s3(const StoreTarget& target, const StoreTools& tools, std::stop_token stop) {
    const api::S3Place place{target.name, without_slash(target.endpoint), target.bucket};
    const auto region = target.region.empty() ? region_of(target.endpoint) : target.region;
    api::S3Bucket bucket(
        tools.http, tools.clock, place, {target.access_key, target.secret_key, region}, std::move(stop));
    return std::make_unique<S3Store>(std::move(bucket), without_slash(target.folder));
}

}  // namespace

StoreTarget read_store_target(const Json& json) {
    StoreTarget target;
    target.name = need(json, "", "name");
    target.folder = string_or(json, "folder");
    const auto kind = string_or(json, "kind");
    const auto* known = std::ranges::find(kinds, kind, [](const auto& one) { return one.first; });
    if (known == std::end(kinds))
        throw unfit(target.name, fmt::format("its kind \"{}\" is none of sftp, s3, local", kind));
    target.kind = known->second;
    switch (target.kind) {
        case StoreKind::sftp:
            target.host = need(json, target.name, "host");
            target.port = port_of(json, target.name);
            target.user = need(json, target.name, "user");
            target.host_key = need(json, target.name, "host_key");
            target.key_path = need(json, target.name, "key");
            break;
        case StoreKind::s3: {
            target.endpoint = need(json, target.name, "endpoint");
            target.region = string_or(json, "region");
            target.bucket = need(json, target.name, "bucket");
            target.access_key = need(json, target.name, "access_key");
            auto secret = need(json, target.name, "secret_key");
            target.secret_key = Secret::take(secret);
            break;
        }
        case StoreKind::local:
            target.folder = need(json, target.name, "folder");
            break;
    }
    return target;
}

Json store_target_json(const StoreTarget& target) {
    Json json{{"name", target.name}};
    if (!target.folder.empty()) json["folder"] = target.folder;
    for (const auto& [text, kind] : kinds)
        if (kind == target.kind) json["kind"] = text;
    if (target.kind == StoreKind::sftp) {
        json["host"] = target.host;
        json["port"] = target.port;
        json["user"] = target.user;
        json["host_key"] = target.host_key;
        if (target.key_path) json["key"] = *target.key_path;
    }
    if (target.kind == StoreKind::s3) {
        json["endpoint"] = target.endpoint;
        if (!target.region.empty()) json["region"] = target.region;
        json["bucket"] = target.bucket;
        json["access_key"] = target.access_key;
        json["secret_key"] = std::string(target.secret_key.reveal());
    }
    return json;
}

std::unique_ptr<Store> open_store(const StoreTarget& target, const StoreTools& tools, std::stop_token stop) {
    switch (target.kind) {
        case StoreKind::sftp:
            return open_sftp(target, tools, std::move(stop));
        case StoreKind::s3:
            return open_s3(target, tools, std::move(stop));
        case StoreKind::local:
            return std::make_unique<LocalStore>(target.name, target.folder, std::move(stop));
    }
    throw Error(errors::internal, "a store of no kind");
}

}  // namespace kavi::store
