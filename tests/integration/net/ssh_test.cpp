#include "servers.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/process.hpp>
#include <kavi/base/text.hpp>
#include <kavi/net/ssh_libssh.hpp>

#include <filesystem>
#include <thread>

#include <support/catch.hpp>
#include <support/errors.hpp>
#include <support/sshd.hpp>

using namespace kavi;
using namespace kavi::net;
using namespace kavi::test;
using namespace std::chrono_literals;

namespace {

std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
    return count;
}

ConnectionRules local_rules() {
    return {.loopback_only = true};
}

std::string pattern(std::size_t size) {
    std::string bytes(size, '\0');
    std::uint32_t state = 1;
    for (auto& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    return bytes;
}

}  // namespace

TEST_CASE("a command gets its input and gives back both outputs and its status") {
    NEEDS_SSHD();
    Sshd server;
    SshCounts counts;
    LibsshConnector connector(local_rules(), &counts);
    const auto session = connector.connect(server.target(), {});
    const auto result = session->exec("cat; echo oh >&2; exit 3", "hello", {}, {});
    CHECK(result.output == "hello");
    CHECK(result.errors == "oh\n");
    CHECK(result.status == 3);
    CHECK(session->exec("kill -KILL $$", {}, {}, {}).status == -1);
    CHECK(session->exec("kill -KILL $$", {}, {}, {}).signal == "KILL");
    for (int i = 0; i < 12; ++i)
        CHECK(session->exec("echo " + std::to_string(i), {}, {}, {}).output == std::to_string(i) + "\n");
    CHECK(counts.connections == 1);
    CHECK(counts.execs == 15);
    CHECK(server.connections() == 1);
}

TEST_CASE("big input and big outputs at once don't block each other") {
    NEEDS_SSHD();
    Sshd server;
    LibsshConnector connector(local_rules());
    const auto session = connector.connect(server.target(), {});
    const auto data = pattern(20 << 20);
    SECTION("collected") {
        CHECK(sha256(session->exec("cat", data, {}, {}).output) == sha256(data));
    }
    SECTION("streamed, with 5 MB of errors beside") {
        std::string got;
        const auto result = session->exec("head -c 5000000 /dev/zero | tr '\\0' e >&2; echo end >&2; cat",
                                          data,
                                          [&](std::string_view bytes) { got.append(bytes); },
                                          {});
        CHECK(got.size() == data.size());
        CHECK(hex(sha256(got)) == hex(sha256(data)));
        CHECK(result.output.empty());
        CHECK(result.errors.size() == 64 * 1024);
        CHECK(
            result.errors.ends_with("eee"
                                    "end\n"));
    }
    SECTION("a command that doesn't read is no error") {
        const auto result = session->exec("echo done", data, {}, {});
        CHECK(result.output == "done\n");
        CHECK(result.status == 0);
        CHECK(session->exec("echo again", {}, {}, {}).output == "again\n");
    }
}

TEST_CASE("a command under way is talked to in turns") {
    NEEDS_SSHD();
    Sshd server;
    LibsshConnector connector(local_rules());
    const auto session = connector.connect(server.target(), {});
    const auto channel =
        session->start("while read -r line; do echo \"<$line>\"; done; echo bye >&2; exit 4", {});
    channel->write("one\n", {});
    CHECK(channel->read({}) == "<one>\n");
    channel->write("two\n", {});
    CHECK(channel->read({}) == "<two>\n");
    channel->end_input();
    CHECK(channel->read({}) == std::nullopt);
    CHECK(channel->status() == 4);
    CHECK(channel->errors() == "bye\n");
    const auto error = error_of([&] { channel->write("more", {}); });
    CHECK(error.code() == errors::ssh_unreachable);
    CHECK(causes(error) == "the command ended before it had all its input");
}

