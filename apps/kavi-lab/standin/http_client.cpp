#include "http_client.hpp"

#include <cstdio>
#include <cstdlib>

namespace kavi::standin {

std::optional<HttpResponse> exchange(Socket socket, const HttpRequest& request) {
    if (!socket || !write_all(socket.get(), to_text(request))) return std::nullopt;
    const ReadMore read_more = [&] { return read_some(socket.get()); };
    std::string rest, first_line, body;
    Headers headers;
    if (!read_message(read_more, rest, first_line, headers, body)) return std::nullopt;
    if (headers["content-length"].empty() && headers["transfer-encoding"].empty() &&
        request.method != "HEAD") {
        body = rest;
        for (auto more = read_more(); !more.empty(); more = read_more()) body += more;
    }
    const auto blank = first_line.find(' ');
    if (blank == std::string::npos) return std::nullopt;
    HttpResponse response{.status = std::atoi(first_line.c_str() + blank), .body = std::move(body)};
    if (!headers["content-type"].empty()) response.type = headers["content-type"];
    for (const auto* dropped : {"content-type", "content-length", "transfer-encoding", "connection"})
        headers.erase(dropped);
    response.headers = std::move(headers);
    return response;
}

std::optional<HttpResponse> get(const std::string& host, int port, const std::string& path) {
    HttpRequest request{.target = path};
    request.headers["host"] = host;
    return exchange(connect_to(host, port), request);
}

int curl(int count, char** words) {
    bool fail = false, discard = false;
    std::string url;
    for (int i = 1; i < count; ++i) {
        const std::string word = words[i];
        if (word == "-o") {
            discard = true;
            ++i;
        } else if (word.starts_with("-")) {
            fail = fail || word.find('f') != std::string::npos;
        } else {
            url = word;
        }
    }
    if (!url.starts_with("http://")) return 1;
    const auto slash = url.find('/', 7);
    const auto authority = url.substr(7, slash == std::string::npos ? slash : slash - 7);
    const auto colon = authority.find(':');
    const int port = colon == std::string::npos ? 80 : std::atoi(authority.c_str() + colon + 1);
    const auto answer =
        get(authority.substr(0, colon), port, slash == std::string::npos ? "/" : url.substr(slash));
    if (!answer) return 7;
    if (!discard) std::fwrite(answer->body.data(), 1, answer->body.size(), stdout);
    return fail && answer->status >= 400 ? 22 : 0;
}

}  // namespace kavi::standin
