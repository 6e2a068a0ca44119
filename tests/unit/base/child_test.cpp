#include "support/catch.hpp"
#include "support/errors.hpp"

#include <kavi/base/child.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include <unistd.h>

using namespace kavi;
using test::error_of;

namespace {

Command shell(std::string script) {
    return {.arguments = {"sh", "-c", std::move(script)}};
}

std::string read_all(Child& child) {
    std::string all;
    std::array<char, 5000> buffer{};
    while (const auto count = child.read(buffer)) all.append(buffer.data(), count);
    return all;
}

}  // namespace

TEST_CASE("a child is fed and read in pieces of any size") {
    constexpr std::size_t pieces = 300, piece = 10'000;
    Child child({.arguments = {"cat"}});
    std::string got;
    std::thread reader([&] { got = read_all(child); });
    bool taken = true;
    for (std::size_t i = 0; i < pieces; ++i)
        taken = child.write(std::string(piece, static_cast<char>('a' + i % 26))) && taken;
    child.end_input();
    reader.join();
    CHECK(taken);
    REQUIRE(got.size() == pieces * piece);
    CHECK(got[0] == 'a');
    CHECK(got[piece] == 'b');
    CHECK(got.back() == static_cast<char>('a' + (pieces - 1) % 26));
    CHECK(child.finish() == 0);
    CHECK(child.finish() == 0);
}

TEST_CASE("a child's end is a status, or 128 and the signal's number") {
    CHECK(Child(shell("exit 3")).finish() == 3);
    CHECK(Child(shell("kill -KILL $$")).finish() == 128 + SIGKILL);
    CHECK(Child(shell("cat >/dev/null")).finish() == 0);
}

TEST_CASE("what a child writes and nobody reads doesn't keep it from ending") {
    Child child(shell("head -c 1000000 /dev/zero; exit 4"));
    CHECK(child.finish() == 4);
}

TEST_CASE("a child that reads no more is told apart from one that does") {
    Child child(shell("exec <&-; echo closed; cat /dev/zero | head -c 1"));
    std::array<char, 64> buffer{};
    REQUIRE(child.read(buffer) == 7);
    bool taken = true;
    for (int i = 0; i < 100 && taken; ++i) taken = child.write(std::string(100'000, 'x'));
    CHECK_FALSE(taken);
    CHECK_FALSE(child.write("more"));
    CHECK(child.finish() == 0);
}

TEST_CASE("standard error is drained meanwhile, and its last 64 KiB are kept") {
    Child child(shell("head -c 300000 /dev/zero | tr '\\0' e >&2; echo out; echo the end >&2"));
    CHECK(read_all(child) == "out\n");
    CHECK(child.finish() == 0);
    CHECK(child.errors().size() == 65536);
    CHECK(
        child.errors().ends_with("ee"
                                 "the end\n"));
}

TEST_CASE("a program that isn't there is an error, with the reason") {
    const auto error = error_of([] { Child({.arguments = {"/nonexistent/program"}}); });
    CHECK(error.code() == errors::file_unreadable);
    CHECK(error.message() == "/nonexistent/program can't be started");
    CHECK(test::causes(error) == "No such file or directory");

    const auto no_folder = error_of([] { Child({.arguments = {"true"}, .folder = "/nonexistent"}); });
    CHECK(test::causes(no_folder) == "No such file or directory");
    CHECK(run_command({.arguments = {"/nonexistent/program"}}).status == 127);
}

TEST_CASE("a child that is let go is ended, with what it started, and never sees its input end") {
    const TemporaryFolder folder;
    const auto mark = (folder.path() / "input-ended").string();
    pid_t grandchild = 0;
    {
        Child child(
            shell("trap '' TERM; sleep 1000 & echo $!; cat >/dev/null; touch " + mark + "; sleep 1000"));
        std::array<char, 64> buffer{};
        const auto count = child.read(buffer);
        grandchild = std::stoi(std::string(buffer.data(), count));
        CHECK(child.write("half of it"));
    }
    CHECK_FALSE(std::filesystem::exists(mark));
    // The signal is on its way, and whoever reaps it may take a moment.
    const auto state = [&] {
        std::ifstream file("/proc/" + std::to_string(grandchild) + "/stat");
        std::string stat;
        return std::getline(file, stat) ? stat.at(stat.rfind(')') + 2) : 'X';
    };
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (state() != 'Z' && state() != 'X' && std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
    const auto last = state();
    CHECK((last == 'Z' || last == 'X'));
}

TEST_CASE("a request to stop interrupts reading, writing and waiting") {
    std::stop_source source;
    Child child(shell("exec sleep 1000"), source.get_token());
    source.request_stop();
    std::array<char, 64> buffer{};
    CHECK(error_of([&] { child.read(buffer); }).code() == errors::interrupted);
    CHECK(error_of([&] { child.write("x"); }).message() == "sh was interrupted");
    CHECK(error_of([&] { child.finish(); }).code() == errors::interrupted);
}

TEST_CASE("a stop that comes while a read waits ends the wait") {
    std::stop_source source;
    Child child(shell("exec sleep 1000"), source.get_token());
    const auto begin = std::chrono::steady_clock::now();
    std::jthread stopper([&] { source.request_stop(); });
    std::array<char, 64> buffer{};
    CHECK(error_of([&] { child.read(buffer); }).code() == errors::interrupted);
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(60));
}
