#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/plan/plan.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace kavi::plan {

namespace {

constexpr int digest_version = 1;

Json canonical(const Action& action) {
    return {{"id", action.id},
            {"verb", name_of(action.verb)},
            {"subject", action.subject},
            {"before", action.before},
            {"expected_after", action.expected_after},
            {"after", action.after}};
}

}  // namespace

std::string_view name_of(Verb verb) {
    switch (verb) {
        case Verb::create: return "create";
        case Verb::update: return "update";
        case Verb::replace: return "replace";
        case Verb::remove: return "delete";
        case Verb::run: return "run";
    }
    return "run";
}

const Action* Plan::find(std::string_view id) const {
    const auto found = std::ranges::find(actions, id, &Action::id);
    return found == actions.end() ? nullptr : &*found;
}

void sort_by_needs(Plan& plan) {
    std::map<std::string_view, std::size_t> index;
    for (std::size_t i = 0; i < plan.actions.size(); ++i)
        if (!index.emplace(plan.actions[i].id, i).second)
            throw Error(errors::internal, fmt::format("the plan has two actions called {}", plan.actions[i].id));

    enum class Mark { none, open, done };
    std::vector<Mark> marks(plan.actions.size(), Mark::none);
    std::vector<std::size_t> order;
    // Iterative depth-first walk: a long chain of edges must not eat the stack.
    for (std::size_t start = 0; start < plan.actions.size(); ++start) {
        if (marks[start] == Mark::done) continue;
        std::vector<std::pair<std::size_t, std::size_t>> path{{start, 0}};
        marks[start] = Mark::open;
        while (!path.empty()) {
            auto& [current, next_edge] = path.back();
            const auto& edges = plan.actions[current].after;
            if (next_edge == edges.size()) {
                marks[current] = Mark::done;
                order.push_back(current);
                path.pop_back();
                continue;
            }
            const auto found = index.find(edges[next_edge++]);
            if (found == index.end())
                throw Error(errors::internal,
                            fmt::format("{} waits for {}, which isn't in the plan",
                                        plan.actions[current].id,
                                        edges[next_edge - 1]));
            const auto needed = found->second;
            if (marks[needed] == Mark::open)
                throw Error(errors::internal,
                            fmt::format("{} and {} wait for each other", plan.actions[current].id, found->first));
            if (marks[needed] == Mark::none) {
                marks[needed] = Mark::open;
                path.emplace_back(needed, 0);
            }
        }
    }
    std::vector<Action> sorted;
    sorted.reserve(order.size());
    for (const auto i : order) sorted.push_back(std::move(plan.actions[i]));
    plan.actions = std::move(sorted);
}

std::string digest(const Plan& plan) {
    std::vector<std::pair<std::string_view, std::string>> rows;
    rows.reserve(plan.actions.size());
    for (const auto& action : plan.actions) rows.emplace_back(action.id, canonical_json(canonical(action)));
    std::ranges::sort(rows);
    std::string text = fmt::format("kavi plan {}\n", digest_version);
    for (const auto& [id, row] : rows) text += row + "\n";
    return sha256_tag(text);
}

OrderedJson to_json(const Plan& plan) {
    auto actions = OrderedJson::array();
    for (const auto& action : plan.actions) {
        auto changes = OrderedJson::array();
        for (const auto& change : action.changes)
            changes.push_back({{"field", change.field},
                               {"from", OrderedJson(change.from)},
                               {"to", OrderedJson(change.to)}});
        actions.push_back({{"id", action.id},
                           {"verb", name_of(action.verb)},
                           {"subject", action.subject},
                           {"reason", action.reason},
                           {"changes", std::move(changes)},
                           {"destroys", action.destroys},
                           {"after", action.after}});
    }
    return {{"digest", digest(plan)}, {"actions", std::move(actions)}};
}

}  // namespace kavi::plan
