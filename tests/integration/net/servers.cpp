#include "servers.hpp"

#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>

#include <httplib.h>

#include <stdexcept>
#include <thread>
#include <utility>

#include <poll.h>

namespace kavi::test {

struct HttpServer::Parts {
    std::unique_ptr<httplib::Server> server;
    std::string scheme;
    int port = 0;
    std::jthread thread;
};

HttpServer::HttpServer(const std::function<void(httplib::Server&)>& set_up, const std::string& certificates)
    : parts_(std::make_unique<Parts>()) {
    auto& parts = *parts_;
    parts.scheme = certificates.empty() ? "http" : "https";
    if (certificates.empty())
        parts.server = std::make_unique<httplib::Server>();
    else
        parts.server = std::make_unique<httplib::SSLServer>((certificates + "/certificate.pem").c_str(),
                                                            (certificates + "/key.pem").c_str());
    parts.server->new_task_queue = [] { return new httplib::ThreadPool(64); };
    parts.server->set_keep_alive_max_count(10'000);
    parts.server->set_keep_alive_timeout(1);
    parts.server->set_tcp_nodelay(true);
    set_up(*parts.server);
    int listening = -1;
    parts.server->set_socket_options([&](int socket) { listening = socket; });
    parts.port = parts.server->bind_to_any_port("127.0.0.1");
    if (parts.port <= 0 || ::listen(listening, 128) != 0) throw std::runtime_error("no loopback port");
    parts.thread = std::jthread([&parts] { parts.server->listen_after_bind(); });
    while (!parts.server->is_running()) std::this_thread::yield();
}

HttpServer::~HttpServer() {
    parts_->server->stop();
}

std::string HttpServer::url() const {
    return parts_->scheme + "://127.0.0.1:" + std::to_string(port());
}

int HttpServer::port() const {
    return parts_->port;
}

namespace {

FileDescriptor loopback_socket(int& port) {
    FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
        throw std::runtime_error("no loopback port");
    port = ntohs(address.sin_port);
    return socket;
}

}  // namespace

struct RawServer::Parts {
    std::function<void(int, int)> serve;
    int port = 0;
    FileDescriptor socket = loopback_socket(port);
    std::jthread thread;

    void accept_all(std::stop_token stop) {
        for (int number = 1; !stop.stop_requested();) {
            pollfd polled{socket.get(), POLLIN, 0};
            if (::poll(&polled, 1, 10) <= 0) continue;
            const FileDescriptor connection(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (connection) serve(connection.get(), number++);
        }
    }
};

RawServer::RawServer(std::function<void(int, int)> serve) : parts_(std::make_unique<Parts>()) {
    parts_->serve = std::move(serve);
    if (::listen(parts_->socket.get(), 16) != 0) throw std::runtime_error("can't listen");
    parts_->thread = std::jthread([this](std::stop_token stop) { parts_->accept_all(stop); });
}

RawServer::~RawServer() = default;

std::string RawServer::url() const {
    return "http://127.0.0.1:" + std::to_string(port());
}

int RawServer::port() const {
    return parts_->port;
}

std::string read_request(int connection) {
    std::string text;
    char buffer[4096];
    std::size_t whole = 0;
    while (whole == 0 || text.size() < whole) {
        const auto count = ::recv(connection, buffer, sizeof buffer, 0);
        if (count <= 0) return {};
        text.append(buffer, static_cast<std::size_t>(count));
        const auto end = text.find("\r\n\r\n");
        if (end == std::string::npos) continue;
        const auto length = lower(text).find("content-length: ");
        whole = end + 4 + (length < end ? std::stoul(text.substr(length + 16)) : 0);
    }
    return text;
}

void send_text(int connection, const std::string& text) {
    if (::send(connection, text.data(), text.size(), MSG_NOSIGNAL) < 0)
        throw std::runtime_error("can't send");
}

int closed_port() {
    int port = 0;
    loopback_socket(port);
    return port;
}

}  // namespace kavi::test
