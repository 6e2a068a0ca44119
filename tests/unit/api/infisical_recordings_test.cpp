#include "support/catch.hpp"
#include "support/specs.hpp"

#include <kavi/api/infisical_wire.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>

#include <iostream>

// Every exchange that was recorded with two real servers: each refusal comes to the error and exit code that
// it should, each list is read, and no message of an error holds a value.

using namespace kavi;
using namespace kavi::api;

namespace {

constexpr std::string_view base = "https://secrets.test";

struct Recording {
    std::string name, method, path;
    net::Response response;
};

Recording read_recording(const std::filesystem::path& file) {
    const auto json = parse_json(read_file(file), file.string());
    const auto& response = json["response"];
    Recording recording{string_or(json, "name"),
                        string_or(json["request"], "method"),
                        string_or(json["request"], "path"),
                        {}};
    recording.response.status = response["status"].get<int>();
    recording.response.body = response.contains("body") && !response["body"].is_null()
                                  ? response["body"].dump()
                                  : string_or(response, "body_text");
    return recording;
}

/// The exit code that a refusal should lead to, by the facts on the API.
Exit wanted_exit(const Recording& one, const std::string& error, const std::string& message) {
    const bool login = one.path.find("/login") != std::string::npos;
    switch (one.response.status) {
        case 401:
            return Exit::credentials;
        case 403:
            return Exit::credentials;
        case 404:
            return error == "Not Found" ? Exit::unreachable : Exit::config;
        case 422:
            return login ? Exit::credentials : Exit::failed;
        case 429:
            return Exit::unreachable;
        case 500:
            return Exit::unreachable;
        default:
            return message.empty() ? Exit::unreachable : Exit::failed;
    }
}

}  // namespace

TEST_CASE("every recorded refusal of Infisical comes to an error that says what to do", "[infisical]") {
    const auto specs = test::specs_folder("infisical-recordings");
    if (!specs) {
        std::cout << "SKIPPED: Infisical's recordings (set KAVI_SPECS to the folder that holds "
                     "infisical-recordings)\n";
        return;
    }
    int refusals = 0, lists = 0;
    for (const auto& entry : std::filesystem::directory_iterator(*specs / "infisical-recordings")) {
        if (entry.path().extension() != ".json") continue;
        auto one = read_recording(entry.path());
        CAPTURE(one.name);
        if (one.response.status >= 400) {
            ++refusals;
            const auto complaint = infisical::complaint_of(one.response);
            const bool login = one.path.find("/login") != std::string::npos;
            const auto error = login ? infisical::login_error_of(complaint, base)
                                     : infisical::error_of(complaint, "do it", base);
            CHECK(error.code().exit == wanted_exit(one, complaint.error, complaint.message));
            if (!complaint.message.empty()) CHECK_FALSE(error.causes().empty());
        } else if (one.response.status == 200 && one.method == "GET" &&
                   (one.path == "/api/v4/secrets" || one.path == "/api/v3/secrets/raw")) {
            ++lists;
            const auto body = parse_json(one.response.body, one.name);
            const auto listing = infisical::listing_of(infisical::body_of(one.response, base));
            CHECK(listing.secrets.size() == body["secrets"].size());
            CHECK(one.response.body.empty());
        }
    }
    CHECK(refusals > 50);
    CHECK(lists > 25);
}

TEST_CASE("recorded lists merge by the server's precedence", "[infisical]") {
    const auto specs = test::specs_folder("infisical-recordings");
    if (!specs) {
        std::cout << "SKIPPED: Infisical's recordings\n";
        return;
    }
    const auto values = [&](const std::string& name) {
        auto one = read_recording(*specs / "infisical-recordings" / (name + ".json"));
        return merged(infisical::listing_of(infisical::body_of(one.response, base)));
    };
    const auto forgejo = values("v4-secrets-list-forgejo-with-imports");
    CHECK(forgejo.at("SECRET_KEY").reveal() == "forgejo-secret");
    CHECK(forgejo.at("SHARED_ONLY").reveal() == "from-staging-infra");  // the last import wins
    CHECK(forgejo.at("ROOT_CA").reveal().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    const auto personal = values("v4-secrets-list-user-personal");
    CHECK_FALSE(personal.empty());
    try {
        values("v4-secrets-list-values-hidden");
        FAIL("hidden values were taken");
    } catch (const Error& error) {
        CHECK(error.code() == errors::rights_missing);
    }
}
