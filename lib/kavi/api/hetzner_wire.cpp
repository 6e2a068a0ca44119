#include <kavi/api/hetzner_wire.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace kavi::api {

namespace {

/// "field: message, message" or the bare name; unknown shapes are left out.
void add_named(std::vector<std::string>& details, const Json& rows) {
    if (!rows.is_array()) return;
    for (const auto& row : rows) {
        std::vector<std::string> messages;
        if (row.is_object() && row.contains("messages") && row["messages"].is_array())
            for (const auto& message : row["messages"])
                if (message.is_string()) messages.push_back(printable(message.get<std::string>()));
        const auto name = printable(string_or(row, "name"));
        if (messages.empty())
            details.push_back(name);
        else
            details.push_back(fmt::format("{}: {}", name, join(messages, ", ")));
    }
}

std::vector<std::string> details_of(const Json& error) {
    std::vector<std::string> details;
    const auto given = error.find("details");
    if (given == error.end() || !given->is_object()) return details;
    for (const char* key : {"fields", "limits"})
        if (given->contains(key)) add_named(details, (*given)[key]);
    if (const auto announcement = string_or(*given, "announcement"); !announcement.empty())
        details.push_back(printable(announcement));
    return details;
}

/// The body may be Hetzner's, a gateway's HTML, or nothing.
HetznerRefusal refusal_of(const net::Response& response) {
    HetznerRefusal refusal{.status = response.status};
    if (const auto id = response.header("X-Correlation-Id")) refusal.correlation_id = printable(*id);
    try {
        const auto body = parse_json(response.body, "Hetzner's answer");
        if (body.is_object() && body.contains("error") && body["error"].is_object()) {
            refusal.code = printable(string_or(body["error"], "code"));
            refusal.message = printable(string_or(body["error"], "message"));
            refusal.details = details_of(body["error"]);
        }
    } catch (const Error&) {
        refusal.message = "the answer isn't Hetzner's";
    }
    return refusal;
}

struct Meaning {
    std::string_view code;
    ErrorCode error;
    std::string_view fix;
};

constexpr std::array meanings{
    Meaning{
        "unauthorized", errors::credentials_refused, "check HCLOUD_TOKEN: Hetzner doesn't know this token"},
    Meaning{"token_readonly", errors::rights_missing, "use a token with read and write access"},
    Meaning{
        "forbidden", errors::rights_missing, "use a token of the right project with read and write access"},
    Meaning{"resource_limit_exceeded",
            errors::hetzner_failed,
            "ask for a higher limit in Hetzner's console (Limits)"},
    Meaning{"resource_unavailable",
            errors::hetzner_failed,
            "list another type in the estate file (type = [\"…\", \"…\"]), or try again later"},
    Meaning{"placement_error",
            errors::hetzner_failed,
            "list another type in the estate file (type = [\"…\", \"…\"]), or try again later"},
    Meaning{"protected", errors::hetzner_failed, "lift the protection first"},
    Meaning{"maintenance", errors::hetzner_failed, "Hetzner does maintenance there: try again later"},
    Meaning{"rate_limit_exceeded",
            errors::hetzner_failed,
            "wait a few minutes: all programs with tokens of this project share 3600 requests an hour"},
};

const Meaning* meaning_of(const HetznerRefusal& refusal) {
    auto code = std::string_view(refusal.code);
    if (code.empty() && refusal.status == 401) code = "unauthorized";
    if (code.empty() && refusal.status == 429) code = "rate_limit_exceeded";
    const auto found = std::ranges::find(meanings, code, &Meaning::code);
    return found == meanings.end() ? nullptr : &*found;
}

std::string why(const HetznerRefusal& refusal) {
    if (refusal.status == 0) return refusal.message;
    const auto code = refusal.code.empty() ? fmt::format("status {}", refusal.status) : refusal.code;
    return refusal.message.empty() ? code : fmt::format("{}: {}", code, refusal.message);
}

constexpr int repeats = 4;

/// How often a request that was refused like this is sent in all.
int tries_for(const HetznerRefusal& refusal, std::string_view method) {
    if (refusal.is("rate_limit_exceeded") || refusal.status == 429) return 6;
    return method != "POST" && refusal.ambiguous() ? repeats : 0;
}

bool may_get_better(net::NetworkFailure failure, int attempt) {
    using enum net::NetworkFailure;
    if (failure == timed_out) return attempt == 1;
    return failure == refused || failure == broken;
}

std::int64_t next_page_of(const Json& body) {
    const auto* level = &body;
    for (const char* key : {"meta", "pagination", "next_page"}) {
        if (!level->is_object() || !level->contains(key)) return 0;
        level = &(*level)[key];
    }
    return level->is_number_integer() ? level->get<std::int64_t>() : 0;
}

}  // namespace

bool HetznerRefusal::ambiguous() const {
    static constexpr std::array codes{
        "server_error", "bad_gateway", "timeout", "unavailable", "service_error"};
    return status == 0 || status >= 500 || std::ranges::find(codes, code) != codes.end();
}

