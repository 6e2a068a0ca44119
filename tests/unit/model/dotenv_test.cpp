#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/json.hpp>
#include <kavi/base/process.hpp>
#include <kavi/model/dotenv.hpp>
#include <kavi/model/problem.hpp>
#include <kavi/model/tree.hpp>

#include <random>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::model;

namespace {

NamedSecrets one(std::string_view name, std::string_view value) {
    return {{std::string(name), Secret(value)}};
}

std::string written(SecretsForm form, std::string_view value, std::string_view name = "X") {
    return std::string(write_secrets(form, one(name, value)).reveal());
}

std::string refusal(SecretsForm form, std::string_view name, std::string_view value) {
    try {
        write_secrets(form, one(name, value));
    } catch (const Error& error) {
        CHECK(error.code() == errors::secret_unfit);
        return error.message() + ": " + error.causes().at(0);
    }
    return "";
}

/// The value of X after sh has read the text.
std::string by_shell(const std::string& text) {
    const auto script = "eval \"$(cat)\"; printf %s \"$X\"";
    return run_command({.arguments = {"sh", "-c", script}, .input = text + "\n:\n"}).output;
}

/// Values made of what quoting stumbles over.
std::string awkward(std::mt19937& random) {
    static const std::vector<std::string> parts{"'",      "\"", "\\",   "$",  "`", "\n",   "\r",    "#",
                                                " #",     "=",  " ",    "\t", "!", "${X}", "$(id)", "\\n",
                                                "\\0123", "ä",  "\xff", "a",  "0", "%",    "{",     "}"};
    std::string value;
    for (std::size_t i = random() % 9; i > 0; --i) value += parts[random() % parts.size()];
    return value;
}

}  // namespace

TEST_CASE("a dotenv value is the same to sh and to a reader that follows Compose's") {
    std::mt19937 random(11);
    int carried = 0;
    for (int round = 0; round < 150; ++round) {
        const auto value = awkward(random);
        std::string text;
        try {
            text = written(SecretsForm::dotenv, value);
        } catch (const Error&) {
            const bool ends_in_backslash = value.ends_with('\\');
            REQUIRE(value.find('`') != std::string::npos);
            REQUIRE((ends_in_backslash || value.find('\'') != std::string::npos));
            continue;
        }
        ++carried;
        INFO(text);
        REQUIRE(by_shell(text) == value);
        REQUIRE(read_dotenv(text, "x").at("X").reveal() == value);
    }
    CHECK(carried > 100);
}

TEST_CASE("an export line gives sh the value, whatever it holds") {
    std::mt19937 random(12);
    for (int round = 0; round < 60; ++round) {
        const auto value = awkward(random);
        REQUIRE(by_shell(written(SecretsForm::export_lines, value)) == value);
    }
}

TEST_CASE("JSON and YAML carry every text") {
    const std::string value = "ä\n\t\r\x01\x7f\"\\'$`\xe2\x80\xa8\xc2\x85\xef\xbb\xbf: #";
    CHECK(parse_json(written(SecretsForm::json, value, "a b"), "x").at("a b") == value);
    Problems problems;
    const auto file = problems.add_source("x", written(SecretsForm::yaml, value, "a b"));
    CHECK(read_yaml(file, problems).find("a b")->text == value);
    CHECK(problems.sorted().empty());
    CHECK(write_secrets(SecretsForm::json, {}).reveal() == "{}\n");
    CHECK(write_secrets(SecretsForm::yaml, {}).reveal() == "{}\n");
    CHECK(write_secrets(SecretsForm::dotenv, {}).reveal().empty());
    const NamedSecrets two{{"B", Secret("2")}, {"A", Secret("1")}};
    CHECK(write_secrets(SecretsForm::json, two).reveal() == "{\n  \"A\": \"1\",\n  \"B\": \"2\"\n}\n");
    CHECK(write_secrets(SecretsForm::export_lines, two).reveal() == "export A='1'\nexport B='2'\n");
}

TEST_CASE("what a form can't carry is refused by name, never by value") {
    CHECK(refusal(SecretsForm::dotenv, "a-b", "hidden") ==
          "the secret a-b can't be written as dotenv: its name can't be a variable's in a shell");
    CHECK(refusal(SecretsForm::export_lines, "1A", "hidden") ==
          "the secret 1A can't be written as export: its name can't be a variable's in a shell");
    CHECK(refusal(SecretsForm::dotenv, "X", std::string_view("hid\0den", 7)) ==
          "the secret X can't be written as dotenv: its value holds a NUL byte");
    CHECK(refusal(SecretsForm::json,
                  "X",
                  "hid\xc0\xaf"
                  "den") == "the secret X can't be written as json: it isn't UTF-8 text");
    CHECK(refusal(SecretsForm::yaml, "X", "\xed\xa0\x80") ==
          "the secret X can't be written as yaml: it isn't UTF-8 text");
    CHECK(refusal(SecretsForm::dotenv, "X", "hid'`den").find("hid") == std::string::npos);
}

TEST_CASE("dotenv files are read as Compose reads them") {
    const auto secrets = read_dotenv(
        "\xef\xbb\xbf# a comment\n"
        "A=plain value  # said\n"
        "B=has#no comment\n"
        "  export C = 'single $X \\n \\'quoted\\''\n"
        "D=\"line\\nbreak \\\"x\\\" \\$Y $$Z \\\\ \\0101 \\q\"\n"
        "E=\n"
        "F: yaml\n"
        "G='two\nlines'\n"
        "A=later wins\r\n",
        "x.env");
    const auto value = [&](const char* name) { return std::string(secrets.at(name).reveal()); };
    CHECK(value("A") == "later wins");
    CHECK(value("B") == "has#no comment");
    CHECK(value("C") == "single $X \\n 'quoted'");
    CHECK(value("D") == "line\nbreak \"x\" $Y $Z \\ A \\q");
    CHECK(value("E").empty());
    CHECK(value("F") == "yaml");
    CHECK(value("G") == "two\nlines");
    CHECK(secrets.size() == 7);
}

TEST_CASE("a dotenv file that can't be read says the line and no value") {
    const auto why = [](std::string_view text) {
        try {
            read_dotenv(text, "x.env");
        } catch (const Error& error) {
            return error.message() + ": " + error.causes().at(0);
        }
        return std::string();
    };
    CHECK(why("A=1\nB=$hidden\n").ends_with("the value of B refers to a variable"));
    CHECK(why("A=\"${hidden}\"").ends_with("the value of A refers to a variable"));
    CHECK(why("A='hidden\n") == "x.env:2 can't be read: the quote of A isn't closed");
    CHECK(why("A=1\n=hidden\n") == "x.env:2 can't be read: a line must be NAME=value");
    CHECK(why("A!B=hidden") == "x.env:1 can't be read: a line must be NAME=value");
    CHECK(why("A\nB=1\n") ==
          "x.env:1 can't be read: A has no value: Compose would take it from the environment");
}
