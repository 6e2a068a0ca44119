#include "cli/choose.hpp"
#include "cli/options.hpp"
#include "cli/parse.hpp"

#include <kavi/base/error.hpp>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::app;
using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

namespace {

/// A command with one of each kind of argument.
struct Sample {
    bool dry = false;
    int loud = 0;
    std::optional<std::string> to;
    Strings confirm;
    std::optional<int> level;
    std::optional<std::chrono::milliseconds> wait;
    std::string zone;
    Strings names;
    Declared declared;
    GlobalOptions global;

    Sample() {
        declare(declared.global, global);
        declared.own.flag("-n,--dry-run", dry, "");
        declared.own.count("-l,--loud", loud, "");
        declared.own.option("-t,--to", "FILE", to, "");
        declared.own.option("--confirm", "NAME", confirm, "");
        declared.own.option("--level", "N", level, "").from("KAVI_LEVEL");
        declared.own.option("--wait", "DURATION", wait, "");
        declared.own.positional("ZONE", zone, "");
        declared.own.positional("NAME", names, "");
    }

    void parse(const Strings& words, std::map<std::string, std::string, std::less<>> variables = {}) {
        const auto parsed = parse_options(declared, words, "sample");
        take_from_environment(declared, parsed, Environment(std::move(variables)));
        store_positionals(declared, parsed, "sample");
    }
};

std::string refusal(const Strings& words, std::map<std::string, std::string, std::less<>> variables = {}) {
    try {
        Sample().parse(words, std::move(variables));
    } catch (const Error& error) {
        CHECK(error.code().exit == Exit::usage);
        return error.message();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("options stand anywhere, joined or apart, and words keep their order") {
    Sample sample;
    sample.parse(
        {"a.test", "-nllq", "x", "--to=f", "y", "--confirm", "one", "--confirm=two", "--wait", "1m30s"});
    CHECK(sample.dry);
    CHECK(sample.loud == 2);
    CHECK(sample.global.quiet);
    CHECK(sample.to == "f");
    CHECK(sample.confirm == Strings{"one", "two"});
    CHECK(sample.wait == 90s);
    CHECK(sample.zone == "a.test");
    CHECK(sample.names == Strings{"x", "y"});
}

TEST_CASE("a short option takes its value joined or apart") {
    Sample joined, apart;
    joined.parse({"-tf", "z"});
    apart.parse({"-t", "f", "z"});
    CHECK(joined.to == "f");
    CHECK(apart.to == "f");
    CHECK(apart.zone == "z");
}

TEST_CASE("behind -- everything is a word") {
    Sample sample;
    sample.parse({"-n", "--", "--to", "-x", "--"});
    CHECK(sample.zone == "--to");
    CHECK(sample.names == Strings{"-x", "--"});
}

TEST_CASE("a flag is switched off by its value") {
    Sample sample;
    sample.parse({"--dry-run=false", "z"});
    CHECK_FALSE(sample.dry);
}

TEST_CASE("a flag wins over the environment, which is used where there is none") {
    Sample from_flag, from_variable, from_switch;
    from_flag.parse({"z", "--level", "2"}, {{"KAVI_LEVEL", "3"}});
    from_variable.parse({"z"}, {{"KAVI_LEVEL", "3"}});
    from_switch.parse({"z"}, {{"KAVI_SEALED", "yes"}});
    CHECK(from_flag.level == 2);
    CHECK(from_variable.level == 3);
    CHECK(from_switch.global.sealed);
}

TEST_CASE("what makes no sense is refused by name") {
    CHECK(refusal({"z", "--levl", "1"}) == "unknown option --levl");
    CHECK(refusal({"z", "-nx"}) == "unknown option -x");
    CHECK(refusal({"z", "--level", "one"}) == "--level: 'one' isn't a whole number");
    CHECK(refusal({"z", "--level", "1", "--level", "2"}) == "--level is given more than once");
    CHECK(refusal({"z", "--to"}) == "--to needs a value: FILE");
    CHECK(refusal({"z", "--to="}) == "--to is empty");
    CHECK(refusal({"z", "--to", ""}) == "--to is empty");
    CHECK(
        refusal({"--confirm", "--to"}).starts_with("--confirm needs a value, and --to looks like an option"));
    CHECK(refusal({"z", "--wait", "5"}) == "--wait: '5' isn't a duration like 90s, 5m or 1h30m");
    CHECK(refusal({}) == "ZONE is missing");
    CHECK(refusal({""}) == "ZONE is empty");
    CHECK(refusal({"z"}, {{"KAVI_LEVEL", "x"}}) == "the environment variable KAVI_LEVEL can't be used");
}

TEST_CASE("a negative number is given with an equals sign") {
    Sample sample;
    sample.parse({"z", "--level=-3"});
    CHECK(sample.level == -3);
}

TEST_CASE("the rest of a command line is taken as it is") {
    struct Case {
        const char* name;
        Strings words, rest;
    };

    const auto& c = GENERATE_REF(values<Case>({
        {"options of the other program", {"web", "ls", "-la", "--json"}, {"ls", "-la", "--json"}},
        {"own options first", {"--json", "web", "-n", "ls"}, {"ls"}},
        {"behind --", {"web", "--", "-x", "--", "y"}, {"-x", "--", "y"}},
        {"nothing", {"web"}, {}},
    }));
    CAPTURE(c.name);
    Declared declared;
    GlobalOptions global;
    bool dry = false;
    std::string service;
    Strings rest;
    declare(declared.global, global);
    declared.own.flag("-n", dry, "");
    declared.own.positional("SERVICE", service, "");
    declared.own.rest("COMMAND", rest, "");
    store_positionals(declared, parse_options(declared, c.words, "exec"), "exec");
    CHECK(service == "web");
    CHECK(rest == c.rest);
}

TEST_CASE("the command is found among options that stand before it") {
    const auto choice = choose(Strings{"-c", "explain", "--timeout", "5m", "explain", "-v", "101"});
    REQUIRE(choice.command != nullptr);
    CHECK(choice.command->path() == "explain");
    CHECK(choice.words == Strings{"-c", "explain", "--timeout", "5m", "-v", "101"});
}

TEST_CASE("no command is no error, an unknown one is") {
    CHECK(choose(Strings{"--json"}).command == nullptr);
    CHECK_THROWS_AS(choose(Strings{"exlain"}), Error);
}