Error error_of(const HetznerRefusal& refusal, std::string_view doing) {
    const auto* meaning = meaning_of(refusal);
    const auto code = meaning          ? meaning->error
                      : refusal.status ? errors::hetzner_failed
                                       : errors::network_failed;
    Error error(code, fmt::format("Hetzner {} to {}", refusal.ambiguous() ? "failed" : "refused", doing));
    error.because(why(refusal));
    for (const auto& detail : refusal.details) error.because(detail);
    if (!refusal.correlation_id.empty())
        error.because(fmt::format("Hetzner's correlation id: {}", refusal.correlation_id));
    if (meaning) error.fix(std::string(meaning->fix));
    return error;
}

HetznerWire::HetznerWire(net::Transport& transport, Clock& clock, std::string base_url, Secret token)
    : transport_(transport), clock_(clock), base_url_(std::move(base_url)), token_(trim(token.reveal())) {
    while (base_url_.ends_with('/')) base_url_.pop_back();
    const auto legal = [](char c) { return c > ' ' && c < 0x7f; };
    if (token_.empty() || !std::ranges::all_of(token_.reveal(), legal))
        throw Error(errors::credentials_refused, "the Hetzner token has characters that no token has")
            .fix("check HCLOUD_TOKEN for blanks, quotes and line ends");
}

HetznerWire::Answer HetznerWire::call(std::string_view method,
                                      std::string_view path,
                                      const Json* body,
                                      std::stop_token stop) {
    for (int attempt = 1;; ++attempt) {
        try {
            auto answer = exchange(method, path, body, stop);
            const auto* refusal = std::get_if<HetznerRefusal>(&answer);
            if (!refusal || attempt >= tries_for(*refusal, method)) return answer;
        } catch (const net::NetworkError& error) {
            if (method == "POST" || attempt == repeats || !may_get_better(error.failure(), attempt)) throw;
        }
        pause(std::chrono::seconds(1 << (attempt - 1)), "Hetzner", stop);
    }
}

HetznerWire::Answer HetznerWire::exchange(std::string_view method,
                                          std::string_view path,
                                          const Json* body,
                                          std::stop_token stop) {
    net::Request request{.method = std::string(method), .url = base_url_ + std::string(path)};
    request.headers.push_back({"Authorization", "Bearer " + std::string(token_.reveal())});
    if (body) {
        request.headers.push_back({"Content-Type", "application/json"});
        request.body = body->dump();
    }
    const auto forget = [&] {
        wipe(request.body);
        wipe(request.headers.front().value);
    };
    net::Response response;
    try {
        response = transport_.send(request, stop);
    } catch (const Error& error) {
        forget();
        if (method != "POST" || !net::outcome_unknown(error)) throw;
        return HetznerRefusal{.message = error.message()};
    } catch (...) {
        forget();
        throw;
    }
    forget();
    if (response.status < 200 || response.status > 299) return refusal_of(response);
    if (trim(response.body).empty()) return Json(nullptr);
    return parse_json(response.body, fmt::format("Hetzner's answer to {} {}", method, path));
}

void HetznerWire::pause(std::chrono::milliseconds duration,
                        std::string_view waiting_for,
                        std::stop_token stop) {
    clock_.sleep_for(duration, stop);
    if (stop.stop_requested())
        throw Error(errors::interrupted, fmt::format("interrupted while waiting for {}", waiting_for));
}

Json HetznerWire::need(std::string_view doing,
                       std::string_view method,
                       std::string_view path,
                       const Json* body,
                       std::stop_token stop) {
    auto answer = call(method, path, body, stop);
    if (const auto* refusal = std::get_if<HetznerRefusal>(&answer)) throw error_of(*refusal, doing);
    return std::get<Json>(std::move(answer));
}

std::vector<Json> HetznerWire::pages(std::string_view path,
                                     std::string_view member,
                                     std::string_view query,
                                     std::stop_token stop) {
    std::vector<Json> items;
    for (std::int64_t page = 1; page != 0;) {
        const auto url =
            fmt::format("{}?per_page=50&page={}{}{}", path, page, query.empty() ? "" : "&", query);
        auto body = need(fmt::format("list {}", member), "GET", url, nullptr, stop);
        if (!body.is_object() || !body.contains(member) || !body[std::string(member)].is_array())
            throw Error(errors::hetzner_failed,
                        fmt::format("Hetzner's list of {} has no {}", member, member));
        for (auto& item : body[std::string(member)]) items.push_back(std::move(item));
        const auto next = next_page_of(body);
        if (next != 0 && next <= page)
            throw Error(
                errors::hetzner_failed,
                fmt::format(
                    "Hetzner's list of {} says that page {} comes after page {}", member, next, page));
        page = next;
    }
    return items;
}

std::string url_word(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '-' || c == '.' || c == '_' || c == '~';
        out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

}  // namespace kavi::api
