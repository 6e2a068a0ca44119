#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/trust/labels.hpp>

#include <regex>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::ops;
using namespace std::chrono_literals;

namespace {

const std::string k1 = sha256("one"), k2 = sha256("two");
const Secret key("pin key");
constexpr std::chrono::sys_seconds then = std::chrono::sys_days(std::chrono::year(2026) / 11 / 25) + 10h;

api::HetznerServer server() {
    return {.id = 42,
            .name = "bruno",
            .created = "2026-11-25T10:00:20+00:00",
            .labels = {{"kavi-estate", "kavi"}}};
}

void lay(api::HetznerServer& server,
         const Trust& trust,
         std::optional<std::int64_t> id,
         const Secret& with = key) {
    for (const auto& [name, value] : trust_labels(trust, "kavi", server.name, id, with))
        if (value)
            server.labels[name] = *value;
        else
            server.labels.erase(name);
}

std::string refusal(const api::HetznerServer& server,
                    std::string_view estate = "kavi",
                    const Secret& with = key) {
    try {
        read_trust(server, estate, with);
    } catch (const Error& error) {
        CHECK(error.code() == errors::integrity);
        CHECK(error.message() == "the host key labels of server " + server.name + " can't be trusted");
        return error.causes().front();
    }
    return "none";
}

const std::string wrong_mac =
    "their MAC is missing or wrong: they weren't written by this estate's kavi for this server, "
    "or the fingerprint key is another one";

}  // namespace

TEST_CASE("trust survives the way into labels and back") {
    const auto [trust, id] = GENERATE(values<std::pair<Trust, std::optional<std::int64_t>>>({
        {{TrustPhase::boot, {k1}, then}, std::nullopt},
        {{TrustPhase::rotating, {k1, k2}, then}, 42},
        {{TrustPhase::ready, {k2}, then}, 42},
    }));
    auto bruno = server();
    lay(bruno, trust, id);
    CHECK(read_trust(bruno, "kavi", key) == trust);
}

TEST_CASE("labels hold only what Hetzner allows, and the whole digest") {
    const std::regex allowed("[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?");
    for (const auto& [name, value] : trust_labels(
             {TrustPhase::rotating, {std::string(32, '\xff'), k2}, then}, "kavi", "bruno", 42, key)) {
        CAPTURE(name, *value);
        CHECK(std::regex_match(name, allowed));
        CHECK(std::regex_match(*value, allowed));
    }
    const auto labels = trust_labels({TrustPhase::ready, {k2}, then}, "kavi", "bruno", 42, key);
    CHECK(labels.at("kavi-pin-1")->size() == 52);
    CHECK(labels.at("kavi-pin-2") == std::nullopt);
    CHECK(labels.at("kavi-time") == "20261125T100000Z");
}

TEST_CASE("a server without any of these labels has no trust, and that is all") {
    CHECK(read_trust(server(), "kavi", key) == std::nullopt);
}

TEST_CASE("labels that were changed, removed or copied are refused") {
    auto bruno = server();
    lay(bruno, {TrustPhase::ready, {k2}, then}, 42);
    SECTION("another pin") {
        bruno.labels["kavi-pin-1"] = base32(k1);
        CHECK(refusal(bruno) == wrong_mac);
    }
    SECTION("another time") {
        bruno.labels["kavi-time"] = "20261125T100001Z";
        CHECK(refusal(bruno) == wrong_mac);
    }
    SECTION("no MAC") {
        bruno.labels.erase("kavi-mac");
        CHECK(refusal(bruno) == wrong_mac);
    }
    SECTION("on another server") {
        bruno.id = 43;
        CHECK(refusal(bruno) == wrong_mac);
    }
    SECTION("another estate") {
        CHECK(refusal(bruno, "other") == wrong_mac);
    }
    SECTION("another fingerprint key") {
        CHECK(refusal(bruno, "kavi", Secret("other")) == wrong_mac);
    }
    SECTION("another phase") {
        bruno.labels["kavi-phase"] = "boot";
        CHECK(refusal(bruno) == wrong_mac);
        bruno.labels["kavi-phase"] = "rotating";
        CHECK(refusal(bruno) == "kavi-pin-2 doesn't fit the phase rotating");
        bruno.labels["kavi-phase"] = "";
        CHECK(refusal(bruno) == "kavi-phase is ''");
    }
    SECTION("one pin more") {
        bruno.labels["kavi-pin-2"] = base32(k1);
        CHECK(refusal(bruno) == "kavi-pin-2 doesn't fit the phase ready");
    }
    SECTION("all but one removed") {
        for (const auto* name : {"kavi-phase", "kavi-pin-1", "kavi-time"}) bruno.labels.erase(name);
        CHECK(refusal(bruno) == "kavi-phase is ''");
    }
    SECTION("a pin that only looks like one") {
        auto text = base32(k2);
        for (const auto& broken :
             {text + "a", text.substr(1), text.substr(0, 51) + "b", std::string(52, '1')}) {
            bruno.labels["kavi-pin-1"] = broken;
            CAPTURE(broken);
            CHECK(refusal(bruno) == "kavi-pin-1 doesn't fit the phase ready");
        }
    }
    SECTION("a time that is none") {
        bruno.labels["kavi-time"] = "20261325T100000Z";
        CHECK(refusal(bruno) == "kavi-time is no time");
    }
}

TEST_CASE("labels of a new server hold only for one that was made then") {
    auto bruno = server();
    lay(bruno, {TrustPhase::boot, {k1}, then}, std::nullopt);
    CHECK(refusal(bruno) == "none");
    SECTION("replayed on a later server of the same name") {
        bruno.created = "2026-11-26T10:00:20+00:00";
        CHECK(refusal(bruno) ==
              "they were written at 20261125T100000Z for a new server, but this one was created at "
              "20261126T100020Z");
    }
    SECTION("an older server") {
        bruno.created = "2026-11-20T10:00:20+00:00";
        CHECK(refusal(bruno) != "none");
    }
    SECTION("a server of another name") {
        bruno.name = "eva";
        CHECK(refusal(bruno) == wrong_mac);
    }
    SECTION("nobody knows when") {
        bruno.created = "";
        CHECK(refusal(bruno) == "Hetzner doesn't say when it was created");
    }
}
