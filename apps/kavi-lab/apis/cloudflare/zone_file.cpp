#include "zone_file.hpp"

#include "cloudflare.hpp"
#include "content.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

namespace kavi::lab::cloudflare {
namespace {

bool ends_in_host(const std::string& type) {
    static constexpr std::array types{"CNAME", "MX", "NS", "PTR", "SRV"};
    return std::ranges::find(types, type) != types.end();
}

std::string value_of(const Record& record) {
    const bool first = record.type == "MX" || record.type == "SRV" || record.type == "URI";
    const auto priority = first ? std::to_string(record.priority.value_or(0)) + " " : std::string();
    const bool dot = ends_in_host(record.type) && record.content != ".";
    return priority + record.content + (dot ? "." : "");
}

std::string remark_of(const Record& record) {
    std::string tags;
    if (record.proxiable) tags = record.proxied ? "cf-proxied:true" : "cf-proxied:false";
    if (record.settings.contains("flatten_cname")) tags += ",cf-flatten-cname";
    for (const auto& tag : record.tags) tags += (tags.empty() ? "" : ",") + tag;
    auto remark = record.comment.value_or("");
    if (!tags.empty()) remark += (remark.empty() ? "" : " ") + ("cf_tags=" + tags);
    return remark.empty() ? "" : " ; " + remark;
}

/// One logical line: its words, whether it began with a blank, and what stood behind ';'.
struct Line {
    std::vector<std::string> words;
    std::string remark;
    bool indented = false;
};

class LineReader {
  public:
    explicit LineReader(std::string_view text) : text_(text) {}

    /// False at the end. Throws Problem where quotes or parentheses stay open.
    bool next(Line& line) {
        line = {};
        if (at_ >= text_.size()) return false;
        line.indented = text_[at_] == ' ' || text_[at_] == '\t';
        depth_ = 0;
        while (at_ < text_.size() && !(text_[at_] == '\n' && depth_ == 0)) read_piece(line);
        if (depth_ != 0) throw Problem{400, 1004, "The zone file has an open parenthesis."};
        ++at_;
        return true;
    }

  private:
    void read_piece(Line& line) {
        const char c = text_[at_];
        if (c == ';')
            read_remark(line);
        else if (c == '"')
            read_quoted(line);
        else if (c == '(' || c == ')')
            depth_ += c == '(' ? 1 : -1, ++at_;
        else if (std::isspace(static_cast<unsigned char>(c)))
            ++at_;
        else
            read_word(line);
    }

    void read_remark(Line& line) {
        const auto end = std::min(text_.find('\n', at_), text_.size());
        line.remark = trim(text_.substr(at_ + 1, end - at_ - 1));
        at_ = end;
    }

    void read_quoted(Line& line) {
        auto end = at_ + 1;
        while (end < text_.size() && text_[end] != '"') end += text_[end] == '\\' ? 2 : 1;
        if (end >= text_.size()) throw Problem{400, 1004, "The zone file has an open quote."};
        line.words.emplace_back(text_.substr(at_, end + 1 - at_));
        at_ = end + 1;
    }

    void read_word(Line& line) {
        const auto end = std::min(text_.find_first_of(" \t\r\n;()", at_), text_.size());
        line.words.emplace_back(text_.substr(at_, end - at_));
        at_ = end;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    int depth_ = 0;
};

bool is_number(const std::string& word) {
    return !word.empty() && word.find_first_not_of("0123456789") == std::string::npos;
}

class ZoneFile {
  public:
    ZoneFile(const std::string& zone, bool proxied) : zone_(zone), origin_(zone), proxied_(proxied) {}

    void take(Line line) {
        if (line.words.empty()) return;
        const auto& first = line.words.front();
        if (first.starts_with('$')) return directive(line);
        if (!line.indented) {
            owner_ = absolute(first);
            line.words.erase(line.words.begin());
        }
        std::int64_t ttl = ttl_;
        while (!line.words.empty() && (is_number(line.words.front()) || line.words.front() == "IN")) {
            if (line.words.front() != "IN") ttl = std::stoll(line.words.front());
            line.words.erase(line.words.begin());
        }
        if (line.words.size() < 2) throw Problem{400, 1004, "A line of the zone file can't be read."};
        add(line, ttl);
    }

    std::vector<Json> bodies;

