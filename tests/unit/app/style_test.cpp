#include "render/style.hpp"

#include <support/catch.hpp>

using namespace kavi::app;

TEST_CASE("width counts columns, not bytes") {
    CHECK(display_width("abc") == 3);
    CHECK(display_width("ñandú €") == 7);
    CHECK(display_width("日本") == 4);
    CHECK(display_width("e\u0301") == 1);
    CHECK(display_width("✔ → …") == 5);
    CHECK(display_width("\xff\xfe") == 2);
}

TEST_CASE("cutting keeps whole characters and says that something is missing") {
    CHECK(cut("infisical", 9) == "infisical");
    CHECK(cut("infisical", 8) == "infisic…");
    CHECK(cut("日本語", 4) == "日…");
    CHECK(cut("x", 0).empty());
}

TEST_CASE("padding fills up to the column") {
    CHECK(pad("日", 4) == "日  ");
    CHECK(pad("long", 2) == "long");
}

TEST_CASE("wrapping breaks at spaces") {
    CHECK(wrap("one two three", 7) == "one two\nthree");
    CHECK(wrap("one two three", 8, 2) == "one two\n  three");
    CHECK(wrap("a https://example.test/very/long b", 10) == "a\nhttps://example.test/very/long\nb");
    CHECK(wrap("", 10).empty());
}

TEST_CASE("colour is off unless asked for") {
    CHECK(paint(Tone::good, "ok", false) == "ok");
    CHECK(paint(Tone::good, "ok", true) == "\x1b[32mok\x1b[0m");
}
