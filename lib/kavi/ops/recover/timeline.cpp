#include <kavi/model/placed.hpp>
#include <kavi/ops/recover/timeline.hpp>
#include <kavi/ops/restore/plan.hpp>

#include <algorithm>

namespace kavi::ops {

namespace {

using std::chrono::milliseconds;

/// The phase that an action belongs to, by its id.
std::string phase_of(const std::string& id) {
    static const std::map<std::string, std::string, std::less<>> phases{
        {"server", "server"},     {"firewall", "server"}, {"ssh-key", "server"},  {"primary-ip", "server"},
        {"trust", "trust"},       {"baseline", "baseline"}, {"mount", "baseline"}, {"agent", "baseline"},
        {"backup", "baseline"},   {"pull", "pull"},       {"restore", "restore"}, {"service", "services"},
        {"stack", "services"},    {"release", "services"}, {"dns", "dns"},        {"last-copy", "last copy"}};
    const auto found = phases.find(id.substr(0, id.find('/')));
    return found == phases.end() ? "other" : found->second;
}

/// Overlapping spans count once.
milliseconds time_spent(std::vector<std::pair<milliseconds, milliseconds>> spans) {
    std::ranges::sort(spans);
    milliseconds sum{}, until{};
    for (const auto& [from, to] : spans) {
        sum += std::max(milliseconds(0), to - std::max(from, until));
        until = std::max(until, to);
    }
    return sum;
}

}  // namespace

milliseconds Timeline::since() {
    const auto now = clock_.steady();
    if (!began_) began_ = now;
    return std::chrono::duration_cast<milliseconds>(now - *began_);
}

void Timeline::started(const plan::Action& action) {
    {
        const std::lock_guard lock(mutex_);
        open_[action.id] = since();
    }
    inner_.started(action);
}

void Timeline::finished(const plan::Action& action, milliseconds took, bool was_so) {
    end(action, true);
    inner_.finished(action, took, was_so);
}

void Timeline::failed(const plan::Action& action, const Error& error, const std::optional<std::string>& put_back) {
    end(action, false);
    inner_.failed(action, error, put_back);
}

void Timeline::end(const plan::Action& action, bool well) {
    const std::lock_guard lock(mutex_);
    const auto now = since();
    const auto from = open_.find(action.id);
    spans_.push_back({action.id, action.kind, action.subject, from == open_.end() ? now : from->second, now, well});
}

std::vector<Timeline::Span> Timeline::spans() const {
    const std::lock_guard lock(mutex_);
    return spans_;
}

std::optional<milliseconds> RecoveryTimes::critical() const {
    milliseconds last{};
    for (const auto& service : services) {
        if (!service.critical) continue;
        if (!service.after) return std::nullopt;
        last = std::max(last, *service.after);
    }
    return last;
}

RecoveryTimes recovery_times(const model::LoadedEstate& loaded, const std::string& server, const std::vector<Timeline::Span>& spans) {
    RecoveryTimes times{.services = {}, .phases = {}, .target = loaded.estate.recovery.target, .whole = {}};
    std::map<std::string, std::vector<std::pair<milliseconds, milliseconds>>> phases;
    std::map<std::string, milliseconds> ends;
    for (const auto& span : spans) {
        phases[phase_of(span.id)].emplace_back(span.from, span.to);
        times.whole = std::max(times.whole, span.to);
        if (span.well) ends[span.id] = span.to;
    }
    for (auto& [phase, parts] : phases) times.phases[phase] = time_spent(std::move(parts));
    const auto ended = [&](const std::string& beginning) {
        std::optional<milliseconds> last;
        for (const auto& [id, end] : ends)
            if (id == beginning || id.starts_with(beginning + "/")) last = std::max(last.value_or(end), end);
        return last;
    };
    const auto items = item_places(loaded, server);
    for (const auto& placed : model::placed_services(loaded)) {
        if (placed.server != server || !placed.stack) continue;
        auto back = ended("service/" + *placed.stack + "/" + placed.name);
        for (const auto& item : items)
            if (back && item.within == placed.name) back = std::max(*back, ended("restore/" + server + "/" + item.item).value_or(*back));
        times.services.push_back(
            {.service = placed.name, .tier = placed.tier, .critical = placed.settings.critical, .after = back});
    }
    std::ranges::stable_sort(times.services, {}, &BackAgain::tier);
    return times;
}

OrderedJson to_json(const RecoveryTimes& times) {
    OrderedJson json;
    const auto critical = times.critical();
    json["critical_ms"] = critical ? OrderedJson(critical->count()) : OrderedJson(nullptr);
    json["whole_ms"] = times.whole.count();
    json["target_ms"] = times.target.count();
    json["phases"] = OrderedJson::object();
    for (const auto& [phase, spent] : times.phases) json["phases"][phase] = spent.count();
    json["services"] = OrderedJson::array();
    for (const auto& one : times.services)
        json["services"].push_back({{"name", one.service},
                                    {"tier", one.tier},
                                    {"critical", one.critical},
                                    {"back_after_ms", one.after ? OrderedJson(one.after->count()) : OrderedJson(nullptr)}});
    return json;
}

}  // namespace kavi::ops
