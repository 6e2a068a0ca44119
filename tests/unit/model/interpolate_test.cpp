#include <kavi/model/compose.hpp>
#include <kavi/model/interpolate.hpp>

#include <map>

#include <support/catch.hpp>

using namespace kavi::model;

namespace {

Variable look_up(std::string_view name) {
    static const std::map<std::string, Variable, std::less<>> known{
        {"FOO", {Variable::State::known, "first"}},
        {"BAR", {Variable::State::known, ""}},
        {"LATER", {Variable::State::later, ""}}};
    const auto found = known.find(name);
    return found == known.end() ? Variable{} : found->second;
}

struct Case {
    std::string text;
    std::string result;
};

}  // namespace

TEST_CASE("templates come to what Compose makes of them") {
    const auto sample = GENERATE(values<Case>({
        {"foo", "foo"},
        {"$${foo}", "${foo}"},
        {"$$FOO $$$FOO", "$FOO $first"},
        {"This ${missing} var", "This  var"},
        {"This $FOO var ${FOO}", "This first var first"},
        {"$FOO-bar", "first-bar"},
        {"${missing:-def}/${missing-def}/${BAR:-def}/${BAR-def}", "def/def/def/"},
        {"${BAR:-/non:-alphanumeric}", "/non:-alphanumeric"},
        {"${missing-$FOO}", "first"},
        {"${missing-${FOO} ${FOO}}!", "first first!"},
        {"${missing:-${also:-${BAR:-deep}}}", "deep"},
        {"${FOO:+yes}/${BAR:+yes}/${BAR+yes}/${missing+yes}", "yes//yes/"},
        {"${FOO:?err}/${FOO?err}/${BAR?err}", "first/first/"},
        {"${missing-myerror?msg}", "myerror?msg"},
        {"${FOO?bar-baz}", "first"},
        {"${missing:-{\"a\": 1}}", "{\"a\": 1}"},
        {"${missing:-a$$b}", "a$b"},
        {"$1 a $ $} $. $-b$", "$1 a $ $} $. $-b$"},
        {"x ${LATER} ${LATER:-d} $LATER ${FOO}", "x ${LATER} ${LATER:-d} $LATER first"},
        {"${missing:-${LATER}}", "${LATER}"},
    }));
    CHECK(interpolate(sample.text, look_up) == sample.result);
}

TEST_CASE("what Compose calls an invalid template isn't interpolated") {
    const auto text = GENERATE(as<std::string>(),
                               "${",
                               "${}",
                               "${ }",
                               "${ foo}",
                               "${foo }",
                               "${foo!}",
                               "${1A}",
                               "${A:}",
                               "${A:-${B}",
                               "${A:-x\ny}");
    std::string why;
    CHECK(interpolate(text, look_up, &why) == std::nullopt);
    CHECK(why.find("names no variable; a plain dollar is written $$") != std::string::npos);
}

TEST_CASE("a required variable that is absent says what its author wrote") {
    const auto sample = GENERATE(values<Case>({
        {"no ${missing:?Mandatory}", "required variable missing is missing a value: Mandatory"},
        {"no ${BAR:?Empty ${FOO}}", "required variable BAR is missing a value: Empty first"},
        {"no ${missing?}", "required variable missing is missing a value: "},
        {"no ${missing?bar-baz}", "required variable missing is missing a value: bar-baz"},
        {"no ${FOO:-${missing:?inner}}", "required variable missing is missing a value: inner"},
    }));
    std::string why;
    CHECK(interpolate(sample.text, look_up, &why) == std::nullopt);
    CHECK(why == sample.result);
}

TEST_CASE("references are found in defaults too, and nesting is bounded") {
    const auto references = template_references("${A:-$B ${C:?x}} $$D");
    REQUIRE(references.size() == 3);
    CHECK(references[0].name == "A");
    CHECK(references[0].op == ":-");
    CHECK(references[1].name == "B");
    CHECK(references[2].word == "x");
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += "${A:-";
    CHECK(interpolate(deep + std::string(100'000, '}'), look_up) == std::nullopt);
}
