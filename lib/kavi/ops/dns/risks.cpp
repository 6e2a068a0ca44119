#include "decision.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>

#include <arpa/inet.h>

namespace kavi::ops {
namespace {

constexpr std::size_t most_named = 5;

/// A record as it will be, whoever's it is.
struct Standing {
    const model::Record* record = nullptr;
    const model::DesiredRecord* desired = nullptr;  ///< null: it isn't kavi's
    std::string_view value;                         ///< of an unknown address: the reference

    bool is_address() const { return record->type == "A" || record->type == "AAAA"; }
};

std::vector<Standing> standing_records(std::span<const model::DesiredRecord> desired, const DnsPlan& plan) {
    std::vector<Standing> all;
    for (const auto& one : desired)
        all.push_back({&one.record, &one, one.reference.empty() ? one.record.value : one.reference});
    for (const auto& one : plan.unmanaged) all.push_back({&one.live.record, nullptr, one.live.record.value});
    return all;
}

/// Address → one of the proxied names before it.
using Origins = std::map<std::string_view, std::string_view>;

/// Addresses that the proxy hides, without those whose publication was accepted.
Origins hidden_origins(std::span<const Standing> all) {
    Origins origins;
    for (const auto& one : all)
        if (one.is_address() && one.record->proxied) origins.emplace(one.value, one.record->name);
    for (const auto& one : all)
        if (one.desired && !one.record->proxied && !one.desired->exposes_origin.empty())
            origins.erase(one.value);
    return origins;
}

std::string owner_text(const Standing& one) {
    return one.desired ? "" : " (not kavi's)";
}

struct Network {
    std::array<unsigned char, 16> address{};
    int family = AF_INET, bits = 32;
};

std::optional<Network> parse_network(std::string_view text, int family) {
    Network network{.family = family, .bits = family == AF_INET ? 32 : 128};
    const auto slash = text.find('/');
    const std::string address(text.substr(0, slash));
    if (::inet_pton(family, address.c_str(), network.address.data()) != 1) return std::nullopt;
    if (slash == std::string_view::npos) return network;
    int bits = -1;
    const auto read = std::from_chars(text.data() + slash + 1, text.data() + text.size(), bits);
    if (read.ec != std::errc{} || bits < 0 || bits > network.bits) return std::nullopt;
    network.bits = bits;
    return network;
}

bool covers(const Network& network, std::string_view address) {
    const auto one = parse_network(address, network.family);
    if (!one) return false;
    for (int bit = 0; bit < network.bits; ++bit) {
        const auto byte = static_cast<std::size_t>(bit / 8);
        const auto mask = static_cast<unsigned char>(0x80U >> (bit % 8));
        if ((network.address[byte] & mask) != (one->address[byte] & mask)) return false;
    }
    return true;
}

/// The hidden address that an SPF text names, if any. Very wide networks name nobody.
std::string_view spf_origin(std::string_view text, const Origins& origins) {
    constexpr int wide_four = 16, wide_six = 32;
    for (const auto& word : split(text, ' ')) {
        const bool six = word.find("ip6:") != std::string::npos;
        const auto at = word.find(six ? "ip6:" : "ip4:");
        if (at == std::string::npos || at > 1) continue;
        const auto network = parse_network(std::string_view(word).substr(at + 4), six ? AF_INET6 : AF_INET);
        if (!network || network->bits < (six ? wide_six : wide_four)) continue;
        for (const auto& [address, name] : origins)
            if (covers(*network, address)) return address;
    }
    return {};
}

/// The hidden address among a HTTPS or SVCB record's hints, if any.
std::string_view hinted_origin(std::string_view value, const Origins& origins) {
    for (const auto& [address, name] : origins) {
        const auto at = value.find(address);
        if (at == std::string_view::npos || at == 0) continue;
        const auto end = at + address.size();
        const bool whole = (value[at - 1] == '=' || value[at - 1] == ',') &&
                           (end == value.size() || value[end] == ',' || value[end] == ' ');
        if (whole) return address;
    }
    return {};
}

class Leaks {
  public:
    Leaks(std::span<const Standing> all, DnsPlan& plan)
        : all_(all), plan_(plan), origins_(hidden_origins(all)) {
        if (std::ranges::none_of(all, [](const Standing& one) { return one.record->type == "MX"; })) return;
        for (const auto& one : all)
            if (one.is_address()) addresses_.emplace(one.record->name, &one);
    }

    void note() {
        for (const auto& one : all_) {
            const auto& type = one.record->type;
            if (type == "MX") note_mail(one);
            if (origins_.empty() || one.record->proxied) continue;
            if (one.is_address() && origins_.contains(one.value)) note_leak(one, one.value, "");
            if (type == "TXT" && one.record->value.starts_with("v=spf1"))
                note_leak(one, spf_origin(one.record->value, origins_), " in its SPF text");
            if (type == "HTTPS" || type == "SVCB")
                note_leak(one, hinted_origin(one.record->value, origins_), " in its hints");
        }
    }

