#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/baseline/let_in.hpp>
#include <kavi/ops/servers/observe.hpp>

#include <fmt/format.h>

#include <chrono>

namespace kavi::ops {

namespace {

bool is_accepted(const Json& said) {
    const auto& accepted = member_or_null(said, "accepted");
    return accepted.is_boolean() && accepted.get<bool>();
}

void install_key(const model::Storage& storage,
                 const std::string& user,
                 const std::string& public_line,
                 const BoxDoor& door,
                 std::stop_token stop) {
    const auto admin = storage.keys.find("admin");
    if (admin == storage.keys.end() || !door.connector)
        throw Error(errors::credentials_missing,
                    fmt::format("{} has to let a new host key in, and nobody may do that", storage.name))
            .because(public_line)
            .fix(fmt::format(
                "name an admin key (storage.{}.keys.admin), or install this public key for {} by hand",
                storage.name,
                user));
    net::SshTarget target{.name = storage.name, .host = storage.host, .port = storage.port, .user = user};
    target.key = door.vault.get(admin->second);
    if (storage.host_key)
        if (auto pin = pin_from_fingerprint(*storage.host_key)) target.pins.push_back(std::move(*pin));
    const auto session = door.connector->connect(target, stop);
    const auto result =
        session->exec("install-ssh-key", public_line + "\n", {}, stop, std::chrono::seconds(60));
    if (result.status != 0)
        throw Error(errors::remote_failed, fmt::format("{} didn't take a host's public key", storage.name))
            .because(std::string(trim(printable(result.errors.empty() ? result.output : result.errors))));
}

}  // namespace

Json let_in(const model::Storage& storage,
            const std::string& user,
            const std::string& server,
            const std::function<Json()>& ask,
            const BoxDoor& door,
            std::stop_token stop) {
    auto said = ask();
    if (is_accepted(said)) return said;
    install_key(storage, user, string_or(said, "public"), door, stop);
    said = ask();
    if (is_accepted(said)) return said;
    Error error(errors::ssh_auth,
                fmt::format("{} doesn't let {}'s key in, though it was installed", storage.name, server));
    if (const auto& why = member_or_null(said, "why"); why.is_array() && !why.empty())
        error.because(printable(why[0].is_string() ? why[0].get<std::string>() : ""));
    throw error.fix(fmt::format("check that the account {} is there and may be used from outside", user));
}

}  // namespace kavi::ops