TEST_CASE("only the pinned host key is talked to, and before the login") {
    NEEDS_SSHD();
    Sshd server;
    LibsshConnector connector(local_rules());
    auto target = server.target();
    const auto shown = fingerprint_text(server.host_key().digest);
    SECTION("no pin") {
        target.pins.clear();
        const auto error = error_of([&] { connector.connect(target, {}); });
        CHECK(error.code() == errors::host_key_unpinned);
        CHECK(error.message() == "bruno has no pinned host key");
        CHECK(causes(error) == "it showed " + shown + ", which proves nothing");
    }
    SECTION("another pin") {
        target.pins = {sha256("another")};
        const auto error = error_of([&] { connector.connect(target, {}); });
        CHECK(error.code() == errors::host_key_changed);
        CHECK(error.code().exit == Exit::integrity);
        CHECK(error.message() == "the host key of bruno isn't the pinned one");
        CHECK(causes(error) == "it showed " + shown + " | pinned: " + fingerprint_text(sha256("another")));
    }
    SECTION("a pin that is cut short pins nothing") {
        target.pins = {"", server.host_key().digest.substr(0, 31)};
        CHECK(error_of([&] { connector.connect(target, {}); }).code() == errors::host_key_changed);
    }
    SECTION("one of two will do") {
        target.pins = {sha256("another"), server.host_key().digest};
        CHECK(connector.connect(target, {})->exec("true", {}, {}, {}).status == 0);
        return;
    }
    CHECK(server.log().find("Failed publickey") == std::string::npos);
    CHECK(server.log().find("Accepted") == std::string::npos);
    CHECK(server.log().find("Postponed") == std::string::npos);
}

TEST_CASE("a login that is refused says what was tried") {
    NEEDS_SSHD();
    Sshd server;
    LibsshConnector connector(local_rules());
    auto target = server.target();
    const auto other = make_ed25519_key();
    const auto refuse = [&] { return error_of([&] { connector.connect(target, {}); }); };
    SECTION("another key") {
        target.key = other.private_key;
        const auto error = refuse();
        CHECK(error.message() == "bruno refuses the login as " + target.user);
        CHECK(causes(error) == "tried the key that was given (" + fingerprint_text(other.digest) + ")");
    }
    SECTION("another key by path") {
        const auto path = server.folder() / "other";
        write_file_atomic(path, other.private_key.reveal(), 0600);
        target.key.reset();
        target.key_path = path.string();
        CHECK(causes(refuse()) == "tried " + path.string() + " (" + fingerprint_text(other.digest) + ")");
    }
    SECTION("a key with a passphrase") {
        const auto path = server.folder() / "locked";
        REQUIRE(run_command(
                    {.arguments = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "secret words", "-f", path}})
                    .status == 0);
        target.key.reset();
        target.key_path = path.string();
        CHECK(causes(refuse()) == path.string() + " is protected by a passphrase");
    }
    SECTION("something that is no key") {
        target.key = Secret("not a key");
        CHECK(causes(refuse()) == "the key that was given isn't a private key that can be used");
    }
    SECTION("nothing to try") {
        target.key.reset();
        CHECK(causes(refuse()) == "there is neither a key nor an agent to try");
    }
    SECTION("an agent that isn't there") {
        target.key.reset();
        target.agent_socket = (server.folder() / "agent").string();
        CHECK(causes(refuse()) == "no agent answers at " + *target.agent_socket);
    }
    CHECK(refuse().code() == errors::ssh_auth);
}

TEST_CASE("the agent's key is used, and a key by path") {
    NEEDS_SSHD();
    Sshd server;
    LibsshConnector connector(local_rules());
    auto target = server.target();
    target.key.reset();
    const auto path = server.folder() / "user_key";
    write_file_atomic(path, server.user_key().private_key.reveal(), 0600);
    SECTION("path") {
        target.key_path = path.string();
        CHECK(connector.connect(target, {})->exec("true", {}, {}, {}).status == 0);
    }
    SECTION("agent") {
        const auto socket = (server.folder() / "agent").string();
        std::jthread agent([&](std::stop_token stop) {
            run_command({.arguments = {"ssh-agent", "-D", "-a", socket}}, stop);
        });
        for (int i = 0; i < 500 && !std::filesystem::exists(socket); ++i) std::this_thread::sleep_for(2ms);
        REQUIRE(
            run_command({.arguments = {"ssh-add", "-q", path}, .environment = {{"SSH_AUTH_SOCK", socket}}})
                .status == 0);
        target.agent_socket = socket;
        CHECK(connector.connect(target, {})->exec("true", {}, {}, {}).status == 0);
        REQUIRE(
            run_command({.arguments = {"ssh-add", "-q", "-D"}, .environment = {{"SSH_AUTH_SOCK", socket}}})
                .status == 0);
        const auto error = error_of([&] { connector.connect(target, {}); });
        CHECK(error.code() == errors::ssh_auth);
        CHECK(causes(error) == "tried the agent's keys (" + socket + ")");
    }
}

