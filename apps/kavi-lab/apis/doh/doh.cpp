#include "doh.hpp"

#include <kavi/base/text.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

namespace kavi::lab::doh {
namespace {

constexpr auto media_type = "application/dns-json";
constexpr int no_such_name = 3, time_to_live = 300, cname = 5;

constexpr std::array<std::pair<std::string_view, int>, 12> types{{{"A", 1},
                                                                  {"NS", 2},
                                                                  {"CNAME", cname},
                                                                  {"SOA", 6},
                                                                  {"PTR", 12},
                                                                  {"MX", 15},
                                                                  {"TXT", 16},
                                                                  {"AAAA", 28},
                                                                  {"SRV", 33},
                                                                  {"SVCB", 64},
                                                                  {"HTTPS", 65},
                                                                  {"CAA", 257}}};

/// "AAAA", "aaaa" or "28"; absent: A. nullopt: no type that the lab knows.
std::optional<int> type_number(const std::string& text) {
    if (text.empty()) return 1;
    for (const auto& [name, number] : types)
        if (lower(name) == lower(text)) return number;
    int number = 0;
    const auto end = text.data() + text.size();
    if (std::from_chars(text.data(), end, number).ptr != end) return std::nullopt;
    const auto known = std::ranges::find(types, number, [](const auto& type) { return type.second; });
    return known == types.end() ? std::nullopt : std::optional(number);
}

std::string type_name(int number) {
    return std::string(std::ranges::find(types, number, [](const auto& type) { return type.second; })->first);
}

Json answer_json(const std::string& name, int type, const std::string& data) {
    return {{"name", name}, {"type", type}, {"TTL", time_to_live}, {"data", data}};
}

Answer refusal(int status, const std::string& message) {
    return {.status = status, .body = "{\"error\":" + Json(message).dump() + "}"};
}

bool asks_for_json(const Call& call) {
    const auto accept = call.header("accept").value_or("");
    return accept.find(media_type) != std::string::npos || call.parameter("ct") == media_type;
}

}  // namespace

Json Doh::look_up(const std::string& asked, int type) const {
    auto name = asked;
    if (name.size() > 1 && name.back() == '.') name.pop_back();
    Json body{{"Status", 0}, {"TC", false}, {"RD", true}, {"RA", true}, {"AD", false}, {"CD", false}};
    body["Question"] = Json::array({{{"name", name}, {"type", type}}});
    auto found = resolve_(name, type_name(type));
    if (!found) body["Status"] = no_such_name;
    Json answers = Json::array();
    auto owner = name;
    for (int hops = 0; found && type != cname && hops < 8; ++hops) {
        const auto alias = resolve_(owner, "CNAME");
        if (!alias || alias->empty()) break;
        answers.push_back(answer_json(owner, cname, alias->front() + "."));
        owner = alias->front();
    }
    if (found)
        for (const auto& data : *found) answers.push_back(answer_json(owner, type, data));
    if (!answers.empty()) body["Answer"] = std::move(answers);
    return body;
}

Answer Doh::answer(Call& call) {
    if (call.method != "GET") return refusal(405, "Method Not Allowed");
    const bool cloudflare = call.path == "/dns-query";
    if (!cloudflare && call.path != "/resolve") return refusal(404, "Not Found");
    if (cloudflare && !asks_for_json(call)) return refusal(415, "Unsupported Media Type");
    const auto name = call.parameter("name").value_or("");
    if (name.empty()) return refusal(400, "Invalid query name");
    const auto type = type_number(call.parameter("type").value_or(""));
    if (!type) return refusal(400, "Invalid query type");
    auto answer = Answer::json(200, look_up(name, *type));
    answer.content_type = cloudflare ? media_type : "application/json; charset=UTF-8";
    return answer;
}

Answer Doh::error(int status, const std::string& code) {
    return refusal(status, code.empty() ? "a fault of the lab" : code);
}

}  // namespace kavi::lab::doh
