// bench_store put|put2|get NAME < DATA: one file up from standard input by one or two connections, or down to
// standard output, with the store's description (docs/backups.md) in $STORE. For tests/bench/backup.py.
#include <kavi/base/json.hpp>
#include <kavi/net/curl_transport.hpp>
#include <kavi/net/ssh_libssh.hpp>
#include <kavi/store/target.hpp>

#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

using namespace kavi;

namespace {

struct Tools {
    net::LibsshConnector ssh{net::ConnectionRules{}};
    net::CurlTransport http{net::CurlOptions{}};
    SystemClock clock;
    store::StoreTarget target;

    explicit Tools(const char* description)
        : target(store::read_store_target(parse_json(description, "$STORE"))) {}

    std::unique_ptr<store::Store> open() { return store::open_store(target, {ssh, http, clock}, {}); }
};

constexpr std::size_t piece = std::size_t{128} << 10;

void put(Tools& tools, const std::string& name) {
    const auto box = tools.open();
    const auto upload = box->create(name);
    std::string buffer(piece, '\0');
    for (ssize_t count = 0; (count = ::read(0, buffer.data(), buffer.size())) > 0;)
        upload->write(std::string_view(buffer).substr(0, static_cast<std::size_t>(count)));
    upload->finish();
}

/// All of it in memory first, then half by each of two connections.
void put_twice(Tools& tools, const std::string& name) {
    std::string all, buffer(piece, '\0');
    for (ssize_t count = 0; (count = ::read(0, buffer.data(), buffer.size())) > 0;)
        all.append(buffer, 0, static_cast<std::size_t>(count));
    const auto begin = std::chrono::steady_clock::now();
    const auto send = [&](std::string_view half, const std::string& to) {
        const auto box = tools.open();
        const auto upload = box->create(to);
        upload->write(half);
        upload->finish();
    };
    {
        const std::jthread first([&] { send(std::string_view(all).substr(0, all.size() / 2), name + "-1"); });
        const std::jthread second([&] { send(std::string_view(all).substr(all.size() / 2), name + "-2"); });
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::cout << took.count() << '\n';
}

void get(Tools& tools, const std::string& name) {
    tools.open()->read(name, [](std::string_view bytes) {
        while (!bytes.empty()) {
            const auto count = ::write(1, bytes.data(), bytes.size());
            if (count <= 0) std::exit(1);
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
    });
}

}  // namespace

int main(int count, char** arguments) try {
    const char* description = std::getenv("STORE");
    if (count != 3 || !description) return 2;
    const std::string what = arguments[1], name = arguments[2];
    Tools tools(description);
    if (what == "put") put(tools, name);
    if (what == "put2") put_twice(tools, name);
    if (what == "get") get(tools, name);
    return 0;

} catch (const Error& error) {
    std::cerr << error.message() << '\n';
    for (const auto& cause : error.causes()) std::cerr << "  " << cause << '\n';
    return 1;
}
