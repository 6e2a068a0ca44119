#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/agent/backup.hpp>
#include <kavi/ops/backup/when.hpp>

#include <fmt/format.h>

namespace kavi::ops {

namespace {

[[noreturn]] void lacks(std::string_view what) {
    throw Error(errors::json_invalid, fmt::format("the request has no {}", what));
}

std::string text(const Json& object, std::string_view key) {
    auto value = string_or(object, key);
    if (value.empty()) lacks(key);
    return value;
}

const Json& list(const Json& object, std::string_view key) {
    const auto& value = member_or_null(object, key);
    if (!value.is_array() || value.empty()) lacks(key);
    return value;
}

/// Names become parts of paths in the store.
std::string name(const Json& object, std::string_view key) {
    auto value = text(object, key);
    if (file_name_of(value) != value || value.front() == '.') lacks(key);
    return value;
}

}  // namespace

std::string file_name_of(std::string_view name) {
    std::string file;
    for (const char c : name) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '.' || c == '_' || c == '-';
        if (plain)
            file += c;
        else
            file += "_" + hex({&c, 1});
    }
    return file;
}

BackupRequest read_backup_request(const Json& request) {
    if (member_or_null(request, "kavi.agent") != 1)
        throw Error(errors::json_invalid, "the request isn't for this agent");
    BackupRequest read{.estate = name(request, "estate"),
                       .server = name(request, "server"),
                       .run = string_or(request, "run"),
                       .kavi = string_or(request, "kavi"),
                       .recipients = {},
                       .signing_key = text(request, "signing_key"),
                       .stores = {},
                       .items = {},
                       .encryption_key = string_or(request, "encryption_key")};
    if (!read.run.empty() && !run_time(read.run)) lacks("run");
    for (const auto& recipient : list(request, "recipients"))
        read.recipients.push_back(
            seal::parse_recipient(recipient.is_string() ? recipient.get<std::string>() : ""));
    for (const auto& store : list(request, "stores")) {
        text(store, "name");
        read.stores.push_back(store);
    }
    for (const auto& item : list(request, "items"))
        read.items.push_back({.name = text(item, "name"), .kind = text(item, "kind"), .json = item});
    if (const auto& sequence = member_or_null(request, "sealed_sequence"); sequence.is_number_integer())
        read.sealed_sequence = sequence.get<std::int64_t>();
    read.accept_smaller = member_or_null(request, "accept_smaller") == true;
    return read;
}

}  // namespace kavi::ops
