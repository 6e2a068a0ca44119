#include "render/errors.hpp"

#include <embedded/errors.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::app;

TEST_CASE("codes are in order, and each has its page") {
    const auto codes = all_error_codes();
    CHECK(std::ranges::is_sorted(codes, {}, &ErrorCode::id));
    for (const auto& code : codes) {
        CAPTURE(code.id);
        const auto name = fmt::format("docs/errors/{}.md", code.id);
        const auto pages = embedded::errors();
        const auto page = std::ranges::find(pages, name, &embedded::File::name);
        REQUIRE(page != pages.end());
        CHECK(page->content.starts_with(fmt::format("# {}: {}\n", code.id, code.title)));
        CHECK(page->content.contains("What to do:"));
    }
    CHECK(embedded::errors().size() == codes.size());
}

TEST_CASE("an error says what, why, what to do and where to read on") {
    StringSink sink;
    Error error(errors::service_unhealthy, "forgejo did not become healthy in 60 s");
    error.because("last log lines\n  dial tcp: connection refused").fix("go on: kavi deploy");
    CHECK(error_text(error, {.sink = sink}, CiKind::none) ==
          "✘ forgejo did not become healthy in 60 s\n"
          "    last log lines\n"
          "      dial tcp: connection refused\n"
          "  go on: kavi deploy\n"
          "  more: kavi explain KAVI-E0301\n");
}

TEST_CASE("remote text can't give orders to a terminal or a CI") {
    CHECK(ci_safe("\x1b[2Jgone\r", CiKind::none) == "gone");
    CHECK(ci_safe("  ::error::mine\na ##[group]x", CiKind::github) == "  : :error::mine\na ## [group]x");
    CHECK(ci_safe("2a01:4f8::1", CiKind::github) == "2a01:4f8::1");
    CHECK(ci_safe("section_start:1:x\r\x1b[0K", CiKind::gitlab) == "section_start:1:x");
    StringSink sink;
    const auto text =
        error_text(Error(errors::internal, "50% of\n::set-env::x"), {.sink = sink}, CiKind::github);
    CHECK(text.starts_with("::error title=kavi KAVI-E0999::50%25 of%0A::set-env::x\n"));
    CHECK(std::ranges::count(
              split(text, '\n'), true, [](const auto& line) { return trim(line).starts_with("::"); }) == 1);
}

TEST_CASE("a mask goes to GitHub only, line by line") {
    StringSink out, err;
    const Voice github{.ci = CiKind::github};
    Output({.sink = out}, {.sink = err}, github).mask(Secret("one\ntwo\n"));
    CHECK(err.text == "::add-mask::one\n::add-mask::two\n");
    err.text.clear();
    Output({.sink = out}, {.sink = err}, Voice{.ci = CiKind::gitlab}).mask(Secret("one"));
    CHECK(err.text.empty());
    CHECK(out.text.empty());
}
