#include <kavi/base/clock.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/secrets/escrow.hpp>
#include <kavi/seal/age_error.hpp>
#include <kavi/seal/crypto.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace kavi::ops {

namespace {

constexpr std::string_view in_sealed_copy = "sealed";
constexpr std::string_view attested = "attested:";
constexpr int stale_after_days = 366;

struct EscrowStep final : plan::Payload {
    model::Place place;
    std::string file;
};

/// Days since 1970 of the "2026-11-25" that a text ends in.
std::optional<std::chrono::sys_days> date_at_end(std::string_view text) {
    const auto words = trim(text);
    const auto digits = [](std::string_view part) {
        return std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
    };
    if (words.size() < 10) return std::nullopt;
    const auto date = words.substr(words.size() - 10);
    if (date[4] != '-' || date[7] != '-' || !digits(date.substr(0, 4)) || !digits(date.substr(5, 2)) ||
        !digits(date.substr(8)))
        return std::nullopt;
    const auto number = [&](std::size_t at, std::size_t size) {
        return std::stoi(std::string(date.substr(at, size)));
    };
    const std::chrono::year_month_day day{std::chrono::year(number(0, 4)),
                                          std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                          std::chrono::day(static_cast<unsigned>(number(8, 2)))};
    return day.ok() ? std::optional(std::chrono::sys_days(day)) : std::nullopt;
}

std::pair<EscrowState, std::string> look_at_attested(std::string_view text,
                                                     std::chrono::system_clock::time_point now) {
    const auto today = iso8601(now).substr(0, 10);
    const auto day = date_at_end(text);
    if (!day)
        return {EscrowState::stale,
                fmt::format("has no date: look at it and add the day, as '{}{} {}'", attested, text, today)};
    const auto age = std::chrono::duration_cast<std::chrono::days>(now - *day).count();
    if (age > stale_after_days)
        return {EscrowState::stale,
                fmt::format("was looked at {} days ago: look again and change the date", age)};
    return {EscrowState::good, fmt::format("looked at {} days ago", std::max<long>(age, 0))};
}

bool same_key(const Secret& a, const Secret& b) {
    return seal::same_bytes(trim(a.reveal()), trim(b.reveal()));
}

std::pair<EscrowState, std::string> compare(const EscrowTools& tools,
                                            const Secret* key,
                                            std::string_view bytes) {
    try {
        const auto copy = seal::age_open(bytes, tools.identities);
        if (!key) return {EscrowState::present, "opened, but there is no key to compare it with"};
        if (same_key(copy, *key)) return {EscrowState::good, "opened, the same key"};
        return {EscrowState::differs, "holds another key"};
    } catch (const seal::AgeError& error) {
        if (error.fault() == seal::AgeFault::no_match)
            return {EscrowState::present, "sealed for others than this identity"};
        return {EscrowState::differs, error.message()};
    }
}

std::pair<EscrowState, std::string> look(const EscrowTools& tools,
                                         const model::EscrowKey& escrow,
                                         const std::string& location,
                                         std::chrono::system_clock::time_point now,
                                         std::stop_token stop) {
    const auto* key = tools.vault.find(escrow.secret);
    if (location == in_sealed_copy) {
        if (!tools.vault.sealed_opened()) return {EscrowState::present, "no sealed copy could be opened"};
        return key ? std::pair(EscrowState::good, "in " + tools.vault.description())
                   : std::pair(EscrowState::missing, std::string("not in the sealed copy"));
    }
    if (location.starts_with(attested)) return look_at_attested(location.substr(attested.size()), now);
    const auto place = model::Place::parse(location);
    if (!place) return {EscrowState::missing, "is no place"};
    try {
        const auto bytes = tools.places.read(*place, std::move(stop));
        if (!bytes) return {EscrowState::missing, "nothing lies there"};
        return compare(tools, key, *bytes);
    } catch (const Error& error) {
        if (error.code() == errors::interrupted) throw;
        return {EscrowState::unreachable, error.message()};
    }
}

std::vector<seal::Recipient> recipients(const model::Estate& estate) {
    return secrets::recipients_of(secrets::operators_of(estate));
}

}  // namespace

std::string_view name_of(EscrowState state) {
    switch (state) {
        case EscrowState::good:
            return "good";
        case EscrowState::present:
            return "present, not opened";
        case EscrowState::missing:
            return "missing";
        case EscrowState::differs:
            return "differs";
        case EscrowState::unreachable:
            return "unreachable";
        case EscrowState::stale:
            return "stale";
    }
    return "";
}

Exit EscrowReport::exit() const {
    const auto any = [&](EscrowState state) {
        return std::ranges::find(findings, state, &EscrowFinding::state) != findings.end();
    };
    if (any(EscrowState::differs)) return Exit::integrity;
    if (any(EscrowState::missing) || any(EscrowState::stale) || any(EscrowState::unreachable))
        return Exit::unhealthy;
    return Exit::ok;
}

EscrowReport verify_escrow(const EscrowTools& tools,
                           std::chrono::system_clock::time_point now,
                           std::stop_token stop) {
    EscrowReport report;
    for (const auto& [name, escrow] : tools.estate.escrow)
        for (const auto& location : escrow.locations) {
            auto [state, detail] = look(tools, escrow, location, now, stop);
            report.findings.push_back({name, location, state, std::move(detail)});
        }
    return report;
}

plan::Plan plan_escrow(const EscrowTools& tools, const EscrowReport& report) {
    plan::Plan plan;
    for (const auto& finding : report.findings) {
        if (finding.location == in_sealed_copy || finding.location.starts_with(attested)) continue;
        if (finding.state != EscrowState::missing) {
            if (finding.state != EscrowState::good)
                plan.notes.push_back(fmt::format(
                    "{} is left alone: {}, {}", finding.location, name_of(finding.state), finding.detail));
            continue;
        }
        const auto& key = tools.vault.get(tools.estate.escrow.at(finding.key).secret);
        auto step = std::make_shared<EscrowStep>();
        step->place = model::Place::parse(finding.location).value();
        step->file = seal::age_seal(key, recipients(tools.estate), seal::AgeForm::armored);
        plan::Action action{.id = fmt::format("escrow/{}/{}", finding.key, finding.location),
                            .verb = plan::Verb::create};
        action.kind = EscrowHandler::kind;
        action.group = finding.key;
        action.subject = finding.location;
        action.reason = "missing; sealed for the operators";
        action.expected_after = "placed";
        action.lane = "escrow";
        action.payload = std::move(step);
        plan.actions.push_back(std::move(action));
    }
    return plan;
}

void EscrowHandler::apply(std::span<const plan::Action* const> batch, std::stop_token stop) {
    for (const auto* action : batch) {
        const auto& step = dynamic_cast<const EscrowStep&>(*action->payload);
        places_.write(step.place, step.file, stop);
    }
}

}  // namespace kavi::ops
