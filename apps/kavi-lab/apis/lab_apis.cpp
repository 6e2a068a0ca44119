#include "lab_apis.hpp"

#include "background.hpp"
#include "cloudflare/cloudflare.hpp"
#include "doh/doh.hpp"
#include "hetzner/cloud.hpp"
#include "http/server.hpp"
#include "infisical/infisical.hpp"
#include "s3/s3.hpp"
#include "storage/boxes.hpp"

#include <kavi/base/error_codes.hpp>

#include <fmt/format.h>

#include <utility>

namespace kavi::lab {

struct LabApis::Parts {
    explicit Parts(LabApisConfig given) : config(std::move(given)), faults(config.seed) {
        if (config.request_log) log = std::make_unique<RequestLog>(*config.request_log, config.verbose_log);
        serve(cloud);
        serve(cloudflare);
        serve(infisical);
        serve(storage);
        serve(doh);
        serve(s3);
    }

    void serve(Api& api) {
        const HttpServer::Surroundings around{&faults, log.get(), config.latency};
        served.push_back({&api, std::make_unique<HttpServer>(api, around)});
    }

    struct Served {
        Api* api;
        std::unique_ptr<HttpServer> server;
    };

    const Served& find(std::string_view name) const {
        for (const auto& one : served)
            if (one.api->name() == name) return one;
        throw Error(errors::internal, fmt::format("the lab has no API '{}'", name));
    }

    LabApisConfig config;
    FaultTable faults;
    std::unique_ptr<RequestLog> log;
    Background background;
    hetzner::Project project{config.hetzner, faults, background};
    hetzner::Cloud cloud{project, config.hetzner, config.machines};
    cloudflare::Cloudflare cloudflare{config.cloudflare};
    infisical::Infisical infisical{config.infisical, config.infisical_reachable};
    storage::Storage storage{project, config.hetzner};
    s3::S3 s3{config.s3};
    doh::Doh doh{[this](const std::string& name, const std::string& type) {
        return cloudflare.resolve(name, type, config.doh);
    }};
    std::vector<Served> served;
};

LabApis::LabApis(LabApisConfig config) : parts_(std::make_unique<Parts>(std::move(config))) {}

LabApis::~LabApis() {
    stop();
}

void LabApis::start() {
    for (auto& [api, server] : parts_->served) {
        const auto wanted = parts_->config.ports.find(api->name());
        server->start(parts_->config.bind_address, wanted == parts_->config.ports.end() ? 0 : wanted->second);
    }
}

void LabApis::stop() {
    for (auto& one : parts_->served) one.server->stop();
    parts_->background.stop();
}

std::map<std::string, std::string> LabApis::environment() const {
    const auto& config = parts_->config;
    std::map<std::string, std::string> variables{{"HCLOUD_ENDPOINT", url("hetzner")},
                                                 {"HCLOUD_TOKEN", config.hetzner.token},
                                                 {"CLOUDFLARE_BASE_URL", url("cloudflare")},
                                                 {"CLOUDFLARE_API_TOKEN", config.cloudflare.token},
                                                 {"HETZNER_ENDPOINT", url("storage")},
                                                 {"KAVI_DOH_URL", url("doh") + "/dns-query"},
                                                 {"INFISICAL_API_URL", url("infisical")}};
    if (const auto* identity = parts_->infisical.first_identity()) {
        variables["INFISICAL_UNIVERSAL_AUTH_CLIENT_ID"] = identity->seed.client_id;
        variables["INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET"] = identity->seed.client_secret;
    }
    return variables;
}

int LabApis::port(std::string_view api) const {
    return parts_->find(api).server->port();
}

std::string LabApis::url(std::string_view api) const {
    const auto& one = parts_->find(api);
    return fmt::format("http://{}:{}{}", parts_->config.bind_address, one.server->port(), one.api->prefix());
}

int LabApis::add_fault(Fault fault) {
    return parts_->faults.add(std::move(fault));
}

std::vector<Fault> LabApis::faults() const {
    return parts_->faults.all();
}

void LabApis::clear_faults(std::optional<int> number) {
    parts_->faults.clear(number);
}

bool LabApis::destroy_server(const std::string& name) {
    return parts_->cloud.destroy(name);
}

void LabApis::power_changed(const std::string& name, bool on) {
    parts_->cloud.power_changed(name, on);
}

void LabApis::seed(std::size_t records, std::size_t secrets, std::size_t servers) {
    parts_->infisical.add_generated(secrets);
    parts_->cloudflare.add_generated(records);
    parts_->cloud.add_generated(servers);
}

std::optional<std::vector<std::string>> LabApis::resolve(const std::string& name,
                                                         const std::string& type) const {
    return parts_->cloudflare.resolve(name, type, parts_->config.doh);
}

std::vector<std::string> LabApis::origin(const std::string& name) const {
    return parts_->cloudflare.origin(name);
}

}  // namespace kavi::lab
