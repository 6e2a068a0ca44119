#pragma once

#include <kavi/base/json.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kavi::lab {

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// One part of a multipart/form-data body.
struct Part {
    std::string name, filename, content_type, content;
};

/// One request as an API sees it.
struct Call {
    std::string method;
    std::string raw_path;  ///< as sent, still percent-encoded, without the query
    std::string path;      ///< below the API's prefix, percent-encoded
    std::string raw_query;
    Pairs query;                                      ///< decoded, in the order sent
    std::multimap<std::string, std::string> headers;  ///< names in lower case
    std::string body;
    std::vector<Part> parts;                    ///< of a multipart body
    std::map<std::string, std::string> params;  ///< what the route's {names} stand for, decoded
    std::string peer;
    bool faulty = false;  ///< a fault of the lab struck it

    /// The first header of that (lower-case) name.
    std::optional<std::string> header(const std::string& name) const;
    /// The first query parameter of that name.
    std::optional<std::string> parameter(std::string_view name) const;
    /// All query parameters of that name.
    std::vector<std::string> parameters(std::string_view name) const;
    /// The token of "Authorization: Bearer …".
    std::optional<std::string> bearer() const;
    /// The media type of the body without its parameters, in lower case; empty: none was named.
    std::string content_type() const;
};

/// What goes back. Without a body no content type is sent.
struct Answer {
    int status = 200;
    std::string body;
    std::string content_type = "application/json; charset=utf-8";
    Pairs headers;

    static Answer json(int status, const Json& value);

    static Answer empty(int status) { return {.status = status, .content_type = {}}; }
};

/// Percent-decodes; in a query '+' is a blank. What isn't an escape stays as it is.
std::string percent_decode(std::string_view text, bool plus_is_blank);
/// The pairs of "a=1&b=2".
Pairs parse_query(std::string_view query);

}  // namespace kavi::lab