  private:
    void directive(const Line& line) {
        if (line.words.size() < 2 || (line.words[0] != "$ORIGIN" && line.words[0] != "$TTL"))
            throw Problem{400, 1004, line.words[0] + " isn't supported in a zone file."};
        if (line.words[0] == "$ORIGIN")
            origin_ = absolute(line.words[1]);
        else
            ttl_ = std::stoll(line.words[1]);
    }

    std::string absolute(const std::string& name) const {
        if (name == "@") return origin_;
        if (name.ends_with('.')) return name.substr(0, name.size() - 1);
        return name + "." + origin_;
    }

    void add(const Line& line, std::int64_t ttl) {
        const auto& type = line.words.front();
        if (type == "SOA" || (type == "NS" && owner_ == zone_)) return;
        std::vector<std::string> words(line.words.begin() + 1, line.words.end());
        if (ends_in_host(type)) words.back() = absolute(words.back());
        auto body = body_from_words(type, words);
        body["name"] = owner_;
        body["type"] = type;
        body["ttl"] = ttl;
        take_remark(line.remark, body);
        bodies.push_back(std::move(body));
    }

    /// "cf-proxied" in the file beats the form's field.
    void take_remark(const std::string& remark, Json& body) const {
        const auto at = remark.find("cf_tags=");
        const auto comment = std::string(trim(std::string_view(remark).substr(0, at)));
        if (!comment.empty()) body["comment"] = comment;
        const auto type = body["type"].get<std::string>();
        const bool can_be = type == "A" || type == "AAAA" || type == "CNAME";
        if (can_be && proxied_) body["proxied"] = true;
        if (at == std::string::npos) return;
        for (const auto& tag : split(std::string_view(remark).substr(at + 8), ',')) {
            if (tag.starts_with("cf-proxied:"))
                body["proxied"] = tag == "cf-proxied:true";
            else if (!tag.starts_with("cf-"))
                body["tags"].push_back(tag);
        }
    }

    std::string zone_, origin_, owner_;
    std::int64_t ttl_ = 1;
    bool proxied_;
};

const Part* part_of(const Call& call, std::string_view name) {
    const auto found = std::ranges::find(call.parts, name, &Part::name);
    return found == call.parts.end() ? nullptr : &*found;
}

Answer import_zone(Cloudflare& cloudflare, const Call& call) {
    auto& zone = cloudflare.zone_of(call);
    cloudflare.count_import();
    const auto* file = part_of(call, "file");
    if (!file) throw Problem{400, 9207, "file is a required field."};
    if (file->content.size() > 256 * 1024) throw Problem{400, 1004, "The zone file is larger than 256 KiB."};
    const auto* proxied = part_of(call, "proxied");
    const auto bodies = parse_zone_file(file->content, zone.name(), proxied && proxied->content == "true");
    std::size_t added = 0;
    for (const auto& body : bodies) {
        try {
            zone.create(body);
            ++added;
        } catch (const Problem& problem) {
            if (problem.code != 81058) throw;  // what is there already is no problem
        }
    }
    return success({{"recs_added", added}, {"total_records_parsed", bodies.size()}});
}

}  // namespace

std::string export_zone(const Zone& zone) {
    auto text = fmt::format(";;\n;; Domain:     {}.\n;;\n", zone.name());
    text += fmt::format(
        "{0}\t3600\tIN\tSOA\tada.ns.cloudflare.com. dns.cloudflare.com. 1 10000 2400 604800 3600\n",
        zone.name() + ".");
    for (const auto& [place, record] : zone.records())
        text += fmt::format("{}.\t{}\tIN\t{}\t{}{}\n",
                            record.name,
                            record.ttl,
                            record.type,
                            value_of(record),
                            remark_of(record));
    return text;
}

std::vector<Json> parse_zone_file(std::string_view text, const std::string& zone, bool proxied) {
    ZoneFile file(zone, proxied);
    LineReader reader(text);
    for (Line line; reader.next(line);) file.take(std::move(line));
    return std::move(file.bodies);
}

void add_zone_file_routes(Router& router, Cloudflare& cloudflare) {
    router.add("GET", "/zones/{zone_id}/dns_records/export", [&cloudflare](const Call& call) {
        return Answer{
            .status = 200, .body = export_zone(cloudflare.zone_of(call)), .content_type = "text/plain"};
    });
    router.add("POST", "/zones/{zone_id}/dns_records/import", [&cloudflare](const Call& call) {
        return import_zone(cloudflare, call);
    });
}

}  // namespace kavi::lab::cloudflare
