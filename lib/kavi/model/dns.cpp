#include "dns_declared.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/model/dns.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <tuple>
#include <utility>

namespace kavi::model {
namespace {

constexpr std::string_view mark = "kavi:";
constexpr std::size_t largest_set =
    8192;  // characters of one name and type together; Cloudflare's error 83011

/// Collects records and problems.
class Desired {
  public:
    Desired(const Estate& estate, const ServiceServers& servers, const Addresses& addresses)
        : estate_(estate), servers_(servers), addresses_(addresses) {
        for (const auto& [key, zone] : estate.zones) {
            if (auto name = normal_host(zone.name.empty() ? key : zone.name))
                zones_.emplace(key, std::move(*name));
            else
                problems_.push_back(fmt::format("[zones.\"{}\"]: the name {}", key, name.error()));
        }
    }

    std::vector<DesiredRecord> all() {
        for (const auto& [key, domain] : estate_.domains) add(key, domain);
        for (const auto& declared : estate_.records) add(declared);
        const auto key = [](const DesiredRecord& one) {
            return std::tie(one.zone, one.record.name, one.record.type, one.record.value, one.reference);
        };
        std::ranges::sort(records_, std::less{}, key);
        check_sets();
        if (!problems_.empty()) fail();
        return std::move(records_);
    }

  private:
    void add(const std::string& key, const Domain& domain) {
        const auto source = fmt::format("[domains.\"{}\"]", key);
        const auto name = normal_host(domain.name.empty() ? key : domain.name);
        if (!name) return problem(source, domain.line, "the name " + name.error());
        const auto zone = zone_of(*name);
        if (!zone) return problem(source, domain.line, "no declared zone holds it: add [zones.\"…\"]");
        const auto server = servers_.find(domain.service);
        if (server == servers_.end())
            return problem(
                source, domain.line, fmt::format("the server of service {} isn't known", domain.service));
        if (domain.proxied && domain.ttl.value_or(1) != 1)
            return problem(source, domain.line, "a proxied name has no ttl of its own");
        const auto known = estate_.servers.find(server->second);
        const bool six = known != estate_.servers.end() && known->second.ipv6;
        for (const auto* type : {"A", "AAAA"}) {
            if (type == std::string_view("AAAA") && !six) continue;
            DesiredRecord desired{.zone = *zone, .record = {}, .service = domain.service, .source = source};
            desired.record = {
                .type = type, .name = *name, .ttl = domain.ttl.value_or(1), .proxied = domain.proxied};
            desired.exposes_origin = domain.exposes_origin.value_or("");
            set_address(desired, server->second, domain.line);
        }
    }

    void set_address(DesiredRecord& desired, const std::string& server, int line) {
        const bool four = desired.record.type == "A";
        const auto observed = addresses_.find(server);
        const auto declared = estate_.servers.find(server);
        std::optional<std::string> address;
        if (observed != addresses_.end()) address = four ? observed->second.ipv4 : observed->second.ipv6;
        if (!address && declared != estate_.servers.end())
            address = four ? declared->second.ipv4 : declared->second.ipv6;
        if (!address) {
            desired.reference = fmt::format("server:{}/{}", server, four ? "ipv4" : "ipv6");
            return take(std::move(desired), line);
        }
        auto value = normal_value(desired.record.type, *address);
        if (!value)
            return problem(
                desired.source, line, fmt::format("{} of server {} {}", *address, server, value.error()));
        desired.record.value = std::move(*value);
        take(std::move(desired), line);
    }

    void add(const DeclaredRecord& declared) {
        auto source = fmt::format("[[records]] {} {}", declared.type, declared.name);
        const auto zone = zones_.find(declared.zone);
        if (zone == zones_.end())
            return problem(source, declared.line, fmt::format("zone {} isn't declared", declared.zone));
        auto record = declared_record(declared, zone->second);
        if (!record) return problem(source, declared.line, record.error());
        DesiredRecord desired{
            .zone = zone->second, .record = std::move(*record), .source = std::move(source)};
        desired.comment_declared = declared.comment.has_value();
        take(std::move(desired), declared.line);
    }

    void take(DesiredRecord desired, int line) {
        if (auto why = refusal(desired.record, desired.zone); !why.empty())
            return problem(desired.source, line, why);
        records_.push_back(std::move(desired));
    }

