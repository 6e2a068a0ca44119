#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace kavi::standin {

/// Header names in lower case.
using Headers = std::map<std::string, std::string>;

struct HttpRequest {
    std::string method = "GET";
    std::string target = "/";  ///< as sent, query included
    Headers headers;
    std::string body;

    std::string path() const { return target.substr(0, target.find('?')); }

    /// The Host header without its port, in lower case.
    std::string host() const;
};

struct HttpResponse {
    int status = 200;
    std::string body;
    std::string type = "text/plain; charset=utf-8";
    Headers headers;
};

using Handler = std::function<HttpResponse(const HttpRequest&)>;

std::string lower(std::string_view text);

/// Reads more bytes; empty at the end of the stream.
using ReadMore = std::function<std::string()>;

/// A message as read from a stream: the first line, headers and body. `rest` keeps what belongs to the next
/// one. False at the end of the stream or where it isn't HTTP.
bool read_message(const ReadMore& read_more,
                  std::string& rest,
                  std::string& first_line,
                  Headers& headers,
                  std::string& body);

std::string to_text(const HttpRequest& request);
std::string to_text(const HttpResponse& response, bool head_only, bool keep_alive);

}  // namespace kavi::standin
