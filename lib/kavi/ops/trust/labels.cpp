#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/trust/labels.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace kavi::ops {

namespace {

using std::chrono::sys_seconds;

constexpr std::string_view phase_label = "kavi-phase";
constexpr std::string_view time_label = "kavi-time";
constexpr std::string_view mac_label = "kavi-mac";
constexpr std::array<std::string_view, 2> pin_labels{"kavi-pin-1", "kavi-pin-2"};
constexpr std::array phases{TrustPhase::boot, TrustPhase::rotating, TrustPhase::ready};
constexpr auto creation_window = std::chrono::hours(1);

/// "20261125T024300Z": what a label may hold.
std::string stamp(sys_seconds time) {
    return fmt::format("{:%Y%m%dT%H%M%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

std::optional<sys_seconds> at(int year, int month, int day, int hour, int minute, int second) {
    using namespace std::chrono;
    const year_month_day date{std::chrono::year(year),
                              std::chrono::month(static_cast<unsigned>(month)),
                              std::chrono::day(static_cast<unsigned>(day))};
    if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    return sys_seconds(sys_days(date)) + hours(hour) + minutes(minute) + seconds(second);
}

std::optional<sys_seconds> parse_time(const std::string& text, const char* format) {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    if (std::sscanf(text.c_str(), format, &year, &month, &day, &hour, &minute, &second) != 6)
        return std::nullopt;
    return at(year, month, day, hour, minute, second);
}

std::optional<std::string> decode_pin(std::string_view text) {
    std::string bytes;
    unsigned buffer = 0;
    int bits = 0;
    for (const char c : text) {
        const int value = c >= 'a' && c <= 'z' ? c - 'a' : c >= '2' && c <= '7' ? c - '2' + 26 : -1;
        if (value < 0) return std::nullopt;
        buffer = (buffer << 5) | static_cast<unsigned>(value);
        bits += 5;
        if (bits < 8) continue;
        bits -= 8;
        bytes += static_cast<char>((buffer >> bits) & 0xff);
    }
    // Only the canonical text of 32 bytes: two texts never mean the same pin.
    return bytes.size() == 32 && base32(bytes) == text ? std::optional(bytes) : std::nullopt;
}

std::size_t pins_in(TrustPhase phase) {
    return phase == TrustPhase::rotating ? 2 : 1;
}

std::string mac(const Trust& trust,
                std::string_view estate,
                std::string_view server,
                std::optional<std::int64_t> id,
                const Secret& key) {
    std::string text = "kavi host key 1";
    const auto add = [&](std::string_view part) { text += fmt::format("\n{} ", part.size()).append(part); };
    add(estate);
    add(id ? fmt::format("server {}", *id) : fmt::format("new server {}", server));
    add(name_of(trust.phase));
    add(stamp(trust.time));
    for (const auto& pin : trust.pins) add(pin);
    return base32(hmac_sha256(key.reveal(), text).substr(0, 20));
}

Error not_authentic(const api::HetznerServer& server, std::string why) {
    return Error(errors::integrity,
                 fmt::format("the host key labels of server {} can't be trusted", server.name))
        .because(std::move(why))
        .fix(
            "find out who changed the labels (Hetzner's console shows each change); its SSH host key in "
            "kavi.toml and "
            "'kavi server adopt " +
            server.name + "' write them anew");
}

void require_created_then(const api::HetznerServer& server, const Trust& trust) {
    const auto created = parse_time(server.created, "%4d-%2d-%2dT%2d:%2d:%2d");
    if (!created) throw not_authentic(server, "Hetzner doesn't say when it was created");
    const auto apart = *created > trust.time ? *created - trust.time : trust.time - *created;
    if (apart <= creation_window) return;
    throw not_authentic(
        server,
        fmt::format("they were written at {} for a new server, but this one was created at {}",
                    stamp(trust.time),
                    stamp(*created)));
}

TrustPhase phase_of(const api::HetznerServer& server) {
    const auto text = api::label_or_empty(server.labels, phase_label);
    const auto found = std::ranges::find(phases, text, [](TrustPhase phase) { return name_of(phase); });
    if (found == phases.end())
        throw not_authentic(server, fmt::format("{} is '{}'", phase_label, printable(text)));
    return *found;
}

/// The labels as they stand, complete but not yet authenticated.
Trust parse(const api::HetznerServer& server) {
    Trust trust{.phase = phase_of(server)};
    const auto time = parse_time(api::label_or_empty(server.labels, time_label), "%4d%2d%2dT%2d%2d%2dZ");
    if (!time) throw not_authentic(server, fmt::format("{} is no time", time_label));
    trust.time = *time;
    for (std::size_t i = 0; i < pin_labels.size(); ++i) {
        const auto text = api::label_or_empty(server.labels, pin_labels[i]);
        if (text.empty() && i >= pins_in(trust.phase)) continue;
        const auto pin = decode_pin(text);
        if (!pin || i >= pins_in(trust.phase))
            throw not_authentic(
                server, fmt::format("{} doesn't fit the phase {}", pin_labels[i], name_of(trust.phase)));
        trust.pins.push_back(*pin);
    }
    return trust;
}

bool has_any(const api::Labels& labels) {
    return std::ranges::any_of(labels, [](const auto& label) {
        return label.first == phase_label || label.first == time_label || label.first == mac_label ||
               std::ranges::find(pin_labels, label.first) != pin_labels.end();
    });
}

}  // namespace

std::string_view name_of(TrustPhase phase) {
    switch (phase) {
        case TrustPhase::boot:
            return "boot";
        case TrustPhase::rotating:
            return "rotating";
        case TrustPhase::ready:
            return "ready";
    }
    return "";
}

std::map<std::string, std::optional<std::string>> trust_labels(const Trust& trust,
                                                               std::string_view estate,
                                                               std::string_view server,
                                                               std::optional<std::int64_t> id,
                                                               const Secret& pin_key) {
    if (trust.pins.size() != pins_in(trust.phase))
        throw Error(errors::internal,
                    fmt::format("{} pins in phase {}", trust.pins.size(), name_of(trust.phase)));
    std::map<std::string, std::optional<std::string>> labels{
        {std::string(phase_label), std::string(name_of(trust.phase))},
        {std::string(time_label), stamp(trust.time)},
        {std::string(mac_label), mac(trust, estate, server, id, pin_key)}};
    for (std::size_t i = 0; i < pin_labels.size(); ++i)
        labels[std::string(pin_labels[i])] =
            i < trust.pins.size() ? std::optional(base32(trust.pins[i])) : std::nullopt;
    return labels;
}

std::optional<Trust> read_trust(const api::HetznerServer& server,
                                std::string_view estate,
                                const Secret& pin_key) {
    if (!has_any(server.labels)) return std::nullopt;
    auto trust = parse(server);
    const auto given = Secret(api::label_or_empty(server.labels, mac_label));
    if (given == Secret(mac(trust, estate, server.name, server.id, pin_key))) return trust;
    const bool as_new = trust.phase == TrustPhase::boot &&
                        given == Secret(mac(trust, estate, server.name, std::nullopt, pin_key));
    if (!as_new)
        throw not_authentic(
            server,
            "their MAC is missing or wrong: they weren't written by this estate's kavi for this "
            "server, or the fingerprint key is another one");
    require_created_then(server, trust);
    return trust;
}

}  // namespace kavi::ops
