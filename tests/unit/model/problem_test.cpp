#include <kavi/model/problem.hpp>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::model;

namespace {

const std::string token = "Zq7Rk2Lm9Xv4Tn8Bw3Yc6Hf1Jd5Gs0PaQeUiOzRtKlMnBvCxSdFgHjKlWqEr12Xy";

}  // namespace

TEST_CASE("problems are shown with their line, carets and a hint, in order of place") {
    Problems problems;
    const auto file =
        problems.add_source("kavi.toml", "a = 1\n  proxyed = false\nservice = \"forgeyo\" # é\n");
    problems.error({file, 3, 11, 9}, "service \"forgeyo\" isn't there", "did you mean \"forgejo\"?");
    problems.error({file, 2, 3, 7}, "unknown key \"proxyed\"", "did you mean \"proxied\"?");
    problems.warning({file, 0, 0}, "nothing is backed up");
    CHECK(render_problems(problems.sorted()) ==
          "kavi.toml: warning: nothing is backed up\n"
          "kavi.toml:2:3: unknown key \"proxyed\"\n"
          "    2 | proxyed = false\n"
          "      | ^^^^^^^ did you mean \"proxied\"?\n"
          "kavi.toml:3:11: service \"forgeyo\" isn't there\n"
          "    3 | service = \"forgeyo\" # é\n"
          "      |           ^^^^^^^^^ did you mean \"forgejo\"?\n"
          "2 problems, 1 warning\n");
    CHECK(problems.any_error());
    CHECK(render_problems({}).empty());
}

TEST_CASE("a value that may be a secret is never shown, whichever problem shows its line") {
    Problems problems;
    const auto file = problems.add_source("kavi.toml", "keys = { prune = \"hunter2\", rea = \"x\" }");
    problems.error_hiding({file, 1, 18, 9}, "this must name a secret");
    problems.error({file, 1, 29, 3}, "unknown key \"rea\"");
    const auto text = render_problems(problems.sorted());
    CHECK_THAT(text, !ContainsSubstring("hunter2"));
    CHECK_THAT(text, ContainsSubstring("    1 | keys = { prune = …\n      |                  ^\n"));
    CHECK_THAT(text, ContainsSubstring("unknown key \"rea\""));
}

TEST_CASE("what looks like a token is blotted out, and no column moves") {
    Problems problems;
    const auto line = "{ token = \"" + token + "\", x = 1 }";
    const auto column = static_cast<int>(line.find("x = 1")) + 1;
    problems.error({problems.add_source("kavi.toml", line), 1, column, 1}, "unknown key \"x\"");
    const auto shown = problems.sorted().front();
    CHECK_THAT(shown.source, !ContainsSubstring("Zq7"));
    CHECK(shown.source.at(static_cast<std::size_t>(shown.column - shown.source_column)) == 'x');
}

TEST_CASE("tokens are told from what is public") {
    const auto [text, expected] = GENERATE(table<std::string, bool>({
        {token, true},
        {"ghp_abcdefghijklmnop1234", true},
        {"AGE-SECRET-KEY-1QQPQYRLVAE3VEQQQQQQQQQ", true},
        {"-----BEGIN OPENSSH PRIVATE KEY-----\nx", true},
        {"0123456789abcdef0123456789abcdef", true},
        {"postgres://user:Zq7Rk2Lm9Xv4Tn8Bw3Yc6Hf1Jd5Gs0Pa@host/db", true},
        {"age1ljrx4zngtvg4a3sg08jc2cxwvkmd2f4zu3rtquy42t4n6jan54aqgtl3sq", false},
        {"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKT5GYEwjvVC6eWZ+7TrEq86AjmZNM4DxR4bP9ox8zaT ana@laptop",
         false},
        {"SHA256:aJntoQGSI1NOSZbif5YiDLJgEWR/L29TC1B3RZDxfpw", false},
        {"0f8fad5b-d9cb-469f-a165-70867728950e", false},
        {"secret:/services/production/files/FORGEJO_DATABASE_PASSWORD_2024", false},
        {"Git over SSH on 2222 needs the server's own address", false},
        {"postgres:16-alpine@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", false},
    }));
    CAPTURE(text);
    CHECK(looks_like_token(text) == expected);
}

TEST_CASE("a long line is shown around its problem") {
    Problems problems;
    const auto file = problems.add_source("f", std::string(300, 'x') + "HERE" + std::string(300, 'y'));
    problems.error({file, 1, 301, 4}, "here");
    const auto shown = problems.sorted().front();
    CHECK(shown.source.substr(static_cast<std::size_t>(shown.column - shown.source_column), 4) == "HERE");
    CHECK(shown.source.size() < 110);
}

TEST_CASE("problems as JSON") {
    Problems problems;
    problems.error({problems.add_source("kavi.toml", "x"), 1, 1, 1}, "unknown key \"x\"", "no");
    CHECK(
        problems_json(problems.sorted()).dump() ==
        R"([{"severity":"error","file":"kavi.toml","line":1,"column":1,"message":"unknown key \"x\"","hint":"no"}])");
}
