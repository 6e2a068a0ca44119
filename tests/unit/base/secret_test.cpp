#include <kavi/base/secret.hpp>

#include <deque>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <support/catch.hpp>

using namespace kavi;

TEST_CASE("secrets of every size keep their bytes, whatever others come and go", "[secret]") {
    std::mt19937 random(7);
    std::deque<std::pair<Secret, std::string>> kept;
    for (int turn = 0; turn < 20000; ++turn) {
        const auto size = turn % 3 ? random() % 300 : random() % 5000;
        const std::string bytes(size, static_cast<char>(random()));
        kept.emplace_back(Secret(bytes), bytes);
        if (kept.size() > 200) kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(random() % kept.size()));
        const auto& [secret, wanted] = kept[random() % kept.size()];
        REQUIRE((secret.reveal() == wanted));
    }
    for (const auto& [secret, wanted] : kept) CHECK((secret.reveal() == wanted));
}

TEST_CASE("at the edges of the pool's sizes nothing overlaps", "[secret]") {
    for (const std::size_t size :
         {1UL, 31UL, 32UL, 33UL, 64UL, 65UL, 1024UL, 1025UL, 2048UL, 2049UL, 4096UL}) {
        std::vector<Secret> all;
        for (char c = 'a'; c <= 'z'; ++c) all.emplace_back(std::string(size, c));
        for (char c = 'a'; c <= 'z'; ++c)
            CHECK((all[static_cast<std::size_t>(c - 'a')].reveal() == std::string(size, c)));
    }
}

TEST_CASE("a secret's memory is wiped when it goes", "[secret]") {
    const char* where = nullptr;
    {
        const Secret secret(std::string(100, 's'));
        where = secret.reveal().data();
    }
    CHECK(std::string_view(where, 100) == std::string(100, '\0'));  // the pool keeps the page
}

TEST_CASE("copies, moves and equality", "[secret]") {
    Secret a("one"), b = a;
    CHECK(a == b);
    b = Secret("two");
    CHECK_FALSE(a == b);
    const Secret c = std::move(a);
    CHECK(c.reveal() == "one");
    CHECK(Secret() == Secret(""));
    std::string text = "taken";
    CHECK(Secret::take(text).reveal() == "taken");
    CHECK(text.empty());
}

TEST_CASE("threads share the pool", "[secret]") {
    std::vector<std::jthread> threads;
    for (char c = 'a'; c < 'e'; ++c)
        threads.emplace_back([c] {
            for (int turn = 0; turn < 3000; ++turn) {
                const Secret one(std::string(40, c)), two(std::string(400, c));
                if (one.reveal() != std::string(40, c) || two.reveal() != std::string(400, c)) std::abort();
            }
        });
}
