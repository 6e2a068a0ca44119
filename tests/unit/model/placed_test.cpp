#include "estate_support.hpp"

#include <kavi/model/placed.hpp>

#include <support/catch.hpp>

using namespace kavi::model;
using namespace kavi::model::test;

namespace {

EstateFiles estate_with(const std::string& services, const std::string& compose) {
    return {{{"kavi.toml",
              "estate = \"x\"\n[servers.s]\nipv4 = \"192.0.2.1\"\n[stacks.web]\nserver = \"s\"\ncompose = "
              "\"c.yml\"\n" +
                  services},
             {"c.yml", "services:\n" + compose}}};
}

std::string levels_of(const LoadedEstate& loaded) {
    std::string text;
    for (const auto& level : start_levels(loaded, "web")) {
        text += text.empty() ? "" : " | ";
        for (const auto& name : level) text += name + ",";
    }
    return text;
}

}  // namespace

TEST_CASE("tiers: declared, else of the latest that is depended on, else after the last") {
    const auto loaded =
        estate_with(
            "[services.db]\ntier = 2\n[services.proxy]\ntier = 1\n[services.tv]\nserver = \"s\"\n",
            "  db: {image: a:1}\n  proxy: {image: a:1}\n  app: {image: a:1, depends_on: [db, proxy]}\n"
            "  worker: {image: a:1, depends_on: [app]}\n  other: {image: a:1}\n")
            .load();
    std::map<std::string, int> tiers;
    for (const auto& service : placed_services(loaded)) tiers[service.name] = service.tier;
    CHECK(tiers == std::map<std::string, int>{
                       {"app", 2}, {"db", 2}, {"other", 3}, {"proxy", 1}, {"tv", 3}, {"worker", 2}});
    CHECK(placed_services(loaded).back().name == "tv");
    CHECK_FALSE(find_service(loaded, "tv")->stack);
    CHECK(find_service(loaded, "app")->server == "s");
    CHECK_FALSE(find_service(loaded, "nix"));
    CHECK(levels_of(loaded) == "proxy, | db, | app, | worker, | other,");
}

TEST_CASE("services of one tier that don't need each other start together") {
    const auto loaded =
        estate_with("", "  a: {image: a:1}\n  b: {image: a:1}\n  c: {image: a:1, depends_on: [a]}\n").load();
    CHECK(levels_of(loaded) == "a,b, | c,");
}

TEST_CASE("a cycle ends all the same") {
    const auto loaded =
        estate_with("", "  a: {image: a:1, depends_on: [b]}\n  b: {image: a:1, depends_on: [a]}\n").load();
    CHECK_FALSE(loaded.valid());
    CHECK(placed_services(loaded).size() == 2);
    CHECK(levels_of(loaded) == "a,b,");
}

TEST_CASE("a stack gets domains in the file's order, S3 endpoints, its variables and its name") {
    Estate estate;
    estate.domains = {{"b.org", {.name = "b.org", .service = "open-webui", .line = 3}},
                      {"a.org", {.name = "a.org", .service = "open-webui", .line = 7}},
                      {"c.org", {.name = "c.org", .service = "tv", .line = 5}}};
    estate.storages["objects"] = {.name = "objects", .kind = Storage::Kind::s3, .endpoint = "https://s3"};
    estate.storages["box"] = {.name = "box"};
    const Stack stack{.name = "web", .project = "webp", .vars = {{"LEVEL", "info"}}};
    CHECK(stack_variables(estate, stack) ==
          std::map<std::string, std::string>{{"COMPOSE_PROJECT_NAME", "webp"},
                                             {"KAVI_DOMAIN_OPEN_WEBUI", "b.org"},
                                             {"KAVI_DOMAIN_OPEN_WEBUI_2", "a.org"},
                                             {"KAVI_DOMAIN_TV", "c.org"},
                                             {"KAVI_STORAGE_OBJECTS", "https://s3"},
                                             {"LEVEL", "info"}});
}

TEST_CASE("a name's zone is the longest declared one that it ends in") {
    Estate estate;
    for (const auto* name : {"example.org", "sub.example.org", "org"}) estate.zones[name].name = name;
    const auto zone = [&](const char* name) {
        const auto* found = zone_of(estate, name);
        return found == nullptr ? "" : found->name;
    };
    CHECK(zone("www.Sub.example.org") == "sub.example.org");
    CHECK(zone("example.org") == "example.org");
    CHECK(zone("badexample.org") == "org");
    CHECK(zone("example.com").empty());
}
