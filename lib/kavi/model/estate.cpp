#include <kavi/base/text.hpp>
#include <kavi/model/estate.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::model {

namespace {

constexpr std::string_view secret_scheme = "secret:";
constexpr std::string_view sealed_scheme = "sealed:";

bool is_name(std::string_view text) {
    constexpr std::string_view fit = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
    return !text.empty() && text != "." && text != ".." &&
           text.find_first_not_of(fit) == std::string_view::npos;
}

/// "/infra" or "/services/production" from what stands behind the scheme; nullopt where a part is no name.
std::optional<std::string> folder_of(std::string_view path) {
    if (!path.starts_with('/')) return std::nullopt;
    if (path == "/") return "/";
    if (!std::ranges::all_of(split(path.substr(1), '/'), is_name)) return std::nullopt;
    return std::string(path);
}

}  // namespace

std::string SecretRef::text() const {
    const auto scheme = source == Source::sealed ? sealed_scheme : secret_scheme;
    if (name.empty()) return fmt::format("{}{}", scheme, folder);
    return fmt::format("{}{}/{}", scheme, folder == "/" ? "" : folder, name);
}

std::optional<SecretRef> SecretRef::parse(std::string_view text) {
    const bool sealed = text.starts_with(sealed_scheme);
    if (!sealed && !text.starts_with(secret_scheme)) return std::nullopt;
    const auto path = text.substr(secret_scheme.size());
    const auto slash = path.rfind('/');
    if (slash == std::string_view::npos || !is_name(path.substr(slash + 1))) return std::nullopt;
    const auto folder = folder_of(path.substr(0, std::max<std::size_t>(slash, 1)));
    if (!folder || (sealed && *folder != "/")) return std::nullopt;
    return SecretRef{sealed ? Source::sealed : Source::secret, *folder, std::string(path.substr(slash + 1))};
}

std::optional<SecretRef> SecretRef::parse_folder(std::string_view text) {
    if (!text.starts_with(secret_scheme)) return std::nullopt;
    if (text.size() > secret_scheme.size() + 1 && text.ends_with('/')) text.remove_suffix(1);
    const auto folder = folder_of(text.substr(secret_scheme.size()));
    if (!folder) return std::nullopt;
    return SecretRef{Source::secret, *folder, ""};
}

std::string Place::text() const {
    return local() ? path : fmt::format("{}:{}", owner, path);
}

std::optional<Place> Place::parse(std::string_view text) {
    if (text.empty()) return std::nullopt;
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || text.find('/') < colon) return Place{"", std::string(text)};
    if (colon == 0 || colon + 1 == text.size()) return std::nullopt;
    return Place{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

bool Probe::asked_on_server() const {
    std::string_view host = target;
    if (const auto scheme = host.find("://"); scheme != std::string_view::npos)
        host.remove_prefix(scheme + 3);
    host = host.substr(0, host.find('/'));
    return host.starts_with("127.") || host.starts_with("[::1]") || host == "localhost" ||
           host.starts_with("localhost:");
}

}  // namespace kavi::model
