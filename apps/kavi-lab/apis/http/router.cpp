#include "router.hpp"

#include <kavi/base/text.hpp>

#include <algorithm>

namespace kavi::lab {
namespace {

bool is_name(const std::string& segment) {
    return segment.size() > 2 && segment.front() == '{';
}

/// A path's segments; a trailing slash changes nothing.
std::vector<std::string> segments_of(std::string_view path) {
    auto segments = split(path, '/');
    if (!segments.empty() && segments.front().empty()) segments.erase(segments.begin());
    if (segments.size() > 1 && segments.back().empty()) segments.pop_back();
    return segments;
}

bool fits(const std::vector<std::string>& wanted, const std::vector<std::string>& segments) {
    return std::ranges::equal(wanted, segments, [](const std::string& want, const std::string& segment) {
        return is_name(want) ? !segment.empty() : want == segment;
    });
}

}  // namespace

void Router::add(const std::string& method, std::string_view path, Handler handler) {
    Route route{method, std::string(path), segments_of(path), 0, std::move(handler)};
    route.names = static_cast<std::size_t>(std::ranges::count_if(route.segments, is_name));
    const auto place = std::ranges::upper_bound(routes_, route.names, {}, &Route::names);
    routes_.insert(place, std::move(route));
}

Router::Match Router::find(Call& call) const {
    const auto segments = segments_of(call.path);
    Match match{.miss = Miss::path};
    for (const auto& route : routes_) {
        if (!fits(route.segments, segments)) continue;
        match.miss = Miss::method;
        if (route.method != call.method) continue;
        for (std::size_t i = 0; i < segments.size(); ++i) {
            const auto& want = route.segments[i];
            if (is_name(want))
                call.params[want.substr(1, want.size() - 2)] = percent_decode(segments[i], false);
        }
        return {&route.handler, Miss::none, route.path};
    }
    return match;
}

}  // namespace kavi::lab
