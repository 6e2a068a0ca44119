#include "listing.hpp"

#include "labels.hpp"
#include "problem.hpp"

#include <kavi/base/text.hpp>

#include <algorithm>
#include <charconv>

namespace kavi::lab::hetzner {
namespace {

std::size_t page_number(const Call& call, const std::string& name, std::size_t otherwise) {
    const auto text = call.parameter(name);
    if (!text) return otherwise;
    std::size_t number = 0;
    const auto end = text->data() + text->size();
    const auto [stopped, problem] = std::from_chars(text->data(), end, number);
    if (problem != std::errc{} || stopped != end || number < 1) throw invalid_input(name, "not a valid page");
    return number;
}

void keep_if(Json& items, const auto& keep) {
    Json kept = Json::array();
    for (auto& item : items)
        if (keep(item)) kept.push_back(std::move(item));
    items = std::move(kept);
}

std::string as_text(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

void apply_filters(const Call& call, Json& items, const ListRules& rules) {
    for (const auto& name : rules.filters) {
        const auto wanted = call.parameters(name);
        if (wanted.empty()) continue;
        keep_if(items, [&](const Json& item) {
            return item.contains(name) && std::ranges::find(wanted, as_text(item[name])) != wanted.end();
        });
    }
    if (const auto text = call.parameter("label_selector"); rules.labels && text && !text->empty()) {
        const LabelSelector selector(*text);
        keep_if(items, [&](const Json& item) {
            return selector.matches(item["labels"].get<std::map<std::string, std::string>>());
        });
    }
}

/// Sorts by the last criterion first, so that the first one decides.
void apply_sorting(const Call& call, Json& items, const ListRules& rules) {
    auto criteria = call.parameters("sort");
    std::ranges::reverse(criteria);
    for (const auto& criterion : criteria) {
        const auto colon = criterion.find(':');
        const auto field = criterion.substr(0, colon);
        const auto direction = colon == std::string::npos ? "asc" : criterion.substr(colon + 1);
        const bool known = std::ranges::find(rules.sortable, field) != rules.sortable.end();
        if (!known || (direction != "asc" && direction != "desc"))
            throw invalid_input("sort", "not a valid choice");
        std::stable_sort(items.begin(), items.end(), [&](const Json& a, const Json& b) {
            return direction == "asc" ? a[field] < b[field] : b[field] < a[field];
        });
    }
}

Json nullable(bool there, std::size_t number) {
    return there ? Json(number) : Json(nullptr);
}

Json take_page(const Call& call, Json& items) {
    const auto page = page_number(call, "page", 1);
    const auto per_page = std::min<std::size_t>(page_number(call, "per_page", 25), 50);
    const auto total = items.size();
    const auto last = std::max<std::size_t>((total + per_page - 1) / per_page, 1);
    const auto begin = std::min(total, (page - 1) * per_page);
    const auto end = std::min(total, begin + per_page);
    items = Json(items.begin() + static_cast<std::ptrdiff_t>(begin),
                 items.begin() + static_cast<std::ptrdiff_t>(end));
    return {{"page", page},
            {"per_page", per_page},
            {"previous_page", nullable(page > 1, page - 1)},
            {"next_page", nullable(page < last, page + 1)},
            {"last_page", last},
            {"total_entries", total}};
}

}  // namespace

Answer list_answer(const Call& call, Json items, const ListRules& rules) {
    apply_filters(call, items, rules);
    apply_sorting(call, items, rules);
    Json body = Json::object();
    if (rules.paged) body["meta"]["pagination"] = take_page(call, items);
    body[rules.key] = items.is_null() ? Json::array() : std::move(items);
    return Answer::json(200, body);
}

}  // namespace kavi::lab::hetzner
