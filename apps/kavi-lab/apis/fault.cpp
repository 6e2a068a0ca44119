#include "fault.hpp"

#include <kavi/base/error_codes.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace kavi::lab {
namespace {

[[noreturn]] void bad_word(std::string_view word, std::string_view wanted) {
    throw Error(errors::usage, fmt::format("'{}' makes no sense in a fault: {}", word, wanted));
}

std::int64_t number(std::string_view word, std::string_view text) {
    std::int64_t value = 0;
    const auto end = text.data() + text.size();
    const auto [stopped, problem] = std::from_chars(text.data(), end, value);
    if (problem != std::errc{} || stopped != end || value < 0) bad_word(word, "a number is wanted");
    return value;
}

std::chrono::milliseconds duration(std::string_view word, std::string_view text) {
    const bool millis = text.ends_with("ms");
    if (millis)
        text.remove_suffix(2);
    else if (text.ends_with('s'))
        text.remove_suffix(1);
    else
        bad_word(word, "a duration such as 200ms or 3s is wanted");
    return std::chrono::milliseconds(number(word, text) * (millis ? 1 : 1000));
}

double chance(std::string_view word, const std::string& text) {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0' || !(value >= 0) || value > 1) bad_word(word, "0 to 1 is wanted");
    return value;
}

void set_flag(Fault& fault, const std::string& word) {
    if (word == "reset")
        fault.reset = true;
    else if (word == "malformed")
        fault.malformed = true;
    else if (word == "carried-out")
        fault.carried_out = true;
    else
        bad_word(word, "reset, malformed, carried-out or key=value is wanted");
}

void set_member(Fault& fault, const std::string& word, std::string_view key, const std::string& value) {
    if (key == "api")
        fault.api = value;
    else if (key == "method")
        fault.method = value;
    else if (key == "path")
        fault.path = value;
    else if (key == "action")
        fault.action = value;
    else if (key == "error")
        fault.error = value;
    else if (key == "times")
        fault.times = number(word, value);
    else if (key == "skip")
        fault.skip = number(word, value);
    else if (key == "chance")
        fault.chance = chance(word, value);
    else if (key == "status")
        fault.status = static_cast<int>(number(word, value));
    else if (key == "delay")
        fault.delay = duration(word, value);
    else if (key == "retry-after")
        fault.retry_after = static_cast<int>(number(word, value));
    else if (key == "truncate")
        fault.truncate = static_cast<std::size_t>(number(word, value));
    else
        bad_word(word, "there is no such key");
}

void check(const Fault& fault) {
    static constexpr std::string_view apis[] = {
        "", "hetzner", "storage", "cloudflare", "infisical", "s3", "doh"};
    if (std::ranges::find(apis, fault.api) == std::end(apis))
        bad_word("api=" + fault.api, "hetzner, storage, cloudflare, infisical, s3 or doh is wanted");
    if (fault.status != 0 && (fault.status < 400 || fault.status > 599))
        bad_word(fmt::format("status={}", fault.status), "400 to 599 is wanted");
    const bool does = fault.status || fault.delay.count() || fault.reset || fault.malformed ||
                      fault.truncate || !fault.error.empty();
    if (!does)
        throw Error(errors::usage, "this fault does nothing: status, delay, reset, truncate or malformed?");
}

bool path_matches(const std::string& pattern, const std::string& path) {
    if (pattern.empty()) return true;
    if (pattern.ends_with('*'))
        return path.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
    return pattern == path;
}

bool same_or_any(const std::string& wanted, const std::string& value) {
    return wanted.empty() || wanted == value;
}

}  // namespace

Fault parse_fault(std::span<const std::string> words) {
    Fault fault;
    for (const auto& word : words) {
        const auto equals = word.find('=');
        if (equals == std::string::npos)
            set_flag(fault, word);
        else
            set_member(fault, word, std::string_view(word).substr(0, equals), word.substr(equals + 1));
    }
    if (fault.status == 0 && fault.retry_after) fault.status = 429;
    check(fault);
    return fault;
}

std::string to_text(const Fault& fault) {
    std::string text;
    const auto add = [&](std::string_view key, const auto& value) {
        text += fmt::format("{}{}={}", text.empty() ? "" : " ", key, value);
    };
    const auto add_word = [&](const char* key, const std::string& value) {
        if (!value.empty()) add(key, value);
    };
    const auto add_flag = [&](const char* word, bool set) {
        if (set) text += (text.empty() ? "" : " ") + std::string(word);
    };
    add_word("api", fault.api);
    add_word("method", fault.method);
    add_word("path", fault.path);
    add_word("action", fault.action);
    if (fault.status != 0) add("status", fault.status);
    add_word("error", fault.error);
    if (fault.delay.count() != 0) add("delay", fmt::format("{}ms", fault.delay.count()));
    if (fault.retry_after) add("retry-after", *fault.retry_after);
    if (fault.truncate) add("truncate", *fault.truncate);
    add_flag("reset", fault.reset);
    add_flag("malformed", fault.malformed);
    add_flag("carried-out", fault.carried_out);
    if (fault.skip != 0) add("skip", fault.skip);
    if (fault.times >= 0) add("times", fault.times);
    if (fault.chance < 1) add("chance", fault.chance);
    return text;
}

Json to_json(const Fault& fault) {
    return {{"number", fault.number}, {"fault", to_text(fault)}};
}

int FaultTable::add(Fault fault) {
    const std::scoped_lock lock(mutex_);
    fault.number = ++last_number_;
    faults_.push_back(std::move(fault));
    return last_number_;
}

std::vector<Fault> FaultTable::all() const {
    const std::scoped_lock lock(mutex_);
    return faults_;
}

void FaultTable::clear(std::optional<int> number) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(faults_, [&](const Fault& fault) { return !number || fault.number == *number; });
}

bool FaultTable::strikes(Fault& fault) {
    if (fault.times == 0) return false;
    if (fault.skip > 0) {
        --fault.skip;
        return false;
    }
    if (fault.chance < 1 && std::uniform_real_distribution<double>(0, 1)(random_) >= fault.chance)
        return false;
    if (fault.times > 0) --fault.times;
    return true;
}

template <typename Matches>
std::optional<Fault> FaultTable::first(Matches matches) {
    const std::scoped_lock lock(mutex_);
    for (auto& fault : faults_)
        if (matches(fault) && strikes(fault)) return fault;
    return std::nullopt;
}

std::optional<Fault> FaultTable::for_request(const std::string& api,
                                             const std::string& method,
                                             const std::string& path) {
    return first([&](const Fault& fault) {
        return fault.action.empty() && same_or_any(fault.api, api) && same_or_any(fault.method, method) &&
               path_matches(fault.path, path);
    });
}

std::optional<Fault> FaultTable::for_action(const std::string& api, const std::string& action) {
    return first([&](const Fault& fault) { return fault.action == action && same_or_any(fault.api, api); });
}

}  // namespace kavi::lab
