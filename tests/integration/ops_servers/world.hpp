#pragma once

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/net/curl_transport.hpp>
#include <kavi/ops/servers/handlers.hpp>
#include <kavi/ops/servers/plan.hpp>

#include <cstdlib>
#include <map>
#include <string>

#include <apis/lab_apis.hpp>

using namespace kavi;
using namespace kavi::ops;
using namespace std::chrono_literals;

/// Real time, but waiting is a tenth as long: the lab's actions take milliseconds.
class HastyClock final : public Clock {
  public:
    std::chrono::system_clock::time_point now() const override { return real_.now(); }

    std::chrono::steady_clock::time_point steady() const override { return real_.steady(); }

    void sleep_for(std::chrono::milliseconds duration, std::stop_token stop) override {
        real_.sleep_for(duration / 10, std::move(stop));
    }

  private:
    SystemClock real_;
};

inline lab::LabApisConfig lab_config() {
    lab::LabApisConfig config;
    // For the conformance test: every exchange, whole.
    if (const char* log = std::getenv("KAVI_LAB_LOG")) {
        config.request_log = log;
        config.verbose_log = true;
    }
    config.hetzner.action_time = 20ms;
    config.hetzner.primary_ips = {{.name = "production", .ip = "188.34.198.57"}};
    config.hetzner.sold_out = {"cpx42@nbg1"};
    return config;
}

inline model::Estate small_estate() {
    model::Estate estate;
    estate.name = "kavi";
    estate.operators["ana"] = {.name = "ana", .ssh = net::make_ed25519_key("ana@laptop").public_line};
    estate.servers["bruno"] = {
        .name = "bruno",
        .provider = model::Server::Provider::hetzner,
        .types = {"cpx42", "cpx32"},
        .image = "ubuntu-24.04",
        .location = "nbg1",
        .ipv4 = "188.34.198.57",
        .firewall = {{"tcp", "22", {"0.0.0.0/0", "::/0"}}, {"icmp", "", {"0.0.0.0/0"}}},
        .protect = true};
    return estate;
}

/// Ends an action where SIGKILL would end the process: Hetzner sees no difference.
class KillAt final : public run::Boundary {
  public:
    explicit KillAt(std::string where) : where_(std::move(where)) {}

    void reached(std::string_view id, run::Edge edge) override {
        if (where_ == std::string(id) + ":" + std::string(run::name_of(edge)))
            throw Error(errors::internal, "killed here");
    }

  private:
    std::string where_;
};

struct World {
    lab::LabApis apis;
    HastyClock clock;
    net::CurlTransport transport{net::CurlOptions{.rules = {.loopback_only = true}}};
    api::HetznerCloud cloud{transport, clock, access()};
    model::Estate estate = small_estate();
    Secret pin_key{"pin key"};
    RunFacts facts;
    std::map<std::string, std::string> user_data{{"bruno", "#cloud-config\n{}\n"},
                                                 {"eva", "#cloud-config\n{}\n"}};

    explicit World(lab::LabApisConfig config = lab_config()) : apis(std::move(config)) {}

    api::HetznerAccess access() {
        apis.start();
        return {apis.url("hetzner"), Secret(std::string(64, 'h'))};
    }

    plan::Plan plan() {
        const auto names = hetzner_servers(estate, {});
        const auto seen = observe_hetzner(estate, names, cloud, {});
        const auto managed = managed_servers(estate, names, seen, pin_key);
        auto plan = plan_servers({estate, names, seen, managed, user_data});
        plan::sort_by_needs(plan);
        return plan;
    }

    run::Report apply(const plan::Plan& plan, const std::string& kill_at = "") {
        HetznerHandlers hetzner({cloud, facts, clock, pin_key});
        run::Handlers handlers;
        hetzner.add_to(handlers);
        KillAt boundary(kill_at);
        run::Listener listener;
        return run::execute(plan, handlers, boundary, listener, clock, {});
    }
};

inline std::string failures(const run::Report& report) {
    std::string text;
    for (const auto& done : report.actions)
        if (done.error)
            text += done.id + ": " + done.error->message() + " " + join(done.error->causes(), "; ") + "\n";
    return text;
}
