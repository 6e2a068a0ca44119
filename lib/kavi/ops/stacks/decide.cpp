#include <kavi/base/text.hpp>
#include <kavi/ops/stacks/decide.hpp>
#include <kavi/ops/stacks/plan.hpp>

#include <fmt/format.h>

namespace kavi::ops {

namespace {

using What = ServiceDecision::What;

/// "11.0.3 → 11.0.4" within one repository, else both whole.
std::string image_change(std::string_view from, std::string_view to) {
    const auto colon = [](std::string_view image) {
        const auto slash = image.rfind('/');
        return image.find(':', slash == std::string_view::npos ? 0 : slash);
    };
    const auto a = colon(from), b = colon(to);
    const bool same =
        a != std::string_view::npos && b != std::string_view::npos && from.substr(0, a) == to.substr(0, b);
    return same ? fmt::format("image {} → {}", from.substr(a + 1), to.substr(b + 1))
                : fmt::format("image {} → {}", from, to);
}

/// For an input that isn't wanted any more, of which only the key is known: "text volume v" → "volume v".
std::string shown_key(std::string_view key) {
    if (key.starts_with("text ")) key.remove_prefix(5);
    if (key.starts_with("kavi_")) key.remove_prefix(5);
    return fmt::format("{} is gone", key);
}

std::string shown_name(const WantedInput& input) {
    return input.name == "compose" ? "its definition in the compose file" : input.name;
}

/// What differs between what a container was made of and what is wanted.
struct Difference {
    std::vector<std::string> reasons;
    std::vector<plan::Change> changes;

    bool empty() const { return reasons.empty(); }

    void add(std::string reason, std::string field, Json from, Json to) {
        reasons.push_back(std::move(reason));
        changes.push_back({std::move(field), std::move(from), std::move(to)});
    }

    std::string text() const {
        constexpr std::size_t shown = 3;
        if (reasons.size() <= shown) return join(reasons, ", ");
        return fmt::format(
            "{} and {} more", join(std::span(reasons).first(shown), ", "), reasons.size() - shown);
    }
};

void compare_inputs(const Made& made, const WantedService& wanted, Difference& difference) {
    for (const auto& [key, input] : wanted.inputs) {
        if (!input.digest) continue;  // can't be known here: what is recorded stands
        const auto found = made.inputs.find(key);
        if (found == made.inputs.end())
            difference.add(shown_name(input), input.name, nullptr, *input.digest);
        else if (!found->second.empty() && found->second != *input.digest)
            difference.add(shown_name(input), input.name, found->second, *input.digest);
    }
    for (const auto& [key, digest] : made.inputs)
        if (!wanted.inputs.contains(key)) difference.add(shown_key(key), shown_key(key), digest, nullptr);
}

Difference compare(const Made& made, const WantedService& wanted, const std::string& key_id) {
    Difference difference;
    if (engine_image_name(made.image) != engine_image_name(wanted.image))
        difference.add(image_change(made.image, wanted.image), "image", made.image, wanted.image);
    if (made.key == key_id) compare_inputs(made, wanted, difference);  // another key's can't be compared
    return difference;
}

/// Empty: it runs as it should.
std::string ailment(const SeenContainer& container, const WantedService& wanted) {
    if (wanted.one_shot && container.state == "exited" && container.exit_code == 0) return {};
    if (container.state != "running")
        return container.oom_killed ? "not running, killed for want of memory" : "not running";
    return container.health == "unhealthy" ? "unhealthy" : "";
}

ServiceDecision replace(const Difference& difference) {
    return {.what = What::bring_up,
            .verb = plan::Verb::replace,
            .reason = difference.text(),
            .changes = difference.changes,
            .recreate = true};
}

/// Same inputs, but it isn't well: one that stopped is started, one that is ill gets a new container.
ServiceDecision mend(const std::string& why) {
    const bool ill = why == "unhealthy";
    return {.what = What::bring_up,
            .verb = ill ? plan::Verb::replace : plan::Verb::update,
            .reason = why,
            .recreate = ill};
}

ServiceDecision note_down(std::string reason, bool adopted, std::string note) {
    return {
        .what = What::note_down, .reason = std::move(reason), .adopted = adopted, .note = std::move(note)};
}

/// A container that the record doesn't know: an interrupted run's, or somebody else's.
ServiceDecision decide_unknown(const WantedService& wanted,
                               const SeenContainer& container,
                               const ServiceRecord* record,
                               const std::string& key_id) {
    const auto why = ailment(container, wanted);
    if (record != nullptr && record->pending) {
        const auto difference = compare(*record->pending, wanted, key_id);
        if (!difference.empty()) return replace(difference);
        if (!why.empty()) return mend(why);
        if (container.health == "starting")
            return {.what = What::bring_up,
                    .verb = plan::Verb::update,
                    .reason = "an interrupted run brought it up"};
        return note_down("an interrupted run brought it up", false, {});
    }
    Made made{.image = container.image, .inputs = {}, .key = {}, .release = {}};
    if (record != nullptr) made.inputs = record->made.inputs, made.key = record->made.key;
    const auto difference = compare(made, wanted, key_id);
    if (!difference.empty()) return replace(difference);
    if (!why.empty()) return mend(why);
    return note_down("adopted as it runs",
                     true,
                     fmt::format("{} was started by another: kavi would recreate it, not now", wanted.name));
}

}  // namespace

ServiceDecision decide_service(const WantedService& wanted,
                               const StackSeen& seen,
                               const std::string& key_id) {
    const auto found = seen.containers.find(wanted.name);
    const auto recorded = seen.record.services.find(wanted.name);
    const auto* record = recorded == seen.record.services.end() ? nullptr : &recorded->second;
    if (found == seen.containers.end())
        return {.what = What::bring_up,
                .verb = plan::Verb::create,
                .reason = record != nullptr && !record->container.empty() ? "its container is gone"
                                                                          : "new service"};
    const auto& container = found->second;
    if (record == nullptr || record->container != container.id)
        return decide_unknown(wanted, container, record, key_id);
    if (const auto difference = compare(record->made, wanted, key_id); !difference.empty())
        return replace(difference);
    if (const auto why = ailment(container, wanted); !why.empty()) return mend(why);
    if (record->made.key != key_id)
        return note_down("the fingerprint key changed: noted with the new one", record->adopted, {});
    ServiceDecision nothing;
    if (container.health == "starting") nothing.note = fmt::format("{} is still starting", wanted.name);
    return nothing;
}

}  // namespace kavi::ops
