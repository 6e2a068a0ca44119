#include "support/catch.hpp"
#include "support/errors.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/process.hpp>
#include <kavi/seal/zstd.hpp>

#include <iostream>
#include <random>

using namespace kavi;
using namespace kavi::seal;
using test::error_of;

namespace {

bool have_zstd() {
    static const bool have = run_command({.arguments = {"zstd", "--version"}}).status == 0;
    if (!have) std::cout << "SKIPPED: the zstd tool (apt-get install zstd)\n";
    return have;
}

/// Runs of text between runs of noise, so that both kinds of blocks occur.
std::string plain_of(std::size_t size) {
    std::mt19937 noise(7);
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        text[i] =
            static_cast<char>(i / 5000 % 2 ? noise() : static_cast<unsigned>("the same again "[i % 15]));
    return text;
}

/// Hands out `text` in pieces of `piece` bytes, and whatever fits.
ReadBytes in_pieces(std::string_view text, std::size_t piece) {
    return [text, piece](std::span<char> into) mutable {
        const auto count = std::min({into.size(), text.size(), piece});
        std::memcpy(into.data(), text.data(), count);
        text.remove_prefix(count);
        return count;
    };
}

std::string compressed(std::string_view plain, std::size_t piece = 70'000) {
    std::string out;
    ZstdWriter writer(append_to(out));
    for (std::size_t at = 0; at < plain.size(); at += piece) writer.write(plain.substr(at, piece));
    writer.finish();
    return out;
}

std::string decompressed(std::string_view frame, std::size_t piece = 1 << 20) {
    ZstdReader reader(in_pieces(frame, piece));
    std::string plain;
    while (const auto bytes = reader.next()) plain += *bytes;
    CHECK_FALSE(reader.next());
    return plain;
}

std::string why_damaged(std::string_view frame) {
    const auto error = error_of([&] { decompressed(frame); });
    CHECK(error.code() == errors::integrity);
    CHECK(error.message() == "compressed data is damaged");
    return test::causes(error);
}

constexpr std::size_t sizes[] = {0, 1, (128 << 10) - 1, 128 << 10, (128 << 10) + 1, 10 << 20};

}  // namespace

TEST_CASE("what is compressed comes back, by kavi and by the zstd tool") {
    for (const auto size : sizes) {
        CAPTURE(size);
        const auto plain = plain_of(size);
        const auto frame = compressed(plain);
        CHECK((decompressed(frame) == plain));
        CHECK((decompressed(frame, 1000) == plain));
        if (!have_zstd()) continue;
        const auto by_tool = run_command({.arguments = {"zstd", "-d", "-c"}, .input = frame});
        CHECK(by_tool.status == 0);
        CHECK((by_tool.output == plain));
    }
}

TEST_CASE("what the zstd tool compresses, kavi opens") {
    if (!have_zstd()) return;
    for (const auto size : sizes)
        for (const auto* level : {"-1", "-3", "-19"}) {
            if (size > (1 << 20) && std::string(level) == "-19") continue;
            CAPTURE(size, level);
            const auto plain = plain_of(size);
            const auto frame = run_command({.arguments = {"zstd", level, "-c"}, .input = plain});
            REQUIRE(frame.status == 0);
            CHECK((decompressed(frame.output) == plain));
        }
}

TEST_CASE("a frame carries a checksum, which finds one flipped bit") {
    const auto plain = plain_of(300'000);
    auto frame = compressed(plain);
    CHECK((static_cast<unsigned char>(frame[4]) & 4) == 4);
    frame[frame.size() - 2] = static_cast<char>(frame[frame.size() - 2] ^ 1);
    CHECK(why_damaged(frame) == "Restored data doesn't match checksum");
}

TEST_CASE("a frame that is cut off anywhere is damaged") {
    for (const auto size : {std::size_t{0}, std::size_t{1}, std::size_t{5000}}) {
        const auto frame = compressed(plain_of(size));
        for (std::size_t length = 1; length < frame.size(); length += 1 + length / 40) {
            CAPTURE(size, length);
            CHECK(why_damaged(frame.substr(0, length)) == "it is cut off");
        }
        CHECK(why_damaged(frame.substr(0, frame.size() - 1)) == "it is cut off");
    }
}

TEST_CASE("nothing, something else, and more than one frame aren't a frame") {
    const auto frame = compressed("hello");
    CHECK(why_damaged("") == "it is empty");
    CHECK(why_damaged("PGDMP: no frame at all") == "Unknown frame descriptor");
    CHECK(why_damaged(frame + "x") == "something follows its end");
    CHECK(why_damaged(frame + frame) == "something follows its end");
    CHECK(why_damaged(frame + std::string(1, '\0')) == "something follows its end");
}

TEST_CASE("a million zeros need a few bytes, and constant memory on the way back") {
    const auto frame = compressed(std::string(50 << 20, '\0'));
    CHECK(frame.size() < 10'000);
    ZstdReader reader(read_from(frame));
    std::size_t total = 0, largest = 0;
    while (const auto bytes = reader.next()) {
        total += bytes->size();
        largest = std::max(largest, bytes->size());
    }
    CHECK(total == 50 << 20);
    CHECK(largest <= 256 << 10);
}
