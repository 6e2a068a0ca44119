#include "image_config.hpp"

#include <set>

namespace kavi::lab {
namespace {

const Json volume = Json::object();

Json postgres_config() {
    return {{"Entrypoint", {"docker-entrypoint.sh"}},
            {"Cmd", {"postgres"}},
            {"Env",
             {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
              "LANG=C.UTF-8",
              "PGDATA=/var/lib/postgresql/data"}},
            {"ExposedPorts", {{"5432/tcp", volume}}},
            {"Volumes", {{"/var/lib/postgresql/data", volume}}},
            {"StopSignal", "SIGINT"}};
}

Json redis_config() {
    return {{"Cmd", {"redis-server"}},
            {"ExposedPorts", {{"6379/tcp", volume}}},
            {"WorkingDir", "/data"},
            {"Volumes", {{"/data", volume}}}};
}

/// The configuration of a service that our own program stands in for, by the name it goes by.
Json standin_config(const std::string& name) {
    if (name == "traefik") return {{"Entrypoint", {"traefik"}}, {"ExposedPorts", {{"80/tcp", volume}}}};
    if (name == "infisical")
        return {{"Entrypoint", {"./standalone-entrypoint.sh"}},
                {"WorkingDir", "/backend"},
                {"ExposedPorts", {{"8080/tcp", volume}, {"443/tcp", volume}}}};
    if (name == "forgejo")
        return {{"Entrypoint", {"forgejo"}},
                {"User", "1000:1000"},
                {"Volumes", {{"/var/lib/gitea", volume}, {"/etc/gitea", volume}}}};
    if (name == "imgproxy") return {{"Cmd", {"imgproxy"}}, {"ExposedPorts", {{"8080/tcp", volume}}}};
    if (name == "nginx")
        return {{"Cmd", {"nginx"}}, {"StopSignal", "SIGQUIT"}, {"ExposedPorts", {{"80/tcp", volume}}}};
    static const std::set<std::string> known{"kuanary", "obsidian"};
    return {{"Entrypoint", {known.contains(name) ? name : "web"}}};
}

}  // namespace

StandinImage standin_image(const Images& images,
                           const Layer& certificate,
                           const std::string& repository,
                           const std::string& tag) {
    const auto name = repository.substr(repository.rfind('/') + 1);
    StandinImage image;
    Json config;
    if (name.starts_with("postgres")) {
        image.layers = {images.postgres};
        config = postgres_config();
    } else if (name == "redis" || name == "valkey") {
        image.layers = {images.redis};
        config = redis_config();
    } else {
        image.layers = {images.busybox, images.standin};
        if (name == "traefik") image.layers.push_back(certificate);
        config = standin_config(name);
    }
    if (!config.contains("Env"))
        config["Env"] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
    if (tag.ends_with("-broken")) config["Env"].push_back("LAB_UNHEALTHY=1");
    config["Labels"] = {{"org.opencontainers.image.version", tag},
                        {"org.opencontainers.image.title", "stand-in for " + name}};

    Json diff_ids = Json::array();
    for (const auto& layer : image.layers) diff_ids.push_back(layer.diff_id);
    image.config = {{"architecture", "amd64"},
                    {"os", "linux"},
                    {"created", "2026-01-01T00:00:00Z"},
                    {"config", std::move(config)},
                    {"rootfs", {{"type", "layers"}, {"diff_ids", std::move(diff_ids)}}}};
    return image;
}

}  // namespace kavi::lab
