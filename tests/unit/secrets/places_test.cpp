#include "support/catch.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/process.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/secrets/places.hpp>

using namespace kavi;
using namespace kavi::ops;

namespace {

/// Runs the commands here: a server's by a shell, a Storage Box's by words.
class LocalSession final : public net::SshSession {
  public:
    enum class Kind { server, box };

    LocalSession(Kind kind, std::filesystem::path home) : kind_(kind), home_(std::move(home)) {}

    std::unique_ptr<net::SshChannel> start(std::string_view, std::stop_token) override { return nullptr; }

    net::ExecResult exec(std::string_view command,
                         std::string_view input,
                         std::function<void(std::string_view)>,
                         std::stop_token,
                         std::chrono::milliseconds) override {
        auto words = kind_ == Kind::server ? std::vector<std::string>{"sh", "-c", std::string(command)}
                                           : split(command, ' ');
        const auto finished =
            run_command({.arguments = std::move(words), .input = std::string(input), .folder = home_});
        return {finished.status, finished.output, finished.errors};
    }

  private:
    Kind kind_;
    std::filesystem::path home_;
};

struct Sessions final : PlaceSessions {
    LocalSession eva, box;
    bool down = false;

    explicit Sessions(const std::filesystem::path& home)
        : eva(LocalSession::Kind::server, home), box(LocalSession::Kind::box, home) {}

    net::SshSession& server(const model::Server&, std::stop_token) override {
        if (down) throw Error(errors::ssh_unreachable, "eva can't be reached");
        return eva;
    }

    net::SshSession& storage(const model::Storage&, std::stop_token) override { return box; }
};

}  // namespace

TEST_CASE("files on servers and storages are written whole and read back", "[places]") {
    const TemporaryFolder folder;
    Sessions sessions(folder.path());
    model::Estate estate;
    estate.folder = (folder.path() / "estate").string();
    estate.servers["eva"].name = "eva";
    estate.storages["box"].name = "box";
    estate.storages["objects"].kind = model::Storage::Kind::s3;
    EstatePlaces places(estate, sessions);
    const std::string bytes("\0\n'\"$x age\xff", 12);
    const auto odd = (folder.path() / "a b'$(touch x)/s.age").string();
    for (const auto& place : std::vector<model::Place>{{"eva", odd}, {"box", "kavi/s.age"}, {"", "s.age"}}) {
        CAPTURE(place.text());
        CHECK_FALSE(places.read(place, {}));
        places.write(place, bytes, {});
        CHECK(places.read(place, {}) == bytes);
        places.write(place, "shorter", {});
        CHECK(places.read(place, {}) == "shorter");
    }
    CHECK_FALSE(std::filesystem::exists(folder.path() / "x"));
    const auto mode = std::filesystem::status(odd).permissions() & std::filesystem::perms::mask;
    CHECK(mode == std::filesystem::perms(0600));

    CHECK_THROWS_WITH(places.read({"box", "a b; rm"}, {}), "a b; rm is no path that a Storage Box takes");
    CHECK_THROWS_WITH(places.read({"box", "-rf"}, {}), "-rf is no path that a Storage Box takes");
    CHECK_THROWS_WITH(places.read({"eva", "relative"}, {}), "relative is no absolute path on a server");
    CHECK_THROWS_WITH(places.read({"objects", "s.age"}, {}), "objects:s.age can't be reached from here");
    std::filesystem::create_directories(folder.path() / "taken");
    CHECK_THROWS_WITH(places.read({"eva", (folder.path() / "taken").string()}, {}),
                      "can't read " + (folder.path() / "taken").string());
    sessions.down = true;
    CHECK_THROWS_WITH(places.read({"eva", odd}, {}), "eva can't be reached");
}
