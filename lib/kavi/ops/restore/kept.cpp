#include <kavi/base/text.hpp>
#include <kavi/ops/restore/kept.hpp>
#include <kavi/ops/restore/plan.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::ops {

namespace {

struct DropKept final : plan::Payload {
    std::string server;
    Kept kept;
};

Json ask(host::Host& host, const Json& targets, const Json& drop, std::stop_token stop) {
    auto text = canonical_json({{"kavi.agent", 1}, {"kept", {{"targets", targets}, {"drop", drop}}}});
    host::Operation operation{.name = "agent/run", .parameters = {{"command", "restore"}}, .frames = {}};
    operation.frames.push_back({"agent-request", std::move(text)});
    return host.call(operation, stop);
}

}  // namespace

std::vector<Kept> find_kept(host::Host& host,
                            const model::LoadedEstate& loaded,
                            const std::string& server,
                            const std::vector<std::string>& items,
                            std::stop_token stop) {
    auto targets = Json::array();
    std::vector<std::string> names;
    for (const auto& place : item_places(loaded, server)) {
        if (!items.empty() && std::ranges::find(items, place.item) == items.end()) continue;
        targets.push_back(item_target(loaded, loaded.estate.backup.items.at(place.item)));
        names.push_back(place.item);
    }
    std::vector<Kept> all;
    if (targets.empty()) return all;
    const auto answer = ask(host, targets, Json::array(), stop);
    for (const auto& one : member_or_null(answer, "kept")) {
        const auto& index = member_or_null(one, "target");
        if (!index.is_number_integer() || index.get<std::size_t>() >= targets.size()) continue;
        all.push_back({.item = names[index.get<std::size_t>()],
                       .name = printable(string_or(one, "name")),
                       .what = string_or(one, "what"),
                       .run = string_or(one, "run"),
                       .target = targets[index.get<std::size_t>()]});
    }
    return all;
}

void plan_drop_kept(plan::Plan& plan, const std::string& server, const std::vector<Kept>& kept) {
    for (const auto& one : kept) {
        auto payload = std::make_shared<DropKept>();
        payload->server = server;
        payload->kept = one;
        plan.actions.push_back({.id = fmt::format("drop-kept/{}/{}", server, one.name),
                                .verb = plan::Verb::remove,
                                .kind = "drop-kept",
                                .group = server,
                                .subject = one.name,
                                .reason = fmt::format("{} that {} replaced", one.what, one.run),
                                .destroys = true,
                                .question = plan::Question::yes_no,
                                .before = {{"name", one.name}},
                                .lane = server,
                                .batch = "drop-kept/" + server,
                                .payload = std::move(payload)});
    }
}

void DropKeptHandler::apply(std::span<const plan::Action* const> batch, std::stop_token stop) {
    auto targets = Json::array(), drop = Json::array();
    for (const auto* action : batch) {
        const auto& kept = dynamic_cast<const DropKept&>(*action->payload).kept;
        if (std::ranges::find(targets, kept.target) == targets.end()) targets.push_back(kept.target);
        drop.push_back(kept.name);
    }
    ask(host_at_(dynamic_cast<const DropKept&>(*batch.front()->payload).server, stop), targets, drop, stop);
}

}  // namespace kavi::ops
