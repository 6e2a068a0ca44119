#include "estate_forms.hpp"

#include "estate_keys.hpp"

#include <kavi/base/clock.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

#include <arpa/inet.h>

namespace kavi::model {

namespace {

constexpr std::string_view lower_letters = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view upper_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view digits = "0123456789";

bool only(std::string_view text, std::initializer_list<std::string_view> alphabets) {
    return !text.empty() && std::ranges::all_of(text, [&](char c) {
        return std::ranges::any_of(alphabets,
                                   [&](auto alphabet) { return alphabet.find(c) != std::string_view::npos; });
    });
}

std::optional<int> number(std::string_view text) {
    int value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc() || end != text.data() + text.size() || text.starts_with('-'))
        return std::nullopt;
    return value;
}

using Fits = bool (*)(std::string_view);

TextType text_form(std::string words, std::string pattern, Fits fits, Caution caution = Caution::look) {
    return std::make_shared<FormType<std::string>>(
        Form<std::string>{.words = std::move(words),
                          .pattern = std::move(pattern),
                          .parse = [fits](std::string_view text) -> std::optional<std::string> {
                              return fits(text) ? std::optional(std::string(text)) : std::nullopt;
                          },
                          .write = [](const std::string& text) { return text; },
                          .caution = caution});
}

bool is_anything(std::string_view text) {
    return !text.empty();
}

bool is_time(std::string_view text) {
    if (text.size() != 5 || text[2] != ':') return false;
    const auto hours = number(text.substr(0, 2)), minutes = number(text.substr(3));
    return hours && minutes && *hours < 24 && *minutes < 60;
}

bool is_schedule(std::string_view text) {
    static constexpr std::array days{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    const auto words = split(text, ' ');
    if (words[0] == "hourly") return words.size() == 1;
    if (words[0] == "daily") return words.size() == 2 && is_time(words[1]);
    return words[0] == "weekly" && words.size() == 3 && std::ranges::find(days, words[1]) != days.end() &&
           is_time(words[2]);
}

bool is_time_zone(std::string_view text) {
    if (text == "UTC") return true;
    const auto parts = split(text, '/');
    return parts.size() >= 2 && parts.size() <= 3 && std::ranges::all_of(parts, [](const auto& part) {
               return only(part, {lower_letters, upper_letters, digits, "_+-"});
           });
}

bool is_loopback(std::string_view host) {
    return host == "localhost" || host == "[::1]" || (host.starts_with("127.") && is_ipv4(host));
}

bool is_url(std::string_view text) {
    const auto scheme = text.substr(0, std::min(text.find("://"), text.size()));
    if (scheme != "https" && scheme != "http") return false;
    auto authority = text.substr(scheme.size() + 3);
    authority = authority.substr(0, authority.find('/'));
    if (authority.find('@') != std::string_view::npos) return false;
    const auto bracket = authority.find(']');
    const auto colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
    const auto host = authority.substr(0, colon);
    if (colon != std::string_view::npos && !is_port_range(authority.substr(colon + 1))) return false;
    const bool is_bracketed =
        host.size() > 2 && host.front() == '[' && is_ipv6(host.substr(1, host.size() - 2));
    return (is_host_name(host) || is_bracketed) && (scheme == "https" || is_loopback(host));
}

bool is_absolute(std::string_view text) {
    return text.starts_with('/') && text.find("/../") == std::string_view::npos && !text.ends_with("/..") &&
           text.find('\n') == std::string_view::npos;
}

bool is_relative(std::string_view text) {
    return !text.empty() && !text.starts_with('/');
}

/// Docker Compose: lower case, digits, '-' and '_', beginning with a letter or digit.
bool is_project(std::string_view text) {
    return only(text, {lower_letters, digits, "_-"}) && !text.starts_with('-') && !text.starts_with('_');
}

bool is_user(std::string_view text) {
    return only(text, {lower_letters, upper_letters, digits, "_-."}) && !text.starts_with('-') &&
           text.size() <= 64;
}

bool is_code(std::string_view text) {
    return only(text, {lower_letters, digits, "-."});
}

bool is_server_name(std::string_view text) {
    return is_code(text) && text.size() <= 63 && !text.starts_with('-') && !text.ends_with('-') &&
           !text.starts_with('.') && !text.ends_with('.');
}

bool is_key_source(std::string_view text) {
    if (text.starts_with("secret:") || text.starts_with("sealed:")) return SecretRef::parse(text).has_value();
    return text == "agent" || text.starts_with('/') || text.starts_with("~/") || text.starts_with("./");
}

bool is_type(std::string_view text) {
    return only(text, {upper_letters, digits});
}

bool is_variable(std::string_view text) {
    return only(text, {lower_letters, upper_letters, digits, "_"}) &&
           digits.find(text[0]) == std::string_view::npos;
}

constexpr std::string_view attested = "attested:";

bool is_escrow_location(std::string_view text) {
    if (text.starts_with(attested)) return !trim(text.substr(attested.size())).empty();
    return Place::parse(text).has_value();
}

/// The owner of the place that an escrow location names; empty where it names none.
std::string owner_of(const std::string& location) {
    if (location.starts_with(attested) || location == "sealed") return {};
    return Place::parse(location)->owner;
}

TypePtr<SecretRef> ref_form(std::string words,
                            std::string pattern,
                            std::optional<SecretRef> (*parse)(std::string_view)) {
    return std::make_shared<FormType<SecretRef>>(
        Form<SecretRef>{.words = std::move(words),
                        .pattern = std::move(pattern),
                        .parse = parse,
                        .write = [](const SecretRef& ref) { return ref == SecretRef{} ? "" : ref.text(); },
                        .caution = Caution::hide,
                        .names = NameUse::Kind::secret,
                        .name = &SecretRef::text});
}

class VariableValueType final : public Type<std::string> {
  public:
    void read(const Node& node, std::string& target, Reading& reading) const override {
        switch (node.value.kind) {
            case Value::Kind::text:
                if (may_be_shown(node, Caution::look, reading)) target = node.value.text;
                return;
            case Value::Kind::integer:
                target = fmt::format("{}", node.value.integer);
                return;
            case Value::Kind::boolean:
                target = node.value.boolean ? "true" : "false";
                return;
            default:
                refuse_kind(node, "text", reading);
        }
    }

    OrderedJson show(const std::string& value) const override { return value; }

    OrderedJson schema() const override {
        return {{"type", OrderedJson::array({"string", "integer", "boolean"})}};
    }

    std::string words() const override { return "text"; }
};

Keys keys_of(std::string words, std::string placeholder, std::string pattern, Fits fits) {
    return {.words = std::move(words),
            .placeholder = std::move(placeholder),
            .pattern = std::move(pattern),
            .fits = fits};
}

}  // namespace

bool is_port_range(std::string_view text) {
    const auto dash = text.find('-');
    const auto first = number(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : number(text.substr(dash + 1));
    return first && last && *first >= 1 && *last <= 65535 && *first <= *last;
}

bool is_ipv4(std::string_view text) {
    in_addr address{};
    return ::inet_pton(AF_INET, std::string(text).c_str(), &address) == 1;
}

bool is_ipv6(std::string_view text) {
    in6_addr address{};
    return ::inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

bool is_cidr(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return false;
    const auto address = text.substr(0, slash);
    const auto bits = number(text.substr(slash + 1));
    return bits && ((is_ipv4(address) && *bits <= 32) || (is_ipv6(address) && *bits <= 128));
}

/// Letters beyond ASCII are let through: dns.hpp turns them into punycode, and judges them.
bool is_host_name(std::string_view text) {
    if (text.empty() || text.size() > 253) return false;
    return std::ranges::all_of(split(text, '.'), [](const auto& label) {
        const bool fits = std::ranges::all_of(label, [](char c) {
            return (c & 0x80) != 0 ||
                   only(std::string_view(&c, 1), {lower_letters, upper_letters, digits, "-_*"});
        });
        return !label.empty() && label.size() <= 63 && fits;
    });
}

bool is_name(std::string_view text) {
    return only(text, {lower_letters, upper_letters, digits, "_-."}) && text.size() <= 63 &&
           only(text.substr(0, 1), {lower_letters, upper_letters, digits});
}

std::string duration_text(std::chrono::seconds duration) {
    struct Unit {
        std::chrono::seconds size;
        char letter;
    };

    constexpr std::array units{Unit{std::chrono::hours(24), 'd'},
                               Unit{std::chrono::hours(1), 'h'},
                               Unit{std::chrono::minutes(1), 'm'}};
    for (const auto& [size, letter] : units)
        if (duration.count() != 0 && duration % size == std::chrono::seconds(0))
            return fmt::format("{}{}", duration / size, letter);
    return fmt::format("{}s", duration.count());
}

TextType any_text(std::string words) {
    return text_form(std::move(words), "", is_anything);
}

TextType public_text(std::string words) {
    return text_form(std::move(words), "", is_anything, Caution::none);
}

TextType estate_name() {
    return text_form(
        "a name of small letters, digits and '-'", "^[a-z0-9][a-z0-9-]*$", [](std::string_view text) {
            return is_server_name(text) && text.find('.') == std::string_view::npos;
        });
}

TextType time_zone() {
    return text_form("a time zone like \"America/Santiago\" or \"UTC\"",
                     "^(UTC|[A-Za-z_]+(/[A-Za-z0-9_+-]+){1,2})$",
                     is_time_zone);
}

TextType time_of_day() {
    return text_form("a time of day like \"05:00\"", "^([01][0-9]|2[0-3]):[0-5][0-9]$", is_time);
}

TextType schedule() {
    return text_form(
        "\"hourly\", \"daily 03:00\" or \"weekly sun 03:00\"",
        "^(hourly|daily [0-2][0-9]:[0-5][0-9]|weekly (mon|tue|wed|thu|fri|sat|sun) [0-2][0-9]:[0-5][0-9])$",
        is_schedule);
}

TextType url() {
    return text_form("an https:// URL (http:// only to loopback)", "^https?://", is_url);
}

TextType ipv4_address() {
    return text_form("an IPv4 address", "^[0-9]+(\\.[0-9]+){3}$", is_ipv4);
}

TextType ipv6_address() {
    return text_form("an IPv6 address", "^[0-9A-Fa-f:.]+$", is_ipv6);
}

TextType network() {
    return text_form("a network like \"10.0.0.0/8\" or \"2001:db8::/32\"", "/[0-9]+$", is_cidr);
}

TextType host_name() {
    return text_form("a host name", "", is_host_name);
}

TextType absolute_path() {
    return text_form("an absolute path", "^/", is_absolute);
}

TextType relative_path() {
    return text_form("a path relative to the estate file's folder", "^[^/]", is_relative);
}

TextType project_name() {
    return text_form(
        "a Compose project's name: small letters, digits, '-' and '_'", "^[a-z0-9][a-z0-9_-]*$", is_project);
}

TextType user_name() {
    return text_form("a user's name", "^[A-Za-z0-9_.-]+$", is_user);
}

TextType location_code() {
    return text_form("a name like \"nbg1\" or \"ubuntu-24.04\"", "^[a-z0-9.-]+$", is_code);
}

TextType ssh_public_key() {
    return text_form(
        "a public key as in \"ssh-ed25519 AAAA… name\"", "^(ssh-|ecdsa-|sk-)", is_ssh_public_key);
}

TextType age_recipient() {
    return text_form(
        "an age recipient (\"age1…\", as age-keygen prints it)", "^age1[0-9a-z]{58}$", is_age_recipient);
}

TextType host_key() {
    return text_form("a host key's fingerprint as ssh-keygen -l prints it (\"SHA256:…\")",
                     "^SHA256:[A-Za-z0-9+/]{43}$",
                     is_host_key_fingerprint,
                     Caution::none);
}

TextType ssh_key_source() {
    return text_form("\"agent\", a path to a private key, or a secret's reference",
                     "^(agent$|~?/|\\./|secret:/|sealed:/)",
                     is_key_source);
}

TextType record_type() {
    return text_form("a record's type like \"MX\"", "^[A-Z0-9]+$", is_type);
}

TextType escrow_location() {
    return std::make_shared<FormType<std::string>>(Form<std::string>{
        .words = "\"sealed\", a place, or \"attested:\" and where it is",
        .parse = [](std::string_view text) -> std::optional<std::string> {
            return is_escrow_location(text) ? std::optional(std::string(text)) : std::nullopt;
        },
        .write = [](const std::string& text) { return text; },
        .names = NameUse::Kind::owner,
        .name = owner_of});
}

TextType drill_place() {
    return std::make_shared<FormType<std::string>>(
        Form<std::string>{.words = "\"fresh\" (a server made for it) or a server's name",
                          .parse = [](std::string_view text) -> std::optional<std::string> {
                              return is_server_name(text) ? std::optional(std::string(text)) : std::nullopt;
                          },
                          .write = [](const std::string& text) { return text; },
                          .names = NameUse::Kind::server,
                          .name = [](const std::string& text) { return text == "fresh" ? "" : text; }});
}

TextType name_of(NameUse::Kind kind, std::string words) {
    return std::make_shared<FormType<std::string>>(
        Form<std::string>{.words = std::move(words),
                          .parse = [](std::string_view text) -> std::optional<std::string> {
                              return text.empty() ? std::nullopt : std::optional(std::string(text));
                          },
                          .write = [](const std::string& text) { return text; },
                          .names = kind,
                          .name = [](const std::string& text) { return text; }});
}

TypePtr<SecretRef> secret_ref() {
    return ref_form("a secret's reference: \"secret:/folder/NAME\" or \"sealed:/NAME\"",
                    "^(secret:/.*[^/]|sealed:/[^/]+)$",
                    SecretRef::parse);
}

TypePtr<SecretRef> sealed_ref() {
    return ref_form(
        "a sealed secret's reference: \"sealed:/NAME\"", "^sealed:/[^/]+$", [](std::string_view text) {
            const auto ref = SecretRef::parse(text);
            return ref && ref->source == SecretRef::Source::sealed ? ref : std::nullopt;
        });
}

TypePtr<SecretRef> secret_folder() {
    return ref_form("a folder of secrets: \"secret:/folder\"", "^secret:/", SecretRef::parse_folder);
}

TypePtr<Place> place() {
    return std::make_shared<FormType<Place>>(Form<Place>{
        .words = "a place: \"SERVER:/path\", \"SERVER:volume/NAME\", \"STORAGE:path\" or a local path",
        .parse = Place::parse,
        .write = [](const Place& one) { return one.text(); },
        .names = NameUse::Kind::owner,
        .name = [](const Place& one) { return one.owner; }});
}

TypePtr<std::chrono::seconds> duration() {
    return std::make_shared<FormType<std::chrono::seconds>>(
        Form<std::chrono::seconds>{.words = "a duration like \"90s\", \"15m\" or \"26h\"",
                                   .pattern = "^[0-9]+[dhms]([0-9]+[hms])*$",
                                   .parse = [](std::string_view text) -> std::optional<std::chrono::seconds> {
                                       const auto parsed = parse_duration(text);
                                       if (!parsed || *parsed < std::chrono::seconds(1)) return std::nullopt;
                                       return std::chrono::duration_cast<std::chrono::seconds>(*parsed);
                                   },
                                   .write = duration_text});
}

TextType variable_value() {
    return std::make_shared<VariableValueType>();
}

Keys server_names() {
    return keys_of("a server's name: small letters, digits, '-' and '.'",
                   "NAME",
                   "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$",
                   is_server_name);
}

Keys names(std::string words) {
    return keys_of(std::move(words), "NAME", "^[A-Za-z0-9][A-Za-z0-9_.-]*$", is_name);
}

Keys host_names(std::string words) {
    return keys_of(std::move(words) + " in small letters", "\"NAME\"", "", [](std::string_view text) {
        return is_host_name(text) && lower(text) == text;
    });
}

Keys variable_names() {
    return keys_of("a variable's name", "NAME", "^[A-Za-z_][A-Za-z0-9_]*$", is_variable);
}

Keys file_names() {
    return keys_of("a file's name", "NAME", "^[A-Za-z0-9][A-Za-z0-9_.-]*$", is_name);
}

Keys any_keys(std::string words, std::string placeholder) {
    return keys_of(std::move(words), std::move(placeholder), "", is_anything);
}

Keys these_keys(std::vector<std::string> known) {
    return {.words = "known", .fits = is_anything, .known = std::move(known)};
}

}  // namespace kavi::model
