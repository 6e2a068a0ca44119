#include "http.hpp"

#include <algorithm>
#include <cstdlib>

namespace kavi::standin {
namespace {

constexpr std::size_t largest_head = 64 * 1024;
constexpr std::size_t largest_body = std::size_t{64} << 20;

/// Adds bytes until `pattern` is in the text; npos: it never came.
std::size_t read_until(const ReadMore& read_more,
                       std::string& text,
                       std::string_view pattern,
                       std::size_t from) {
    for (;;) {
        const auto found = text.find(pattern, from);
        if (found != std::string::npos) return found;
        const auto more = text.size() - from > largest_head ? std::string() : read_more();
        if (more.empty()) return std::string::npos;
        text += more;
    }
}

bool read_exactly(const ReadMore& read_more, std::string& text, std::size_t size) {
    while (text.size() < size) {
        const auto more = size > largest_body ? std::string() : read_more();
        if (more.empty()) return false;
        text += more;
    }
    return true;
}

void read_headers(std::string_view head, Headers& headers) {
    while (!head.empty()) {
        const auto line = head.substr(0, head.find("\r\n"));
        head.remove_prefix(std::min(head.size(), line.size() + 2));
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        auto value = line.substr(colon + 1);
        while (value.starts_with(' ')) value.remove_prefix(1);
        headers[lower(line.substr(0, colon))] = std::string(value);
    }
}

bool read_chunks(const ReadMore& read_more, std::string& rest, std::string& body) {
    for (;;) {
        const auto line_end = read_until(read_more, rest, "\r\n", 0);
        if (line_end == std::string::npos) return false;
        const auto size = std::strtoull(rest.c_str(), nullptr, 16);
        rest.erase(0, line_end + 2);
        if (!read_exactly(read_more, rest, size + 2)) return false;
        body.append(rest, 0, size);
        rest.erase(0, size + 2);
        if (size == 0) return true;
        if (body.size() > largest_body) return false;
    }
}

std::string_view reason_of(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 308:
            return "Permanent Redirect";
        case 401:
            return "Unauthorized";
        case 404:
            return "Not Found";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        default:
            return "Status";
    }
}

}  // namespace

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](char letter) {
        return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
    });
    return result;
}

std::string HttpRequest::host() const {
    const auto found = headers.find("host");
    if (found == headers.end()) return {};
    return lower(found->second.substr(0, found->second.rfind(':')));
}

bool read_message(const ReadMore& read_more,
                  std::string& rest,
                  std::string& first_line,
                  Headers& headers,
                  std::string& body) {
    const auto head_end = read_until(read_more, rest, "\r\n\r\n", 0);
    if (head_end == std::string::npos) return false;
    const auto line_end = rest.find("\r\n");
    first_line = rest.substr(0, line_end);
    headers.clear();
    body.clear();
    if (line_end < head_end)
        read_headers(std::string_view(rest).substr(line_end + 2, head_end - line_end - 2), headers);
    rest.erase(0, head_end + 4);

    if (lower(headers["transfer-encoding"]) == "chunked") return read_chunks(read_more, rest, body);
    if (headers["content-length"].empty()) return true;
    const auto size = std::strtoull(headers["content-length"].c_str(), nullptr, 10);
    if (!read_exactly(read_more, rest, size)) return false;
    body = rest.substr(0, size);
    rest.erase(0, size);
    return true;
}

std::string to_text(const HttpRequest& request) {
    auto text = request.method + " " + request.target + " HTTP/1.1\r\n";
    for (const auto& [name, value] : request.headers)
        if (!value.empty() && name != "connection" && name != "transfer-encoding" && name != "content-length")
            text += name + ": " + value + "\r\n";
    if (!request.body.empty()) text += "content-length: " + std::to_string(request.body.size()) + "\r\n";
    return text + "connection: close\r\n\r\n" + request.body;
}

std::string to_text(const HttpResponse& response, bool head_only, bool keep_alive) {
    auto text = "HTTP/1.1 " + std::to_string(response.status) + " ";
    text += reason_of(response.status);
    text += "\r\ncontent-type: " + response.type +
            "\r\ncontent-length: " + std::to_string(response.body.size()) + "\r\n";
    for (const auto& [name, value] : response.headers) text += name + ": " + value + "\r\n";
    text += keep_alive ? "\r\n" : "connection: close\r\n\r\n";
    return head_only ? text : text + response.body;
}

}  // namespace kavi::standin
