#include <kavi/base/error_codes.hpp>
#include <kavi/base/json.hpp>
#include <kavi/base/process.hpp>
#include <kavi/base/text.hpp>

#include <support/catch.hpp>

#include <random>
#include <set>
#include <type_traits>

#include <kavi/base/secret.hpp>

using namespace kavi;

TEST_CASE("base64 round-trips and refuses what isn't canonical") {
    const auto bytes = GENERATE(as<std::string>(), "", "f", "fo", "foo", "foob", "fooba", "foobar");
    CHECK(decode_base64(base64(bytes)) == bytes);
    CHECK(decode_base64(base64(bytes, false)) == bytes);
    CHECK_FALSE(decode_base64("Zh=="));
    CHECK_FALSE(decode_base64("Z"));
    CHECK_FALSE(decode_base64("Zg="));
    CHECK_FALSE(decode_base64("Z g="));
}

TEST_CASE("a SHA-256 in base32 fits a Hetzner label") {
    const auto text = base32(sha256("key"));
    CHECK(text.size() == 52);
    CHECK(text.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567") == std::string::npos);
}

TEST_CASE("a quoted word reaches sh unchanged, whatever it holds") {
    std::mt19937 random(7);
    for (int round = 0; round < 40; ++round) {
        std::string word;
        for (std::size_t i = random() % 12; i > 0; --i) word += static_cast<char>(1 + random() % 255);
        const auto finished = run_command({.arguments = {"sh", "-c", "printf %s " + shell_quote(word)}});
        REQUIRE(finished.output == word);
    }
}

TEST_CASE("control characters and escape sequences don't reach the terminal") {
    CHECK(printable("a\x1b[31mb\x1b]0;title\ac\r\b\x7f\n\td\xc2\x9bx") == "abc\n\tdx");
}

TEST_CASE("did you mean") {
    const std::vector<std::string> keys{"proxied", "service", "ttl"};
    CHECK(nearest("proxyed", keys) == "proxied");
    CHECK(nearest("forgejo", keys) == std::nullopt);
}

TEST_CASE("JSON from outside is bounded") {
    CHECK(parse_json("[[1]]", "x")[0][0] == 1);
    CHECK_THROWS_AS(parse_json(std::string(70, '[') + std::string(70, ']'), "x"), Error);
    CHECK_THROWS_AS(parse_json("{", "x"), Error);
}

TEST_CASE("error codes are unique and sorted") {
    std::string_view last;
    for (const auto& code : all_error_codes()) {
        CHECK(code.id > last);
        last = code.id;
    }
}

TEST_CASE("a secret copies, moves, compares, and has no way to a stream") {
    Secret a("hunter2"), b = a, c = std::move(b);
    CHECK(a == c);
    CHECK(c.reveal() == "hunter2");
    CHECK(b.empty());
    STATIC_REQUIRE_FALSE(std::is_constructible_v<Json, Secret>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<Secret, std::string_view>);
}

TEST_CASE("a process gets its input, its own status, and no more time than allowed") {
    CHECK(run_command({.arguments = {"cat"}, .input = std::string(300000, 'x')}).output.size() == 300000);
    CHECK(run_command({.arguments = {"sh", "-c", "exit 7"}}).status == 7);
    CHECK(run_command({.arguments = {"no-such-program"}}).status == 127);
    const auto late = run_command({.arguments = {"sleep", "30"}, .timeout = std::chrono::milliseconds(50)});
    CHECK(late.timed_out);
    CHECK(late.status == 128 + 15);
}