TEST_CASE("a line that is cut while a command runs is an error, at once") {
    NEEDS_SSHD();
    Sshd server;
    LibsshConnector connector(local_rules());
    const auto session = connector.connect(server.target(), {});
    const auto begin = std::chrono::steady_clock::now();
    const auto error = error_of(
        [&] { session->exec("echo here; sleep 60", {}, [&](std::string_view) { server.cut(); }, {}); });
    CHECK(error.code() == errors::ssh_unreachable);
    CHECK(error.message() == "bruno can't be reached by SSH");
    CHECK_THAT(causes(error), ContainsSubstring("the connection broke"));
    CHECK(std::chrono::steady_clock::now() - begin < 5s);
    CHECK(error_of([&] { session->exec("true", {}, {}, {}); }).code() == errors::ssh_unreachable);
}

TEST_CASE("a line that is cut while input goes out is an error, and no signal") {
    NEEDS_SSHD();
    Sshd server;
    LibsshConnector connector(local_rules());
    const auto session = connector.connect(server.target(), {});
    const auto channel = session->start("cat >/dev/null", {});
    const std::string piece(1 << 20, 'x');
    channel->write(piece, {});
    server.cut();
    const auto error = error_of([&] {
        for (int i = 0; i < 64; ++i) channel->write(piece, {});
    });
    CHECK(error.code() == errors::ssh_unreachable);
}

TEST_CASE("one session slot is enough for commands that follow each other") {
    NEEDS_SSHD();
    Sshd server({.max_sessions = 1, .more_config = {}});
    LibsshConnector connector(local_rules());
    const auto session = connector.connect(server.target(), {});
    for (int i = 0; i < 10; ++i) CHECK(session->exec("true", {}, {}, {}).status == 0);
    const auto running = session->start("cat", {});
    CHECK(error_of([&] { session->exec("true", {}, {}, {}); }).code() == errors::ssh_unreachable);
    running->end_input();
    CHECK(running->read({}) == std::nullopt);
    CHECK(session->exec("true", {}, {}, {}).status == 0);
}

TEST_CASE("a stop request is seen within 200 ms, and the session lives on") {
    NEEDS_SSHD();
    Sshd server;
    LibsshConnector connector(local_rules());
    const auto session = connector.connect(server.target(), {});
    std::stop_source source;
    std::chrono::steady_clock::time_point asked;
    std::jthread asker;
    const auto error = error_of([&] {
        session->exec(
            "echo here; exec sleep 60",
            {},
            [&](std::string_view) {
                asker = std::jthread([&] {
                    std::this_thread::sleep_for(30ms);
                    asked = std::chrono::steady_clock::now();
                    source.request_stop();
                });
            },
            source.get_token());
    });
    CHECK(error.code() == errors::interrupted);
    CHECK(std::chrono::steady_clock::now() - asked < 200ms);
    CHECK(session->exec("echo alive", {}, {}, {}).output == "alive\n");
    CHECK(error_of([&] { connector.connect(server.target(), source.get_token()); }).code() ==
          errors::interrupted);
}

TEST_CASE("silence has a limit") {
    NEEDS_SSHD();
    Sshd server;
    LibsshConnector connector(local_rules());
    const auto session = connector.connect(server.target(), {});
    const auto error = error_of([&] { session->exec("exec sleep 60", {}, {}, {}, 150ms); });
    CHECK(error.code() == errors::ssh_unreachable);
    CHECK(causes(error) == "it has been silent for too long");
}

TEST_CASE("no descriptor is lost") {
    NEEDS_SSHD();
    Sshd server;
    LibsshConnector connector(local_rules());
    connector.connect(server.target(), {});
    const auto before = open_descriptors();
    for (int i = 0; i < 5; ++i) connector.connect(server.target(), {})->exec("true", {}, {}, {});
    auto wrong = server.target();
    wrong.pins = {sha256("another")};
    error_of([&] { connector.connect(wrong, {}); });
    CHECK(open_descriptors() == before);
}

