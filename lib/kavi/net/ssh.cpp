#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/net/ssh.hpp>

#include <fmt/format.h>

namespace kavi::net {

std::unique_ptr<SshChannel> SshSession::start_subsystem(std::string_view name, std::stop_token) {
    throw Error(errors::remote_failed, fmt::format("there is no {} here", name));
}

std::string fingerprint_text(std::string_view digest) {
    return "SHA256:" + base64(digest, false);
}

std::optional<std::string> parse_fingerprint(std::string_view text) {
    constexpr std::string_view prefix = "SHA256:";
    if (!text.starts_with(prefix)) return {};
    auto digest = decode_base64(text.substr(prefix.size()));
    return digest && digest->size() == 32 ? digest : std::nullopt;
}

}  // namespace kavi::net
