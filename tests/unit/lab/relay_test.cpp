#include <condition_variable>
#include <mutex>
#include <thread>

#include <network/plain_socket.hpp>
#include <network/relay.hpp>
#include <support/catch.hpp>
#include <sys/socket.h>

using namespace kavi;
using namespace kavi::lab;
using namespace std::chrono_literals;

namespace {

/// An echo server behind a relay, and what the relay says of connections that ended.
class Bench {
  public:
    Bench() {
        thread_ = std::jthread([this](std::stop_token stop) {
            while (!stop.stop_requested()) {
                const FileDescriptor client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
                char buffer[65536];
                for (;;) {
                    const auto got = ::recv(client.get(), buffer, sizeof buffer, 0);
                    if (got <= 0 || !write_all(client.get(), {buffer, static_cast<std::size_t>(got)})) break;
                }
            }
        });
        port = relay.listen("127.0.0.1", 0, "eva", "127.0.0.1", port_of(listener_.get()));
    }

    ~Bench() {
        thread_.request_stop();
        ::shutdown(listener_.get(), SHUT_RDWR);
    }

    RelayRecord ended() {
        std::unique_lock lock(mutex_);
        REQUIRE(arrived_.wait_for(lock, 5s, [&] { return !records_.empty(); }));
        return records_.front();
    }

    std::string exchange(const FileDescriptor& client, std::string_view line) {
        write_all(client.get(), line);
        return read_all(client.get(), true);
    }

    FileDescriptor connect() {
        auto client = connect_to("127.0.0.1", port);
        limit_waiting(client.get(), 2);
        return client;
    }

  private:
    FileDescriptor listener_ = listen_at("127.0.0.1", 0);
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::vector<RelayRecord> records_;
    std::jthread thread_;

  public:
    Relay relay{[this](const RelayRecord& record) {
        const std::scoped_lock lock(mutex_);
        records_.push_back(record);
        arrived_.notify_all();
    }};
    int port = 0;
};

}  // namespace

TEST_CASE("the relay carries bytes and counts round trips") {
    Bench bench;
    {
        const auto client = bench.connect();
        CHECK(bench.exchange(client, "one\n") == "one\n");
        CHECK(bench.exchange(client, "two\n") == "two\n");
    }
    const auto record = bench.ended();
    CHECK(record.name == "eva");
    CHECK(record.bytes_up == 8);
    CHECK(record.bytes_down == 8);
    CHECK(record.flights == 2);
}

TEST_CASE("delay counts both ways, and once more for the handshake") {
    Bench bench;
    bench.relay.set_rule("eva", {.delay = 30ms});
    const auto start = std::chrono::steady_clock::now();
    const auto client = bench.connect();
    CHECK(bench.exchange(client, "x\n") == "x\n");
    CHECK(std::chrono::steady_clock::now() - start >= 120ms);
}

TEST_CASE("a cut line is silent until it is mended") {
    Bench bench;
    const auto client = bench.connect();
    CHECK(bench.exchange(client, "a\n") == "a\n");
    bench.relay.set_rule("eva", {.cut = true});
    limit_waiting(client.get(), 1);
    CHECK(bench.exchange(client, "b\n").empty());
    bench.relay.set_rule("eva", {});
    CHECK(read_all(client.get(), true) == "b\n");
}

TEST_CASE("connections are reset after so many bytes, and refused beyond the limit") {
    Bench bench;
    bench.relay.set_rule("eva", {.cut_after = 4});
    auto client = bench.connect();
    CHECK(bench.exchange(client, "abcdefgh\n").empty());
    bench.relay.set_rule("eva", {.most_connections = 0});
    client = bench.connect();
    CHECK(bench.exchange(client, "x\n").empty());
}

TEST_CASE("a target that refuses resets the client") {
    Relay relay([](const RelayRecord&) {});
    const int closed = port_of(listen_at("127.0.0.1", 0).get());
    const auto client = connect_to("127.0.0.1", relay.listen("127.0.0.1", 0, "gone", "127.0.0.1", closed));
    limit_waiting(client.get(), 5);
    CHECK(read_all(client.get(), true).empty());
}
