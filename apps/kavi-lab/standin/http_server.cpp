#include "http_server.hpp"

#include "sockets.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>

#include <sys/socket.h>

namespace kavi::standin {
namespace {

using WriteAll = std::function<bool(std::string_view)>;

void answer_requests(const ReadMore& read_more, const WriteAll& write, const Handler& handler) {
    std::string rest, first_line;
    HttpRequest request;
    while (read_message(read_more, rest, first_line, request.headers, request.body)) {
        const auto first_blank = first_line.find(' ');
        const auto second_blank = first_line.find(' ', first_blank + 1);
        if (second_blank == std::string::npos) return;
        request.method = first_line.substr(0, first_blank);
        request.target = first_line.substr(first_blank + 1, second_blank - first_blank - 1);
        const bool keep_alive =
            lower(request.headers["connection"]) != "close" && first_line.ends_with("1.1");
        if (!write(to_text(handler(request), request.method == "HEAD", keep_alive)) || !keep_alive) return;
    }
}

template <typename Work>
void accept_for_ever(int port, Work work) {
    std::thread([port, listener = listen_on(port), work = std::move(work)] {
        for (;;) {
            Socket client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (!client) continue;
            std::thread([work, socket = std::move(client)]() mutable { work(std::move(socket)); }).detach();
        }
    }).detach();
}

std::shared_ptr<SSL_CTX> tls_context(const std::string& certificate_file, const std::string& key_file) {
    std::shared_ptr<SSL_CTX> context(::SSL_CTX_new(::TLS_server_method()), ::SSL_CTX_free);
    ::SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    if (::SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) == 1 &&
        ::SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) == 1)
        return context;
    std::fprintf(stderr, "the certificate %s can't be used\n", certificate_file.c_str());
    ::ERR_print_errors_fp(stderr);
    std::exit(1);
}

}  // namespace

void serve_http(int port, Handler handler) {
    accept_for_ever(port, [handler = std::move(handler)](Socket socket) {
        answer_requests([&] { return read_some(socket.get()); },
                        [&](std::string_view bytes) { return write_all(socket.get(), bytes); },
                        handler);
    });
}

void serve_https(int port,
                 const std::string& certificate_file,
                 const std::string& key_file,
                 Handler handler) {
    const auto context = tls_context(certificate_file, key_file);
    accept_for_ever(port, [context, handler = std::move(handler)](Socket socket) {
        const std::unique_ptr<SSL, decltype(&::SSL_free)> tls(::SSL_new(context.get()), ::SSL_free);
        ::SSL_set_fd(tls.get(), socket.get());
        if (::SSL_accept(tls.get()) != 1) return;
        const auto read_more = [&] {
            std::string buffer(16384, '\0');
            const int got = ::SSL_read(tls.get(), buffer.data(), static_cast<int>(buffer.size()));
            buffer.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
            return buffer;
        };
        const auto write = [&](std::string_view bytes) {
            std::size_t written = 0;
            return ::SSL_write_ex(tls.get(), bytes.data(), bytes.size(), &written) == 1;
        };
        answer_requests(read_more, write, handler);
        ::SSL_shutdown(tls.get());
    });
}

void serve_greeting(int port, std::string greeting) {
    accept_for_ever(port, [greeting = std::move(greeting)](Socket socket) {
        if (!write_all(socket.get(), greeting)) return;
        while (!read_some(socket.get()).empty()) {
        }
    });
}

}  // namespace kavi::standin
