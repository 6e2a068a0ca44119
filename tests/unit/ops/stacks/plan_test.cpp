#include "stack_fixture.hpp"

namespace {

using Lines = std::vector<std::string>;

const std::string release_line = "release/production run: something changes";

/// A server on which the stack was deployed as it stands.
struct Deployed {
    TemporaryFolder folder;
    Stack stack;
    FakeHost host{folder.path() / "world.json"};

    Deployed() { REQUIRE(stack.deploy(host).exit() == Exit::ok); }

    Lines lines_now() const { return lines(stack.plan(host.facts())); }

    Json& container(const std::string& service) { return host.world["containers"][service]; }
};

}  // namespace

TEST_CASE("a fresh server gets images, then files, then services level by level, then a release") {
    const Stack stack;
    const auto plan = stack.plan(nullptr);
    CHECK(lines(plan) == Lines{"pull/production/app:1.0 create: not there yet",
                               "pull/production/nginx:1.28 create: not there yet",
                               "pull/production/redis:8.2 create: not there yet",
                               "stack/production/files create: 5 of 5 files differ",
                               "service/production/docs create: new service",
                               "service/production/redis create: new service",
                               "service/production/app create: new service",
                               release_line});
    const auto& app = *plan.find("service/production/app");
    CHECK(std::ranges::find(app.after, "service/production/redis") != app.after.end());
    CHECK(app.lane == "bruno");
    CHECK(app.effect == "starts");
    CHECK(plan.find("service/production/redis")->batch == plan.find("service/production/docs")->batch);
    CHECK(app.batch != plan.find("service/production/docs")->batch);
}

TEST_CASE("nothing changed: nothing to do, and the plan says what it looked at") {
    Deployed world;
    const auto plan = world.stack.plan(world.host.facts());
    CHECK(lines(plan).empty());
    CHECK(plan.unchanged == std::vector<std::pair<std::string, int>>{{"service", 3}});
    CHECK(plan.notes.empty());
}

