#include <kavi/model/compose.hpp>

#include <set>

#include <support/catch.hpp>

using namespace kavi::model;

namespace {

ComposeProject read(const std::string& text) {
    Problems problems;
    auto project = read_compose(
        "p", {{"a.yml", text}}, [](auto) { return Variable{}; }, problems);
    REQUIRE(render_problems(problems.sorted()) == "");
    return project;
}

/// "key → content" for each input.
std::set<std::string> inputs(const ComposeProject& project, const std::string& service = "a") {
    std::set<std::string> all;
    for (const auto& input : fingerprint_inputs(project, service)) {
        const auto [place, fresh] = all.insert(input.digest_key() + " → " + input.content);
        REQUIRE(fresh);
    }
    return all;
}

const std::string base =
    "services:\n"
    "  a:\n"
    "    image: i:1\n"
    "    environment: {LEVEL: '${LEVEL:-info}'}\n"
    "    env_file: [a.env]\n"
    "    secrets: [s, t, u]\n"
    "    configs: [{source: c, target: /c}]\n"
    "    volumes: ['v1:/v', './x.sh:/x.sh:ro', '/mnt/box:/box']\n"
    "    networks: [n]\n"
    "    depends_on: [b]\n"
    "    profiles: []\n"
    "  b: {image: i:1}\n"
    "secrets: {s: {file: '$KAVI_SECRETS/S'}, t: {file: ./t.txt}, u: {environment: U}}\n"
    "configs: {c: {content: 'x ${CONTENT}'}}\n"
    "volumes: {v1: }\n"
    "networks: {n: {internal: true}}\n";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a service is made of its subtree, variables, files, secrets, volumes and networks") {
    std::set<std::string> keys;
    for (const auto& input : fingerprint_inputs(read(base), "a")) keys.insert(input.digest_key());
    CHECK(keys == std::set<std::string>{"file ./t.txt",
                                        "file ./x.sh",
                                        "file a.env",
                                        "kavi_secret S",
                                        "text compose",
                                        "text config c",
                                        "text image",
                                        "text network n",
                                        "text secret u",
                                        "text volume v1",
                                        "variable CONTENT",
                                        "variable KAVI_SECRETS",
                                        "variable LEVEL",
                                        "variable U"});
}

TEST_CASE("only what makes another container changes a fingerprint") {
    struct Case {
        std::string from, to;
        bool changes;
    };

    const auto sample = GENERATE(values<Case>({
        {"depends_on: [b]", "depends_on: {b: {condition: service_healthy}}", false},
        {"profiles: []", "x-note: hello", false},
        {"networks: [n]", "networks: {n: }", false},
        {"environment: {LEVEL: '${LEVEL:-info}'}", "environment: ['LEVEL=${LEVEL:-info}']", false},
        {"  b: {image: i:1}", "  b: {image: i:2}", false},
        {"image: i:1", "image: i:2", true},
        {"${LEVEL:-info}", "${LEVEL:-debug}", true},
        {"internal: true", "internal: false", true},
        {"volumes: {v1: }", "volumes: {v1: {name: other}}", true},
        {"x ${CONTENT}", "y ${CONTENT}", true},
        {"'$KAVI_SECRETS/S'", "'$KAVI_SECRETS/T'", true},
    }));
    INFO(sample.from);
    CHECK((inputs(read(base)) != inputs(read(replaced(base, sample.from, sample.to)))) == sample.changes);
}
