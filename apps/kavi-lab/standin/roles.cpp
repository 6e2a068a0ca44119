#include "roles.hpp"

#include "docker_routes.hpp"
#include "http_client.hpp"
#include "http_server.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>
#include <string_view>

#include <unistd.h>

namespace kavi::standin {
namespace {

const std::filesystem::path unhealthy_mark = "/tmp/unhealthy";

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

/// Told to be ill: by the lab's fault, or by the image.
bool told_unhealthy() {
    return std::filesystem::exists(unhealthy_mark) || !variable("LAB_UNHEALTHY").empty();
}

HttpResponse with_health(HttpResponse response) {
    if (told_unhealthy()) return {.status = 503, .body = "unhealthy, as the lab was asked\n"};
    return response;
}

[[noreturn]] void serve_for_ever() {
    for (;;) ::pause();
}

[[noreturn]] void refuse(const std::string& why) {
    std::fprintf(stderr, "%s\n", why.c_str());
    std::exit(1);
}

/// "scheme://user:password@host:port/…" → does somebody listen there?
bool reachable(const std::string& address, int usual_port) {
    auto place = address.substr(address.rfind('@') + 1);
    if (const auto scheme = place.find("://"); scheme != std::string::npos) place.erase(0, scheme + 3);
    place = place.substr(0, place.find('/'));
    const auto colon = place.rfind(':');
    const int port = colon == std::string::npos ? usual_port : std::atoi(place.c_str() + colon + 1);
    return static_cast<bool>(connect_to(place.substr(0, colon), port));
}

std::string json(std::string_view text) {
    std::string result;
    for (const char letter : text) result += letter == '\'' ? '"' : letter;
    return result;
}

constexpr auto json_type = "application/json; charset=utf-8";

HttpResponse page() {
    return {.body = "<!doctype html><title>stand-in</title>\n", .type = "text/html; charset=utf-8"};
}

/// Answers 200 on `path` while `works` says so, and with a page elsewhere.
Handler health_at(std::string path, std::string body, std::function<bool()> works) {
    return [path = std::move(path), body = std::move(body), works = std::move(works)](
               const HttpRequest& request) {
        if (request.path() == path) {
            if (!works()) return HttpResponse{.status = 503, .body = "a database can't be reached\n"};
            return with_health({.body = body, .type = json_type});
        }
        return with_health(page());
    };
}

int be_traefik(std::span<char*> arguments) {
    std::string network;
    bool ping = false;
    for (const std::string argument : arguments) {
        if (argument.starts_with("--providers.docker.network="))
            network = argument.substr(argument.find('=') + 1);
        if (argument == "--ping=true") ping = true;
    }
    serve_http(8080, [ping](const HttpRequest& request) {
        if (ping && request.path() == "/ping") return with_health({.body = "OK"});
        return HttpResponse{.status = 404, .body = "404 page not found\n"};
    });
    serve_http(80, [](const HttpRequest& request) {
        return HttpResponse{.status = 308,
                            .body = "Permanent Redirect",
                            .headers = {{"location", "https://" + request.host() + request.target}}};
    });
    if (std::filesystem::exists("/etc/lab/certificate.pem"))
        serve_https(
            443,
            "/etc/lab/certificate.pem",
            "/etc/lab/key.pem",
            [routes = DockerRoutes(network)](const auto& request) { return routes.forward(request); });
    serve_for_ever();
}

int be_infisical() {
    for (const auto* name : {"ENCRYPTION_KEY", "AUTH_SECRET", "DB_CONNECTION_URI", "REDIS_URL", "SITE_URL"})
        if (variable(name).empty())
            refuse(std::string("Invalid environment variables: ") + name + " is required");
    serve_http(
        8080,
        health_at("/api/status", json("{'message':'Ok','emailConfigured':false,'redisConfigured':true}"), [] {
            return reachable(variable("DB_CONNECTION_URI"), 5432) && reachable(variable("REDIS_URL"), 6379);
        }));
    serve_for_ever();
}

void leave_a_file(const std::filesystem::path& file, std::string_view text) {
    if (std::filesystem::exists(file)) return;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
    if (!std::filesystem::exists(file)) refuse(file.string() + " can't be written");
}

int be_forgejo() {
    leave_a_file("/etc/gitea/app.ini", "APP_NAME = " + variable("FORGEJO__DEFAULT__APP_NAME") + "\n");
    leave_a_file("/var/lib/gitea/data/stand-in.txt", "what Forgejo keeps outside its database\n");
    const auto repositories = variable("FORGEJO__repository__ROOT");
    if (!repositories.empty() && !std::filesystem::is_directory(repositories))
        refuse(repositories + " isn't there");
    serve_greeting(2222, "SSH-2.0-Go\r\n");
    serve_http(3000, health_at("/api/healthz", json("{'status':'pass'}"), [] {
                   const auto database = variable("FORGEJO__database__HOST");
                   return database.empty() || reachable(database, 5432);
               }));
    serve_for_ever();
}

int be_kuanary() {
    serve_http(3000, health_at("/healthz", json("{'status':'ok'}"), [] {
                   const auto database = variable("KUANARY_DATABASE_HOST");
                   return database.empty() || reachable(database, 5432);
               }));
    serve_for_ever();
}

int be_imgproxy(std::span<char*> arguments) {
    if (!arguments.empty() && std::string_view(arguments[0]) == "health") {
        const auto answer = get("127.0.0.1", 8080, "/health");
        return answer && answer->status == 200 ? 0 : 1;
    }
    serve_http(8080, health_at("/health", "imgproxy is running", [] { return true; }));
    serve_for_ever();
}

int be_plain(std::initializer_list<int> ports) {
    for (const int port : ports) serve_http(port, health_at("/", "{}", [] { return true; }));
    serve_for_ever();
}

/// nginx, as far as static pages go.
int be_nginx() {
    serve_http(80, [](const HttpRequest& request) {
        const std::filesystem::path root = "/usr/share/nginx/html";
        auto path = request.path();
        if (path.ends_with('/')) path += "index.html";
        const bool climbs = path.find("..") != std::string::npos;
        const bool found = !climbs && std::filesystem::is_regular_file(root / path.substr(1));
        std::ifstream file(found ? root / path.substr(1) : root / "404.html");
        std::string body{std::istreambuf_iterator<char>(file), {}};
        if (!found && request.path() == "/") body = "<!doctype html><title>Welcome to nginx</title>\n";
        return with_health({.status = found || request.path() == "/" ? 200 : 404,
                            .body = std::move(body),
                            .type = "text/html; charset=utf-8"});
    });
    serve_for_ever();
}

Handler forwarding(std::map<std::string, int> ports_by_host) {
    return [ports_by_host = std::move(ports_by_host)](const HttpRequest& request) {
        const auto found = ports_by_host.find(request.host());
        if (found == ports_by_host.end()) return HttpResponse{.body = ""};
        const auto answer = exchange(connect_to("127.0.0.1", found->second), request);
        return answer ? *answer : HttpResponse{.status = 502, .body = ""};
    };
}

void serve_line(std::istringstream words) {
    std::string kind, path, certificate, key;
    int port = 0;
    words >> kind >> port;
    if (kind == "tcp") serve_greeting(port, "");
    if (kind == "http") {
        words >> path;
        serve_http(port, [path](const HttpRequest& request) {
            if (!path.empty() && request.path() != path) return with_health(page());
            return with_health({.body = json("{'stand-in':true}"), .type = json_type});
        });
    }
    if (kind == "https") {
        words >> certificate >> key;
        std::map<std::string, int> ports_by_host;
        for (std::string pair; words >> pair;)
            ports_by_host[pair.substr(0, pair.find('='))] = std::atoi(pair.c_str() + pair.find('=') + 1);
        serve_https(port, certificate, key, forwarding(std::move(ports_by_host)));
    }
}

int be_standin(std::span<char*> arguments) {
    if (arguments.size() != 1) refuse("usage: standin CONFIG");
    std::ifstream config(arguments[0]);
    if (!config) refuse(std::string(arguments[0]) + " can't be read");
    for (std::string line; std::getline(config, line);) serve_line(std::istringstream(line));
    serve_for_ever();
}

}  // namespace

int play(const std::string& role, std::span<char*> arguments) {
    if (role == "traefik") return be_traefik(arguments);
    if (role == "standalone-entrypoint.sh" || role == "infisical") return be_infisical();
    if (role == "forgejo") return be_forgejo();
    if (role == "kuanary") return be_kuanary();
    if (role == "imgproxy") return be_imgproxy(arguments);
    if (role == "obsidian") return be_plain({3000});
    if (role == "nginx") return be_nginx();
    if (role == "standin") return be_standin(arguments);
    return be_plain({80, 3000, 8080});
}

}  // namespace kavi::standin
