#include "request_log.hpp"

#include <kavi/base/clock.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>

namespace kavi::lab {
namespace {

constexpr std::array secret_names{"secretvalue",
                                  "clientsecret",
                                  "accesstoken",
                                  "password",
                                  "root_password",
                                  "token",
                                  "newsecretvalue",
                                  "secretcomment",
                                  "private_key",
                                  "authorization",
                                  "servicetoken",
                                  "plaintext",
                                  "secret",
                                  "jwt",
                                  "dangerouspassphrase",
                                  "value_secret"};

bool is_secret_name(const std::string& name) {
    return std::ranges::find(secret_names, lower(name)) != secret_names.end();
}

std::string masked_shape(std::string text) {
    for (char& c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isupper(byte))
            c = 'X';
        else if (std::islower(byte))
            c = 'x';
        else if (std::isdigit(byte))
            c = '0';
    }
    return text;
}

std::string mask_text(const std::string& text, bool keep_shape) {
    return keep_shape ? masked_shape(text) : std::string("masked");
}

/// Replaces what stands between the lines "-----BEGIN … PRIVATE KEY-----" and "-----END".
std::string without_private_keys(std::string text) {
    constexpr std::string_view head = "PRIVATE KEY-----", tail = "-----END";
    for (auto at = text.find(head); at != std::string::npos; at = text.find(head, at + 1)) {
        const auto begin = at + head.size();
        const auto end = text.find(tail, begin);
        const auto size = end == std::string::npos ? text.size() - begin : end - begin;
        text.replace(begin, size, "masked");
        at = text.find(tail, begin);
        if (at == std::string::npos) break;
        at += tail.size() + 20;  // past the END line's own "PRIVATE KEY-----"
    }
    return text;
}

Json mask_member(const std::string& name, const Json& value, bool keep_shape) {
    if (is_secret_name(name) && value.is_string()) return mask_text(value.get<std::string>(), keep_shape);
    return mask_secrets(value, keep_shape);
}

/// The body as it is logged: JSON where it is JSON, text where that can be shown, else its size.
Json body_json(const std::string& body, const std::string& content_type, bool keep_shape) {
    if (body.empty()) return nullptr;
    if (content_type == "application/json" || content_type.empty()) {
        const auto value = Json::parse(body, nullptr, false);
        if (!value.is_discarded()) return mask_secrets(value, keep_shape);
    }
    if (content_type.starts_with("text/")) return without_private_keys(body);
    return Json{{"bytes", body.size()}};
}

Json query_json(const Pairs& query) {
    Json list = Json::array();
    for (const auto& [name, value] : query) list.push_back(Json::array({name, value}));
    return list;
}

std::string timestamp() {
    const auto now = std::chrono::system_clock::now();
    const auto millis =
        std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
    auto text = iso8601(now);
    const auto fraction = std::to_string(1000 + millis).substr(1);
    return text.substr(0, text.size() - 1) + "." + fraction + "Z";
}

std::string media_type(const std::string& value) {
    return lower(trim(std::string_view(value).substr(0, value.find(';'))));
}

}  // namespace

Json mask_secrets(const Json& value, bool keep_shape) {
    if (value.is_string()) return without_private_keys(value.get<std::string>());
    if (value.is_array()) {
        Json list = Json::array();
        for (const auto& item : value) list.push_back(mask_secrets(item, keep_shape));
        return list;
    }
    if (!value.is_object()) return value;
    Json object = Json::object();
    for (const auto& [name, member] : value.items()) object[name] = mask_member(name, member, keep_shape);
    return object;
}

RequestLog::RequestLog(const std::filesystem::path& path, bool verbose)
    : file_(path, std::ios::app | std::ios::binary), verbose_(verbose) {
    if (!file_) throw Error(errors::file_unwritable, path.string() + " can't be written");
}

void RequestLog::write(const std::string& api, const Call& call, const Answer& answer, std::size_t sent) {
    OrderedJson line{{"time", timestamp()},
                     {"api", api},
                     {"method", call.method},
                     {"path", call.raw_path},
                     {"query", call.raw_query},
                     {"status", answer.status},
                     {"bytes_in", call.body.size()},
                     {"bytes_out", sent}};
    if (call.faulty) line["fault"] = true;
    line["body"] = body_json(call.body, call.content_type(), verbose_);
    if (verbose_) {
        line["below_prefix"] = call.path;
        line["parameters"] = query_json(call.query);
        line["has_body"] = !call.body.empty() || !call.parts.empty();
        line["content_type"] = call.content_type();
        line["answer_type"] = media_type(answer.content_type);
        line["answer"] = body_json(answer.body, media_type(answer.content_type), true);
    }
    const auto text = line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    const std::scoped_lock lock(mutex_);
    file_ << text << std::flush;
}

}  // namespace kavi::lab