TEST_CASE("one thing changed: its services alone") {
    struct Case {
        std::string what;
        std::function<void(Deployed&)> change;
        Lines expected;
    };

    const auto replaced = [](Deployed& world, std::string_view from, std::string_view to) {
        auto& text = world.stack.compose;
        text.replace(text.find(from), from.size(), to);
    };
    const std::vector<Case> cases{
        {"an image",
         [&](auto& world) { replaced(world, "app:1.0", "app:1.1"); },
         {"pull/production/app:1.1 create: not there yet",
          "stack/production/files update: 1 of 5 files differ",
          "service/production/app replace: image 1.0 → 1.1",
          release_line}},
        {"an image that is there already",
         [&](auto& world) {
             replaced(world, "app:1.0", "docker.io/library/app:1.1");
             world.host.world["images"].push_back("app:1.1");
         },
         {"stack/production/files update: 1 of 5 files differ",
          "service/production/app replace: image app:1.0 → docker.io/library/app:1.1",
          release_line}},
        {"the same image by its long name",
         [&](auto& world) { replaced(world, "nginx:1.28", "docker.io/library/nginx:1.28"); },
         {"stack/production/files update: 1 of 5 files differ", release_line}},
        {"a secret of the folder",
         [](auto& world) { world.stack.env["SMTP_PASSWORD"] = Secret("two"); },
         {"stack/production/files update: 1 of 5 files differ",
          "service/production/app replace: secret /services/production/SMTP_PASSWORD",
          release_line}},
        {"a secret that nobody reads",
         [](auto& world) { world.stack.env["UNUSED"] = Secret("x"); },
         {"stack/production/files update: 1 of 5 files differ", release_line}},
        {"a secret file",
         [](auto& world) { world.stack.secret_files["APP_KEY"] = Secret("k2"); },
         {"stack/production/files update: 1 of 5 files differ",
          "service/production/app replace: secret sealed:/APP_KEY",
          release_line}},
        {"a variable",
         [](auto& world) { world.stack.vars["LOG_LEVEL"] = "debug"; },
         {"stack/production/files update: 1 of 5 files differ",
          "service/production/app replace: variable LOG_LEVEL",
          release_line}},
        {"a bound file",
         [](auto& world) { world.stack.files["redis/redis.sh"].bytes += "#\n"; },
         {"stack/production/files update: 1 of 5 files differ",
          "service/production/redis replace: file ./redis/redis.sh",
          release_line}},
        {"a bound file's mode",
         [](auto& world) { world.stack.files["redis/redis.sh"].executable = false; },
         {"stack/production/files update: 1 of 5 files differ",
          "service/production/redis replace: file ./redis/redis.sh",
          release_line}},
        {"a file that no container sees",
         [](auto& world) { world.stack.files["README.md"].bytes = "new\n"; },
         {"stack/production/files update: 1 of 5 files differ", release_line}},
        {"a file that is gone",
         [](auto& world) { world.stack.files.erase("README.md"); },
         {"stack/production/files update: 1 of 4 files differ", release_line}},
        {"dependencies",
         [&](auto& world) { replaced(world, "    depends_on: [redis]\n", ""); },
         {"stack/production/files update: 1 of 5 files differ", release_line}},
        {"a volume's definition",
         [&](auto& world) { replaced(world, "{redis-data: }", "{redis-data: {labels: {a: b}}}"); },
         {"stack/production/files update: 1 of 5 files differ",
          "service/production/redis replace: volume redis-data",
          release_line}},
        {"several things at once",
         [&](auto& world) {
             replaced(world, "app:1.0", "app:1.1");
             replaced(world, "secrets: [key]", "secrets: []");
             world.stack.vars["LOG_LEVEL"] = "debug";
             world.stack.env["SMTP_PASSWORD"] = Secret("two");
         },
         {"pull/production/app:1.1 create: not there yet",
          "stack/production/files update: 2 of 5 files differ",
          "service/production/app replace: image 1.0 → 1.1, its definition in the compose file, variable "
          "LOG_LEVEL and 3 more",
          release_line}},
        {"a service that is gone",
         [&](auto& world) {
             const auto at = world.stack.compose.find("  docs:");
             world.stack.compose.erase(at, world.stack.compose.find("volumes: {r") - at);
         },
         {"stack/production/files update: 1 of 5 files differ",
          "service/production/docs delete: gone from the compose file",
          release_line}},
        {"a service moved into a profile",
         [&](auto& world) { replaced(world, "nginx:1.28\n", "nginx:1.28\n    profiles: [extra]\n"); },
         {"stack/production/files update: 1 of 5 files differ", release_line}},
        {"a file changed on the server",
         [](auto& world) { world.host.world["files"]["/opt/production/README.md"]["bytes"] = "tampered"; },
         {"stack/production/files update: 1 of 5 files differ", release_line}},
        {"a secret file's mode on the server",
         [](auto& world) {
             world.host.world["files"]["/var/lib/kavi/secrets/production/APP_KEY"]["mode"] = "0400";
         },
         {"stack/production/files update: 1 of 5 files differ", release_line}},
        {"a container is gone",
         [](auto& world) { world.host.world["containers"].erase("docs"); },
         {"service/production/docs create: its container is gone", release_line}},
        {"a container stopped",
         [](auto& world) { world.container("docs")["state"] = "exited"; },
         {"service/production/docs update: not running", release_line}},
        {"a container was killed",
         [](auto& world) {
             world.container("docs")["state"] = "exited";
             world.container("docs")["oom_killed"] = true;
         },
         {"service/production/docs update: not running, killed for want of memory", release_line}},
        {"a container is unhealthy",
         [](auto& world) { world.container("redis")["health"] = "unhealthy"; },
         {"service/production/redis replace: unhealthy", release_line}},
        {"a container was made anew by another",
         [](auto& world) { world.container("docs")["id"] = "another"; },
         {"service/production/docs run: adopted as it runs"}},
        {"a container was made by another from another image",
         [](auto& world) {
             world.container("docs")["id"] = "another";
             world.container("docs")["image"] = "nginx:1.27";
         },
         {"service/production/docs replace: image 1.27 → 1.28", release_line}},
        {"the fingerprint key",
         [](auto& world) { world.stack.fingerprint_key = "another"; },
         {"service/production/docs run: the fingerprint key changed: noted with the new one",
          "service/production/redis run: the fingerprint key changed: noted with the new one",
          "service/production/app run: the fingerprint key changed: noted with the new one"}},
        {"a secret that can't be opened here", [](auto& world) { world.stack.secret_files.clear(); }, {}},
    };
    for (const auto& one : cases) {
        Deployed world;
        one.change(world);
        INFO(one.what);
        CHECK(world.lines_now() == one.expected);
    }
}

TEST_CASE("what a plan shows of secrets are keyed fingerprints, and its digest stays the same") {
    Deployed world;
    world.stack.env["SMTP_PASSWORD"] = Secret("a new password");
    world.stack.secret_files["APP_KEY"] = Secret("a new key");
    const auto plan = world.stack.plan(world.host.facts());
    const auto text = plan::to_json(plan).dump();
    CHECK(text.find("a new") == std::string::npos);
    for (const auto* value : {"a new password", "a new key", "k1", "one"})
        CHECK(text.find(hex(sha256(value))) == std::string::npos);
    CHECK(plan::digest(plan) == plan::digest(world.stack.plan(world.host.facts())));
    auto tomorrow = world.stack;
    tomorrow.today = "2026-11-26T10:00:00Z";
    CHECK(plan::digest(plan) == plan::digest(tomorrow.plan(world.host.facts())));
    const auto* app = plan.find("service/production/app");
    REQUIRE(app != nullptr);
    CHECK(app->changes.size() == 2);
    CHECK(app->changes[0].from.get<std::string>().size() == 32);
}

