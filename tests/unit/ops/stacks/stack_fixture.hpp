#pragma once

#include "fake_host.hpp"

#include <kavi/ops/stacks/handlers.hpp>
#include <kavi/ops/stacks/plan.hpp>
#include <kavi/run/executor.hpp>

#include <chrono>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::ops;
using namespace std::chrono_literals;

/// One stack of three services on one server, with everything that can change about it.
struct Stack {
    std::string compose =
        "services:\n"
        "  redis:\n"
        "    image: redis:8.2\n"
        "    volumes: ['./redis/redis.sh:/redis.sh:ro', 'redis-data:/data']\n"
        "    healthcheck: {test: [CMD, check], interval: 15s, retries: 4, start_period: 1m}\n"
        "  app:\n"
        "    image: app:1.0\n"
        "    environment: {PASSWORD: '${SMTP_PASSWORD:-}', LEVEL: '${LOG_LEVEL:-info}'}\n"
        "    secrets: [key]\n"
        "    depends_on: [redis]\n"
        "  docs:\n"
        "    image: nginx:1.28\n"
        "volumes: {redis-data: }\n"
        "secrets: {key: {file: '$KAVI_SECRETS/APP_KEY'}}\n";
    StackFiles files{{"redis/redis.sh", {"exec redis-server\n", true}}, {"README.md", {"read me\n", false}}};
    model::NamedSecrets env{{"SMTP_PASSWORD", Secret("one")}};
    model::NamedSecrets secret_files{{"APP_KEY", Secret("k1")}};
    std::map<std::string, std::string> vars{{"LOG_LEVEL", "info"}};
    std::map<std::string, model::Service> services;
    std::string fingerprint_key = "a key for tests";
    std::string today = "2026-11-25T10:00:00Z";

    model::LoadedEstate loaded() const {
        model::LoadedEstate all;
        all.estate.servers["bruno"] = {.name = "bruno"};
        all.estate.services = services;
        all.estate.stacks["production"] = {
            .name = "production",
            .server = "bruno",
            .compose = {"services/docker-compose.yml"},
            .directory = "/opt/production",
            .project = "production",
            .env = model::SecretRef{.folder = "/services/production"},
            .vars = vars,
            .secrets = {{"APP_KEY", {model::SecretRef::Source::sealed, "/", "APP_KEY"}}}};
        model::Problems problems;
        all.stacks["production"] = model::read_compose(
            "production",
            {{"docker-compose.yml", compose}},
            [](std::string_view) {
                return model::Variable{model::Variable::State::later, ""};
            },
            problems);
        REQUIRE(render_problems(problems.sorted()) == "");
        return all;
    }

    secrets::PurposeKey key() const { return secrets::derive_purpose_key(Secret(fingerprint_key), "stack"); }

    std::shared_ptr<const WantedStack> wanted() const {
        auto all_files = files;
        all_files["docker-compose.yml"] = {compose, false};
        const auto all = loaded();
        const StackSecrets values{env, secret_files};
        const auto purpose = key();
        const std::string name = "production";
        return wanted_stack(
            {.loaded = all, .stack = name, .files = all_files, .secrets = values, .key = purpose});
    }

    plan::Plan plan(const Json& facts, const std::set<std::string>* only = nullptr) const {
        const auto all = loaded();
        const auto purpose = key();
        auto made = plan_stack(
            {.wanted = wanted(),
             .seen = std::make_shared<StackSeen>(read_stack_seen(facts, all.estate.stacks.at("production"))),
             .key = purpose,
             .services = only,
             .now = now()});
        plan::sort_by_needs(made);
        return made;
    }

    std::chrono::system_clock::time_point now() const {
        std::tm parts{};
        ::strptime(today.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
        return std::chrono::system_clock::from_time_t(::timegm(&parts));
    }

    /// Plans from what is there and carries it out.
    run::Report deploy(FakeHost& host, run::Boundary& boundary) const {
        ManualClock clock(now());
        const StackHandlers stack(
            {.host_at = [&host](const std::string&, std::stop_token) -> host::Host& { return host; },
             .clock = clock,
             .commit = "c0ffee",
             .who = "ana@laptop",
             .plan_digest = "sha256:test"});
        run::Handlers handlers;
        stack.add_to(handlers);
        run::Listener listener;
        return run::execute(plan(host.facts()), handlers, boundary, listener, clock, {});
    }

    run::Report deploy(FakeHost& host) const {
        run::NoBoundary boundary;
        return deploy(host, boundary);
    }
};

/// "id verb: reason" for each action.
inline std::vector<std::string> lines(const plan::Plan& plan) {
    std::vector<std::string> all;
    for (const auto& action : plan.actions)
        all.push_back(fmt::format("{} {}: {}", action.id, plan::name_of(action.verb), action.reason));
    return all;
}