    /// What holds for any declared record.
    static std::string refusal(const Record& record, std::string_view zone) {
        if (record.type == "NS" && record.name == zone)
            return "the zone's own NS records are left to Cloudflare";
        if (record.proxied && !can_be_proxied(record.type))
            return fmt::format("a record of type {} can't be proxied", record.type);
        if (record.ttl != 1 && (record.ttl < 30 || record.ttl > 86400))
            return fmt::format("ttl {} isn't 1 (automatic) or from 60 to 86400", record.ttl);
        if (record.comment.find_first_of("\r\n") != std::string::npos) return "the comment has a line break";
        if (!parse_comment(record.comment).owner.empty())
            return fmt::format("the comment has a word that begins with {}, which is kavi's own mark", mark);
        return {};
    }

    std::optional<std::string> zone_of(std::string_view name) const {
        const std::string* best = nullptr;
        for (const auto& [key, zone] : zones_) {
            const bool within = name == zone || name.ends_with("." + zone);
            if (within && (!best || zone.size() > best->size())) best = &zone;
        }
        return best ? std::optional(*best) : std::nullopt;
    }

    /// What records of one name ask of each other. The records are sorted.
    void check_sets() {
        for (std::size_t begin = 0; begin < records_.size();) {
            auto end = begin + 1;
            while (end < records_.size() && records_[end].record.name == records_[begin].record.name) ++end;
            const auto& first = records_[begin].record;
            if (end - begin > 1 || first.type == "DS" || first.value.size() > largest_set / 4)
                check_set(begin, end);
            begin = end;
        }
    }

    void check_set(std::size_t begin, std::size_t end) {
        std::map<std::string_view, std::size_t> count, size;
        for (auto i = begin; i < end; ++i) {
            const auto& record = records_[i].record;
            ++count[record.type];
            size[record.type] += shown_value(record.type, record.value).size();
            const bool same = i > begin && record.type == records_[i - 1].record.type &&
                              record.value == records_[i - 1].record.value;
            if (same) problem(records_[i].source, 0, "the same record is declared twice");
        }
        const auto& name = records_[begin].record.name;
        const auto total = end - begin;
        if (count.contains("CNAME") && count["CNAME"] + count["A"] + count["AAAA"] > 1)
            problem(name, 0, "a CNAME can't stand beside an A, AAAA or another CNAME record");
        if (count.contains("DS") && !count.contains("NS"))
            problem(name, 0, "a DS record needs an NS record of the same name");
        if (count.contains("NS") && count["NS"] + count["DS"] != total)
            problem(name, 0, "a delegated name (NS) can have no records of its own but DS");
        for (const auto& [type, characters] : size)
            if (characters > largest_set)
                problem(
                    name,
                    0,
                    fmt::format("its {} records have more than {} characters together", type, largest_set));
    }

    void problem(std::string_view where, int line, std::string_view what) {
        const auto at = line > 0 ? fmt::format("line {}: ", line) : std::string();
        problems_.push_back(fmt::format("{}{}: {}", at, where, what));
    }

    [[noreturn]] void fail() const {
        Error error(errors::config_invalid,
                    problems_.size() == 1
                        ? "a DNS record of the estate can't be"
                        : fmt::format("{} DNS records of the estate can't be", problems_.size()));
        for (const auto& one : problems_) error.because(one);
        error.fix("correct them in kavi.toml; nothing was asked of Cloudflare");
        throw error;
    }

    const Estate& estate_;
    const ServiceServers& servers_;
    const Addresses& addresses_;
    std::map<std::string, std::string> zones_;  ///< as written → normal
    std::vector<DesiredRecord> records_;
    std::vector<std::string> problems_;
};

}  // namespace

std::vector<DesiredRecord> desired_records(const Estate& estate,
                                           const ServiceServers& servers,
                                           const Addresses& addresses) {
    return Desired(estate, servers, addresses).all();
}

Comment parse_comment(std::string_view text) {
    Comment comment;
    std::size_t at = text.rfind(mark);
    const bool begins_word = at != std::string_view::npos && (at == 0 || text[at - 1] == ' ');
    const auto end = begins_word ? std::min(text.find(' ', at), text.size()) : 0;
    if (!begins_word || end == at + mark.size()) return {.words = std::string(trim(text))};
    comment.owner = text.substr(at + mark.size(), end - at - mark.size());
    const auto before = trim(text.substr(0, at)), behind = trim(text.substr(end));
    comment.words = before;
    if (!before.empty() && !behind.empty()) comment.words += ' ';
    comment.words += behind;
    return comment;
}

std::string owned_comment(std::string_view words, std::string_view estate) {
    return fmt::format("{}{}{}{}", words, words.empty() ? "" : " ", mark, estate);
}

std::size_t comment_length(std::string_view text) {
    const auto begins_letter = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; };
    return static_cast<std::size_t>(std::ranges::count_if(text, begins_letter));
}

}  // namespace kavi::model
