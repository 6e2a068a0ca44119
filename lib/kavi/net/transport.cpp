#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/net/address.hpp>
#include <kavi/net/transport.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace kavi::net {

std::optional<std::string_view> Response::header(std::string_view name) const {
    const auto found =
        std::ranges::find(headers, lower(name), [](const Header& one) { return lower(one.name); });
    return found == headers.end() ? std::nullopt : std::optional<std::string_view>(found->value);
}

NetworkError::NetworkError(NetworkFailure failure, bool sent, std::string message)
    : Error(errors::network_failed, std::move(message)), failure_(failure), sent_(sent) {}

bool outcome_unknown(const Error& error) {
    return std::ranges::find(error.causes(), unknown_outcome) != error.causes().end();
}

std::map<std::string, std::string> ConnectionRules::parse_connect_to(std::string_view text) {
    std::map<std::string, std::string> result;
    for (const auto& part : split(text, ',')) {
        const auto entry = trim(part);
        if (entry.empty()) continue;
        const auto equals = entry.find('=');
        const auto from = trim(entry.substr(0, equals));
        const auto to =
            equals == std::string_view::npos ? std::string_view() : trim(entry.substr(equals + 1));
        const auto target = parse_host_port(to);
        if (!parse_host_port(from) || !target || !is_address(target->host))
            throw Error(errors::usage, "KAVI_CONNECT_TO can't be read")
                .because(fmt::format("\"{}\" isn't host:port=address:port", printable(entry)))
                .fix("write HOST=ADDRESS or HOST:PORT=ADDRESS:PORT, separated by commas");
        result.insert_or_assign(std::string(from), std::string(to));
    }
    return result;
}

}  // namespace kavi::net
