#include "tls_front.hpp"

#include "apis/background.hpp"
#include "lab/tools.hpp"
#include "network/plain_socket.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <atomic>
#include <string_view>

#include <poll.h>
#include <sys/socket.h>

namespace kavi::lab {
namespace {

using TlsPointer = std::unique_ptr<SSL, decltype(&::SSL_free)>;
using ContextPointer = std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)>;

/// One side of the connection: bytes as they are, or through TLS.
class Side {
  public:
    Side(int socket, SSL* tls) : socket_(socket), tls_(tls) {}

    int socket() const { return socket_; }

    bool has_buffered() const { return tls_ && ::SSL_pending(tls_) > 0; }

    /// 0 or less: the end.
    int read(char* buffer, int size) const {
        if (tls_) return ::SSL_read(tls_, buffer, size);
        return static_cast<int>(::recv(socket_, buffer, static_cast<std::size_t>(size), 0));
    }

    bool write(std::string_view bytes) const {
        if (!tls_) return write_all(socket_, bytes);
        std::size_t written = 0;
        return ::SSL_write_ex(tls_, bytes.data(), bytes.size(), &written) == 1;
    }

  private:
    int socket_;
    SSL* tls_;
};

/// Carries bytes both ways until one side ends.
void carry(const Side& one, const Side& other, const std::stop_token& stop) {
    std::string buffer(65536, '\0');
    const auto move = [&](const Side& from, const Side& to) {
        const int got = from.read(buffer.data(), static_cast<int>(buffer.size()));
        return got > 0 && to.write(std::string_view(buffer).substr(0, static_cast<std::size_t>(got)));
    };
    while (!stop.stop_requested()) {
        pollfd polled[2] = {{one.socket(), POLLIN, 0}, {other.socket(), POLLIN, 0}};
        if (!one.has_buffered() && !other.has_buffered()) ::poll(polled, 2, 200);
        if ((one.has_buffered() || polled[0].revents) && !move(one, other)) return;
        if ((other.has_buffered() || polled[1].revents) && !move(other, one)) return;
    }
}

void say(const Side& side, int status, std::string_view what) {
    side.write(
        fmt::format("HTTP/1.1 {} {}\r\nserver: cloudflare\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                    status,
                    what));
}

ContextPointer server_context(const std::string& certificate, const std::string& key) {
    ContextPointer context(::SSL_CTX_new(::TLS_server_method()), ::SSL_CTX_free);
    if (::SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) != 1 ||
        ::SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1)
        throw lab_error(fmt::format("the certificate {} can't be used", certificate));
    return context;
}

ContextPointer client_context(const std::string& authority) {
    ContextPointer context(::SSL_CTX_new(::TLS_client_method()), ::SSL_CTX_free);
    if (::SSL_CTX_load_verify_locations(context.get(), authority.c_str(), nullptr) != 1)
        throw lab_error(fmt::format("the authority {} can't be used", authority));
    ::SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    return context;
}

}  // namespace

struct TlsFront::Parts {
    Parts(const std::string& certificate, const std::string& key, const std::string& authority, Choose given)
        : server(server_context(certificate, key)),
          client(client_context(authority)),
          choose(std::move(given)) {}

    ~Parts() { background.stop(); }

    void accept_on(const FileDescriptor& listener, const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            pollfd polled{listener.get(), POLLIN, 0};
            if (::poll(&polled, 1, 200) <= 0) continue;
            auto socket =
                std::make_shared<FileDescriptor>(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (*socket) background.start([this, socket](std::stop_token ending) { serve(*socket, ending); });
        }
    }

    void serve(const FileDescriptor& socket, const std::stop_token& stop) {
        limit_waiting(socket.get(), 30);
        const TlsPointer tls(::SSL_new(server.get()), ::SSL_free);
        ::SSL_set_fd(tls.get(), socket.get());
        if (::SSL_accept(tls.get()) != 1) return;
        const char* sent = ::SSL_get_servername(tls.get(), TLSEXT_NAMETYPE_host_name);
        const std::string name = sent ? sent : "";
        const auto target = choose(name);
        if (!target) return;
        const Side front(socket.get(), tls.get());
        hand_on(front, name, *target, stop);
        ::SSL_shutdown(tls.get());
    }

    void hand_on(const Side& front,
                 const std::string& name,
                 const Target& target,
                 const std::stop_token& stop) {
        const auto socket = connect_to(target.address, target.port);
        if (!socket) return say(front, 521, "Web server is down");
        if (!target.tls) return carry(front, Side(socket.get(), nullptr), stop);
        const TlsPointer tls(::SSL_new(client.get()), ::SSL_free);
        ::SSL_set_fd(tls.get(), socket.get());
        ::SSL_set_tlsext_host_name(tls.get(), name.c_str());
        ::SSL_set1_host(tls.get(), name.c_str());
        if (::SSL_connect(tls.get()) != 1) return say(front, 526, "Invalid SSL certificate");
        carry(front, Side(socket.get(), tls.get()), stop);
    }

    ContextPointer server, client;
    Choose choose;
    Background background;
};

TlsFront::TlsFront(const std::string& certificate,
                   const std::string& key,
                   const std::string& authority,
                   Choose choose)
    : parts_(std::make_unique<Parts>(certificate, key, authority, std::move(choose))) {}

TlsFront::~TlsFront() = default;

int TlsFront::listen(const std::string& address, int port) {
    auto listener = std::make_shared<FileDescriptor>(listen_at(address, port));
    const int given = port_of(listener->get());
    parts_->background.start(
        [parts = parts_.get(), listener](std::stop_token stop) { parts->accept_on(*listener, stop); });
    return given;
}

}  // namespace kavi::lab