  private:
    void note_leak(const Standing& one, std::string_view address, const char* where) {
        if (address.empty()) return;
        auto text = fmt::format("{} {}{} publishes {}{}, the address behind the proxied {}",
                                one.record->type,
                                one.record->name,
                                owner_text(one),
                                address,
                                where,
                                origins_.at(address));
        if (one.desired && !one.desired->service.empty())
            text += "; if that is meant, say why in exposes_origin";
        plan_.plan.notes.push_back(std::move(text));
    }

    void note_mail(const Standing& mail) {
        const auto host = model::value_words("MX", mail.record->value)[1];
        const auto [begin, end] = addresses_.equal_range(std::string_view(host));
        for (auto at = begin; at != end; ++at) {
            const auto& target = *at->second;
            if (target.record->proxied) {
                plan_.plan.notes.push_back(
                    fmt::format("MX {}{} leads to {}, which is proxied: mail can't pass the proxy",
                                mail.record->name,
                                owner_text(mail),
                                host));
                return;
            }
            if (!origins_.contains(target.value)) continue;
            plan_.plan.notes.push_back(
                fmt::format("MX {}{} leads to {}, which publishes {}, the address behind the proxied {}",
                            mail.record->name,
                            owner_text(mail),
                            host,
                            target.value,
                            origins_.at(target.value)));
            return;
        }
    }

    std::span<const Standing> all_;
    DnsPlan& plan_;
    Origins origins_;
    std::multimap<std::string_view, const Standing*> addresses_;
};

/// Cloudflare's universal certificate covers the zone's name and one label below it.
void note_certificates(std::span<const model::DesiredRecord> desired, DnsPlan& plan) {
    for (const auto& one : desired) {
        const auto name = model::short_name(one.record.name, one.zone);
        if (!one.record.proxied || name.find('.') == std::string::npos) continue;
        plan.plan.notes.push_back(fmt::format(
            "{} is proxied and more than one level below {}: the universal certificate doesn't cover it",
            one.record.name,
            one.zone));
    }
}

void note_delegations(std::span<const model::DesiredRecord> desired,
                      std::span<const Standing> all,
                      DnsPlan& plan) {
    std::set<std::string_view> delegated;
    for (const auto& one : all)
        if (one.record->type == "NS") delegated.insert(one.record->name);
    if (delegated.empty()) return;
    for (const auto& one : desired) {
        auto name = std::string_view(one.record.name);
        while (name.size() > one.zone.size()) {
            name.remove_prefix(std::min(name.find('.') + 1, name.size()));
            if (name.size() <= one.zone.size() || !delegated.contains(name)) continue;
            plan.plan.notes.push_back(
                fmt::format("{} {} isn't served: {} is delegated", one.record.type, one.record.name, name));
            break;
        }
    }
}

void note_spf(std::span<const Standing> all, DnsPlan& plan) {
    std::map<std::string_view, int> count;
    for (const auto& one : all)
        if (one.record->type == "TXT" && one.record->value.starts_with("v=spf1"))
            if (++count[one.record->name] == 2)
                plan.plan.notes.push_back(fmt::format(
                    "{} has more than one SPF text: receivers accept none of them", one.record->name));
}

void note_zone(const api::CloudflareZone& zone, DnsPlan& plan) {
    if (zone.paused)
        plan.plan.notes.push_back(fmt::format("zone {} is paused: nothing in it is proxied", zone.name));
    if (zone.status == "pending" || zone.status == "initializing")
        plan.plan.notes.push_back(fmt::format(
            "zone {} is {}: until its registrar names {}, proxied names publish their servers' addresses",
            zone.name,
            zone.status,
            zone.name_servers.empty() ? "Cloudflare's name servers" : join(zone.name_servers, " and ")));
    if (zone.status == "moved")
        plan.plan.notes.push_back(
            fmt::format("zone {} was moved: its registrar no longer names Cloudflare", zone.name));
}

void note_unmanaged(DnsPlan& plan) {
    if (plan.unmanaged.empty()) return;
    std::string names;
    for (std::size_t i = 0; i < std::min(plan.unmanaged.size(), most_named); ++i) {
        const auto& one = plan.unmanaged[i];
        names += fmt::format("{}{} {}",
                             names.empty() ? "" : ", ",
                             printable(one.live.record.type),
                             printable(one.live.record.name));
        if (!one.why.empty()) names += fmt::format(" ({})", one.why);
    }
    if (plan.unmanaged.size() > most_named)
        names += fmt::format(" and {} more", plan.unmanaged.size() - most_named);
    const auto count = plan.unmanaged.size() == 1
                           ? std::string("1 record that isn't kavi's is")
                           : fmt::format("{} records that aren't kavi's are", plan.unmanaged.size());
    plan.plan.notes.push_back(fmt::format("{} left alone: {}", count, names));
}

}  // namespace

void note_risks(std::span<const model::DesiredRecord> desired, const DnsObservation& seen, DnsPlan& plan) {
    const auto all = standing_records(desired, plan);
    for (const auto& [name, zone] : seen) note_zone(zone.zone, plan);
    Leaks(all, plan).note();
    note_certificates(desired, plan);
    note_delegations(desired, all, plan);
    note_spf(all, plan);
    note_unmanaged(plan);
}

}  // namespace kavi::ops
