#include "cloudflare.hpp"
#include "names.hpp"

#include <kavi/base/text.hpp>

#include <algorithm>

namespace kavi::lab::cloudflare {
namespace {

const Zone* zone_for(const std::vector<std::unique_ptr<Zone>>& zones, const std::string& name) {
    for (const auto& zone : zones)
        if (name == zone->name() || name.ends_with("." + zone->name())) return zone.get();
    return nullptr;
}

/// The records of the name, else of the nearest wildcard that no other name ends.
std::vector<const Record*> records_for(const Zone& zone, const std::string& name) {
    auto found = zone.named(name);
    auto rest = name;
    while (found.empty() && rest.size() > zone.name().size()) {
        rest = rest.substr(rest.find('.') + 1);
        found = zone.named("*." + rest);
        if (!zone.named(rest).empty()) break;
    }
    return found;
}

std::string shown(const Record& record) {
    if (record.type == "MX" || record.type == "SRV" || record.type == "URI")
        return std::to_string(record.priority.value_or(0)) + " " + record.content;
    return record.content;
}

}  // namespace

std::optional<std::vector<std::string>> Cloudflare::resolve(const std::string& asked,
                                                            const std::string& type,
                                                            const DohSeed& edge) {
    const std::scoped_lock lock(mutex_);
    auto name = normal_host(asked).value_or("");
    std::vector<std::string> answers;
    for (int hops = 0; hops < 8; ++hops) {
        const auto* zone = zone_for(zones_, name);
        if (!zone) return hops == 0 ? std::nullopt : std::optional(answers);
        const auto records = records_for(*zone, name);
        if (records.empty()) return hops == 0 ? std::nullopt : std::optional(answers);
        if (std::ranges::any_of(records, &Record::proxied)) {
            const auto& address = type == "A" ? edge.edge_ipv4 : edge.edge_ipv6;
            if ((type == "A" || type == "AAAA") && !address.empty()) answers.push_back(address);
            return answers;
        }
        for (const auto* record : records)
            if (record->type == type) answers.push_back(shown(*record));
        const auto alias = std::ranges::find(records, "CNAME", &Record::type);
        if (!answers.empty() || alias == records.end()) return answers;
        name = (*alias)->content;
    }
    return answers;
}

std::vector<std::string> Cloudflare::origin(const std::string& asked) {
    const std::scoped_lock lock(mutex_);
    const auto name = normal_host(asked).value_or("");
    const auto* zone = zone_for(zones_, name);
    std::vector<std::string> addresses;
    if (!zone) return addresses;
    for (const auto* record : records_for(*zone, name))
        if (record->type == "A" || record->type == "AAAA") addresses.push_back(record->content);
    return addresses;
}

}  // namespace kavi::lab::cloudflare
