#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/host/host.hpp>

#include <support/catch.hpp>

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace kavi;

namespace {

/// The loader run by sh on this machine, over pipes instead of SSH: the protocol's real other end. It writes its
/// records below `state`, and needs no root.
class LocalChannel final : public net::SshChannel {
  public:
    LocalChannel(std::string command, const std::string& state) {
        const std::string become_root = "$([ \"$(id -u)\" = 0 ] || echo sudo -n) ";
        command.erase(command.find(become_root), become_root.size());
        int in[2], out[2];
        REQUIRE(::pipe(in) == 0);
        REQUIRE(::pipe(out) == 0);
        child_ = ::fork();
        if (child_ == 0) {
            ::dup2(in[0], 0);
            ::dup2(out[1], 1);
            for (const int fd : {in[0], in[1], out[0], out[1]}) ::close(fd);
            ::setenv("KAVI_RUNNER_STATE", (state + "/state").c_str(), 1);
            ::setenv("KAVI_RUNNER_RUN", (state + "/run").c_str(), 1);
            ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
            ::_exit(127);
        }
        ::close(in[0]);
        ::close(out[1]);
        to_ = FileDescriptor(in[1]);
        from_ = FileDescriptor(out[0]);
    }

    ~LocalChannel() override {
        to_.close();
        from_.close();
        ::waitpid(child_, nullptr, 0);
    }

    void write(std::string_view bytes, std::stop_token) override {
        while (!bytes.empty()) {
            const auto n = ::write(to_.get(), bytes.data(), bytes.size());
            REQUIRE(n > 0);
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
    }

    void end_input() override { to_.close(); }

    std::optional<std::string> read(std::stop_token, std::chrono::milliseconds) override {
        std::string bytes(4096, '\0');
        const auto n = ::read(from_.get(), bytes.data(), bytes.size());
        if (n <= 0) return std::nullopt;
        bytes.resize(static_cast<std::size_t>(n));
        return bytes;
    }

    std::string errors() const override { return {}; }

    int status() override { return 1; }

  private:
    pid_t child_ = -1;
    FileDescriptor to_, from_;
};

class LocalSession final : public net::SshSession {
  public:
    std::unique_ptr<net::SshChannel> start(std::string_view command, std::stop_token) override {
        return std::make_unique<LocalChannel>(std::string(command), state_.path().string());
    }

    net::ExecResult exec(std::string_view,
                         std::string_view,
                         std::function<void(std::string_view)>,
                         std::stop_token,
                         std::chrono::milliseconds) override {
        throw std::logic_error("not used");
    }

  private:
    TemporaryFolder state_;
};

class LocalConnector final : public net::SshConnector {
  public:
    std::unique_ptr<net::SshSession> connect(const net::SshTarget&, std::stop_token) override {
        return std::make_unique<LocalSession>();
    }
};

struct LocalHost {
    LocalConnector connector;
    host::SshHostDialer dialer{connector, {.run = "r", .who = "test", .command = "kavi test"}};
    std::unique_ptr<host::Host> host = dialer.open({.name = "bruno"}, {});
};

}  // namespace

TEST_CASE("the runner answers in the order it is asked, over one exec", "[host]") {
    LocalHost local;
    for (int i = 0; i < 3; ++i) {
        const auto facts = local.host->call({.name = "facts", .parameters = {{"parts", {{"machine", Json::object()}}}}}, {});
        CHECK(facts["machine"]["kernel"].is_string());
        CHECK(facts["machine"]["disk_free"].is_number_integer());
    }
}

TEST_CASE("a failing part of the facts hides no other", "[host]") {
    LocalHost local;
    const auto facts = local.host->call(
        {.name = "facts", .parameters = {{"parts", {{"machine", Json::object()}, {"nonsense", Json::object()}}}}}, {});
    CHECK(facts["nonsense"]["failed"] == "unknown");
    CHECK(facts["machine"].contains("os"));
}

TEST_CASE("frames carry bytes untouched", "[host]") {
    LocalHost local;
    TemporaryFolder folder;
    const auto where = (folder.path() / "stack").string();
    std::string all_bytes;
    for (int c = 0; c < 256; ++c) all_bytes += static_cast<char>(c);
    std::string text = "$(touch /tmp/never) `id` \"'\\\n" + all_bytes;
    const auto put = [&](bool others) {
        return local.host->call({.name = "files/put",
                                 .parameters = {{"folder", where},
                                                {"folder_mode", "0700"},
                                                {"files", {{{"path", "a/b.txt"}, {"mode", "0640"}, {"frame", "one"}},
                                                           {{"path", "secret"}, {"mode", "0444"}, {"frame", "two"}}}},
                                                {"remove_others", others}},
                                 .frames = {{"one", text}, {"two", Secret(std::string(3000000, 'x'))}}},
                                {});
    };
    CHECK(put(false)["written"] == Json::array({"a/b.txt", "secret"}));
    CHECK(read_file(where + "/a/b.txt") == text);
    CHECK(read_file(where + "/secret").size() == 3000000);
    CHECK(std::filesystem::status(where).permissions() == std::filesystem::perms::owner_all);
    write_file_atomic(where + "/a/stale", "x", 0600);
    const auto again = put(true);
    CHECK(again["written"].empty());
    CHECK(again["removed"] == Json::array({"a/stale"}));
}

TEST_CASE("a path can't lead out of its folder", "[host]") {
    LocalHost local;
    TemporaryFolder folder;
    try {
        local.host->call({.name = "files/put",
                          .parameters = {{"folder", (folder.path() / "in").string()},
                                         {"files", {{{"path", "../out"}, {"mode", "0600"}, {"frame", "f"}}}}},
                          .frames = {{"f", std::string("x")}}},
                         {});
        FAIL("no error");
    } catch (const Error& error) {
        CHECK(error.code() == errors::remote_failed);
        CHECK(error.message().find("leads out of") != std::string::npos);
    }
    CHECK_FALSE(std::filesystem::exists(folder.path() / "out"));
}

TEST_CASE("an operation that the runner doesn't know is said", "[host]") {
    LocalHost local;
    CHECK_THROWS_AS(local.host->call({.name = "nonsense"}, {}), Error);
    // And the runner goes on.
    CHECK(local.host->call({.name = "facts"}, {}).empty());
}
