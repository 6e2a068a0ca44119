#include <kavi/ops/run_facts.hpp>

#include <utility>

namespace kavi::ops {

void RunFacts::learn(std::string_view server, ServerFacts facts) {
    const std::lock_guard lock(mutex_);
    servers_.insert_or_assign(std::string(server), std::move(facts));
}

void RunFacts::learn_pins(std::string_view server, std::vector<std::string> pins) {
    const std::lock_guard lock(mutex_);
    servers_[std::string(server)].pins = std::move(pins);
}

void RunFacts::forget(std::string_view server) {
    const std::lock_guard lock(mutex_);
    if (const auto found = servers_.find(server); found != servers_.end()) servers_.erase(found);
}

std::optional<ServerFacts> RunFacts::find(std::string_view server) const {
    const std::lock_guard lock(mutex_);
    const auto found = servers_.find(server);
    return found == servers_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string> RunFacts::resolve(std::string_view reference) const {
    constexpr std::string_view start = "server:";
    const auto slash = reference.rfind('/');
    if (!reference.starts_with(start) || slash == std::string_view::npos) return std::nullopt;
    const auto facts = find(reference.substr(start.size(), slash - start.size()));
    if (!facts) return std::nullopt;
    const auto what = reference.substr(slash + 1);
    return what == "ipv4" ? facts->ipv4 : what == "ipv6" ? facts->ipv6 : std::nullopt;
}

}  // namespace kavi::ops