TEST_CASE("what can't be reached says why, in the time that it has") {
    LibsshConnector connector(local_rules());
    SshTarget target{.name = "bruno", .host = "127.0.0.1", .pins = {sha256("x")}, .connect_timeout = 200ms};
    const auto begin = std::chrono::steady_clock::now();
    SECTION("refused") {
        target.port = closed_port();
        const auto error = error_of([&] { connector.connect(target, {}); });
        CHECK(error.code() == errors::ssh_unreachable);
        CHECK(error.message() == "bruno can't be reached by SSH");
        CHECK(causes(error) == "127.0.0.1:" + std::to_string(target.port) + ": Connection refused");
    }
    SECTION("silent") {
        const RawServer server([](int connection, int) { read_request(connection); });
        target.port = server.port();
        const auto error = error_of([&] { connector.connect(target, {}); });
        CHECK(error.code() == errors::ssh_unreachable);
        CHECK(causes(error) == "the key exchange timed out");
    }
    SECTION("something else") {
        const RawServer server([](int connection, int) {
            send_text(connection, "HTTP/1.1 400 Bad Request\r\n\r\n");
            read_request(connection);
        });
        target.port = server.port();
        CHECK(error_of([&] { connector.connect(target, {}); }).code() == errors::ssh_unreachable);
    }
    SECTION("it hangs up") {
        const RawServer server([](int, int) {});
        target.port = server.port();
        const auto error = error_of([&] { connector.connect(target, {}); });
        CHECK(error.code() == errors::ssh_unreachable);
        CHECK_THAT(causes(error), ContainsSubstring("the key exchange failed"));
    }
    CHECK(std::chrono::steady_clock::now() - begin < 2s);
}

TEST_CASE("a stop request is seen during the key exchange") {
    std::stop_source source;
    const RawServer server([&](int connection, int) {
        source.request_stop();
        read_request(connection);
    });
    LibsshConnector connector(local_rules());
    const SshTarget target{
        .name = "bruno", .host = "127.0.0.1", .port = server.port(), .pins = {sha256("x")}};
    const auto begin = std::chrono::steady_clock::now();
    CHECK(error_of([&] { connector.connect(target, source.get_token()); }).code() == errors::interrupted);
    CHECK(std::chrono::steady_clock::now() - begin < 300ms);
}

TEST_CASE("KAVI_LOOPBACK_ONLY keeps SSH on this machine, and KAVI_CONNECT_TO leads it") {
    NEEDS_SSHD();
    Sshd server;
    auto target = server.target();
    SECTION("an address that isn't mapped") {
        const auto host = GENERATE(as<std::string>(), "203.0.113.7", "2001:db8::7", "bruno.invalid");
        target.host = host;
        const auto error = error_of([&] { LibsshConnector(local_rules()).connect(target, {}); });
        CHECK(error.code() == errors::address_forbidden);
        CHECK(server.connections() == 0);
    }
    SECTION("one that is") {
        target.host = "203.0.113.7";
        target.port = 22;
        auto rules = local_rules();
        rules.connect_to = {{"203.0.113.7:22", "127.0.0.1:" + std::to_string(server.port())}};
        CHECK(LibsshConnector(rules).connect(target, {})->exec("true", {}, {}, {}).status == 0);
    }
    SECTION("this machine by name") {
        target.host = "localhost";
        CHECK(LibsshConnector(local_rules()).connect(target, {})->exec("true", {}, {}, {}).status == 0);
    }
}

TEST_CASE("ssh-keygen agrees about a key made here") {
    const TemporaryFolder folder;
    const auto comment = GENERATE(as<std::string>(), "", "a", "kavi K1 of bruno, 2026-11-25");
    const auto key = make_ed25519_key(comment);
    const auto path = folder.path() / "key";
    write_file_atomic(path, key.private_key.reveal(), 0600);
    write_file_atomic(folder.path() / "key.pub", key.public_line + "\n", 0600);
    const auto derived = run_command({.arguments = {"ssh-keygen", "-y", "-f", path}});
    CHECK(derived.output == key.public_line + "\n");
    const auto listed = run_command({.arguments = {"ssh-keygen", "-lf", folder.path() / "key.pub"}});
    CHECK_THAT(listed.output, ContainsSubstring(" " + fingerprint_text(key.digest) + " "));
    REQUIRE(
        run_command({.arguments = {"ssh-keygen", "-q", "-p", "-P", "", "-N", "words", "-f", path}}).status ==
        0);
    CHECK(is_encrypted_key(read_file(path)));
    const auto pem = folder.path() / "pem";
    REQUIRE(
        run_command({.arguments = {"ssh-keygen", "-q", "-m", "PEM", "-t", "ecdsa", "-N", "words", "-f", pem}})
            .status == 0);
    CHECK(is_encrypted_key(read_file(pem)));
}