TEST_CASE("a removal asks, and names the volumes that stay") {
    Deployed world;
    const auto at = world.stack.compose.find("  docs:");
    world.stack.compose.erase(at, world.stack.compose.find("volumes: {r") - at);
    const auto plan = world.stack.plan(world.host.facts());
    const auto& gone = *plan.find("service/production/docs");
    CHECK(gone.question == plan::Question::yes_no);
    CHECK(gone.effect == "stops for good; kept: volume production_docs");
    const std::set<std::string> only{"app"};
    CHECK(world.stack.plan(world.host.facts(), &only).find("service/production/docs") == nullptr);
}

TEST_CASE("only the named services are planned") {
    const Stack stack;
    const std::set<std::string> only{"app"};
    const auto plan = stack.plan(nullptr, &only);
    CHECK(lines(plan) == Lines{"pull/production/app:1.0 create: not there yet",
                               "stack/production/files create: 5 of 5 files differ",
                               "service/production/app create: new service",
                               release_line});
}

TEST_CASE("an adopted stack is noted down, restarts nothing, and is compared from then on") {
    Deployed world;
    world.host.world["records"].clear();
    world.host.world["releases"] = Json::array();
    auto plan = world.stack.plan(world.host.facts());
    CHECK(plan.find("service/production/app")->reason == "adopted as it runs");
    CHECK(plan.find("service/production/app")->effect == "nothing restarts");
    CHECK(std::ranges::find(plan.notes, "app was started by another: kavi would recreate it, not now") !=
          plan.notes.end());
    const auto before = world.host.world["containers"];
    REQUIRE(world.stack.deploy(world.host).exit() == Exit::ok);
    CHECK(world.host.world["containers"] == before);
    CHECK(world.lines_now().empty());
    world.stack.env["SMTP_PASSWORD"] = Secret("two");
    CHECK(world.stack.plan(world.host.facts()).find("service/production/app")->verb == plan::Verb::replace);
}

TEST_CASE("a job that ends well needs no start, one that failed does") {
    Deployed world;
    auto& text = world.stack.compose;
    text.replace(text.find("depends_on: [redis]"),
                 19,
                 "depends_on: {docs: {condition: service_completed_successfully}}");
    REQUIRE(world.stack.deploy(world.host).exit() == Exit::ok);
    world.container("docs")["state"] = "exited";
    CHECK(world.lines_now().empty());
    world.container("docs")["exit_code"] = 1;
    CHECK(world.lines_now() == Lines{"service/production/docs update: not running", release_line});
}

TEST_CASE("wanted services know their limits") {
    Stack stack;
    stack.services["docs"] = {.name = "docs", .on_failure = model::OnFailure::stop, .health_timeout = 5s};
    const auto wanted = stack.wanted();
    std::map<std::string, const WantedService*> services;
    for (const auto& service : wanted->services) services[service.name] = &service;
    CHECK(services.at("redis")->timeout == 285s);
    CHECK(services.at("docs")->timeout == 5s);
    CHECK(services.at("docs")->on_failure == model::OnFailure::stop);
    const auto env = std::ranges::find(wanted->files, ".env", &WantedFile::path);
    CHECK(std::get<Secret>(env->bytes).reveal() ==
          "COMPOSE_PROJECT_NAME='production'\nKAVI_SECRETS='/var/lib/kavi/secrets/"
          "production'\nLOG_LEVEL='info'\n"
          "SMTP_PASSWORD='one'\n");
    CHECK(env->mode == 0600);
    CHECK(wanted->secrets.at(0).mode == 0444);
}

TEST_CASE("a variable that the compose file requires is missed before anything happens") {
    Stack stack;
    stack.compose.replace(stack.compose.find("${SMTP_PASSWORD:-}"), 18, "${SMTP_TOKEN:?is a secret}");
    try {
        stack.wanted();
        FAIL("nothing was missed");
    } catch (const Error& error) {
        CHECK(error.code() == errors::secret_missing);
        CHECK(error.message() == "the variable SMTP_TOKEN of stack production has no value");
        CHECK(error.causes() == Lines{"app can't do without it", "the compose file says: is a secret"});
        CHECK(error.advice() == "kavi secrets set /services/production/SMTP_TOKEN");
    }
}

TEST_CASE("image names as the engine lists them, and releases of a day") {
    CHECK(engine_image_name("docker.io/library/nginx:1.28") == "nginx:1.28");
    CHECK(engine_image_name("nginx") == "nginx:latest");
    CHECK(engine_image_name("ghcr.io:443/a/b") == "ghcr.io:443/a/b:latest");
    CHECK(engine_image_name("a/b:1@sha256:00") == "a/b@sha256:00");
    CHECK(engine_image_name("a/b@sha256:00") == "a/b@sha256:00");
    const auto now = Stack().now();
    CHECK(next_release(now, {}) == "2026-11-25.1");
    CHECK(next_release(now, {"2026-11-24.7", "2026-11-25.9", "2026-11-25.10", ""}) == "2026-11-25.11");
}

TEST_CASE("Docker that doesn't answer is no empty server") {
    const Json facts{{"docker", {{"answers", false}, {"why", {"connection refused"}}}}};
    CHECK_THROWS_AS(Stack().plan(facts), Error);
}
