#include "record_text.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/model/zone_file.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <tuple>

namespace kavi::model {
namespace {

constexpr std::string_view tags_mark = "cf_tags=";
constexpr std::size_t largest_file = std::size_t{16} << 20;

/// One logical line: parentheses may stretch it over several.
struct Line {
    int number = 0;                  ///< of its first line
    bool indented = false;           ///< begins with a blank: the owner is that of the line before
    std::vector<std::string> words;  ///< quoted ones with their quotes
    std::string remark;              ///< behind ';', the last one of the line
};

[[noreturn]] void fail(std::string_view source, int line, std::string_view why) {
    Error error(errors::file_unreadable, fmt::format("{} isn't a zone file that kavi can read", source));
    throw error.because(fmt::format("line {}: {}", line, why));
}

class Lines {
  public:
    Lines(std::string_view text, std::string_view source) : text_(text), source_(source) {}

    bool next(Line& line) {
        if (at_ >= text_.size()) return false;
        line = {.number = number_, .indented = text_[at_] == ' ' || text_[at_] == '\t'};
        int depth = 0;
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '\n' && depth == 0) break;
            if (c == '\n') ++number_;
            if (c == '(' || c == ')') depth += c == '(' ? 1 : -1;
            if (depth < 0) fail(source_, number_, "a parenthesis closes that never opened");
            if (c == ';')
                take_remark(line);
            else if (c == '"')
                take_quoted_word(line);
            else if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '(' || c == ')')
                ++at_;
            else
                take_word(line);
        }
        if (depth > 0) fail(source_, line.number, "a parenthesis stays open");
        ++at_;
        ++number_;
        return true;
    }

  private:
    void take_remark(Line& line) {
        const auto end = std::min(text_.find('\n', at_), text_.size());
        line.remark = trim(text_.substr(at_ + 1, end - at_ - 1));
        at_ = end;
    }

    void take_quoted_word(Line& line) {
        const auto begin = at_;
        std::string bytes;
        if (!take_quoted(text_, at_, bytes) ||
            text_.substr(begin, at_ - begin).find('\n') != std::string_view::npos)
            fail(source_, number_, "a quote stays open");
        line.words.emplace_back(text_.substr(begin, at_ - begin));
    }

    /// Up to a blank; an escape takes the letter behind it, a quote within (alpn="h2") what it encloses.
    void take_word(Line& line) {
        const auto begin = at_;
        while (at_ < text_.size() &&
               std::string_view(" \t\r\n;()").find(text_[at_]) == std::string_view::npos) {
            std::string ignored;
            if (text_[at_] == '\\')
                at_ = std::min(at_ + 2, text_.size());
            else if (text_[at_] != '"')
                ++at_;
            else if (!take_quoted(text_, at_, ignored))
                fail(source_, number_, "a quote stays open");
        }
        line.words.emplace_back(text_.substr(begin, at_ - begin));
    }

    std::string_view text_, source_;
    std::size_t at_ = 0;
    int number_ = 1;
};

/// "3600", and BIND's "1h30m".
std::optional<int> ttl_of(std::string_view text) {
    static const std::map<char, long long> units{
        {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    long long total = 0;
    if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
    while (!text.empty()) {
        long long number = 0;
        const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
        if (read.ec != std::errc{} || number > 2147483647) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
        long long unit = 1;
        if (!text.empty()) {
            const auto found = units.find(static_cast<char>(text[0] | 0x20));
            if (found == units.end()) return std::nullopt;
            unit = found->second;
            text.remove_prefix(1);
        }
        total += number * unit;
        if (total > 2147483647) return std::nullopt;
    }
    return static_cast<int>(total);
}

/// Which words of a value are host names that may be relative to $ORIGIN.
std::optional<std::size_t> host_word(std::string_view type) {
    if (type == "CNAME" || type == "NS" || type == "PTR") return 0;
    if (type == "MX" || type == "HTTPS" || type == "SVCB") return 1;
    if (type == "SRV") return 3;
    return std::nullopt;
}

class Reader {
  public:
    Reader(std::string_view zone, std::string_view source) : zone_(zone), source_(source), origin_(zone) {}

    void take(Line line) {
        line_ = line.number;
        if (line.words.empty()) return;
        if (line.words.front().starts_with('$')) return directive(line);
        if (!line.indented) {
            owner_ = full(line.words.front());
            line.words.erase(line.words.begin());
        }
        auto ttl = ttl_;
        while (!line.words.empty() && (upper(line.words.front()) == "IN" || ttl_of(line.words.front()))) {
            if (const auto own = ttl_of(line.words.front())) ttl = *own;
            line.words.erase(line.words.begin());
        }
        if (owner_.empty()) refuse("the first record has no name");
        if (line.words.size() < 2) refuse("a name, a type and a value are due");
        add(line, ttl);
    }

    ZoneFile result;

  private:
    void directive(const Line& line) {
        const auto word = upper(line.words.front());
        if (line.words.size() < 2) refuse(fmt::format("{} stands alone", printable(word)));
        if (word == "$ORIGIN") {
            origin_ = full(line.words[1]);
        } else if (word == "$TTL") {
            const auto ttl = ttl_of(line.words[1]);
            if (!ttl) refuse("$TTL needs a number of seconds");
            ttl_ = *ttl;
        } else {
            refuse(fmt::format("{} isn't supported", printable(word)));
        }
    }

    /// A name of the file without its final dot.
    std::string full(std::string_view text) const {
        if (text == "@") return origin_;
        if (text.ends_with('.')) return text.size() == 1 ? "." : std::string(text.substr(0, text.size() - 1));
        return fmt::format("{}.{}", text, origin_);
    }

    void add(Line& line, int ttl) {
        Record record{.type = upper(line.words.front())};
        line.words.erase(line.words.begin());
        auto name = normal_name(owner_ + ".", zone_);
        if (!name) refuse(fmt::format("the name {} {}", printable(owner_), name.error()));
        record.name = std::move(*name);
        if (record.type == "SOA" || (record.type == "NS" && record.name == zone_))
            return pass_over(fmt::format("the zone's own {} record is left to Cloudflare", record.type));
        if (!is_managed_type(record.type))
            return pass_over(fmt::format("type {} isn't managed", printable(record.type)));
        if (const auto at = host_word(record.type); at && *at < line.words.size())
            line.words[*at] = full(line.words[*at]);
        const auto text = record.type == "TXT" ? quoted_all(line.words) : join(line.words, " ");
        auto value = normal_value(record.type, text);
        if (!value) refuse(fmt::format("the {} record of {} {}", record.type, record.name, value.error()));
        record.value = std::move(*value);
        take_remark(line.remark, record);
        record.ttl = record.proxied ? 1 : ttl;
        if (seen_.emplace(record.name, record.type, record.value).second)
            result.records.push_back(std::move(record));
    }

    /// Words without quotes are strings of their own, escapes included.
    static std::string quoted_all(const std::vector<std::string>& words) {
        std::string text;
        for (const auto& word : words) {
            if (!text.empty()) text += ' ';
            text += word.starts_with('"') ? word : '"' + word + '"';
        }
        return text;
    }

    static void take_remark(std::string_view remark, Record& record) {
        const auto at = remark.find(tags_mark);
        record.comment = trim(remark.substr(0, at));
        if (at == std::string_view::npos) return;
        for (const auto& tag : split(remark.substr(at + tags_mark.size()), ','))
            if (trim(tag) == "cf-proxied:true") record.proxied = can_be_proxied(record.type);
    }

    void pass_over(std::string why) { result.notes.push_back({line_, std::move(why)}); }

    [[noreturn]] void refuse(std::string_view why) const { fail(source_, line_, why); }

    static std::string upper(std::string_view text) {
        std::string out(text);
        for (auto& c : out)
            if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
        return out;
    }

    std::string_view zone_, source_;
    std::string origin_, owner_;
    int ttl_ = 1, line_ = 0;
    std::set<std::tuple<std::string, std::string, std::string>> seen_;
};

/// A value with the final dots that full names have in zone files.
std::string file_value(const Record& record) {
    const auto at = host_word(record.type);
    if (!at) return shown_value(record.type, record.value);
    auto words = value_words(record.type, record.value);
    if (words[*at] != ".") words[*at] += '.';
    auto text = join(words, " ");
    while (text.ends_with(' ')) text.pop_back();
    return text;
}

std::string file_remark(const Record& record) {
    auto remark = record.comment;
    if (can_be_proxied(record.type))
        remark += fmt::format("{}{}cf-proxied:{}", remark.empty() ? "" : " ", tags_mark, record.proxied);
    return remark.empty() ? "" : " ; " + remark;
}

std::vector<const Record*> in_order(std::string_view zone, std::span<const Record> records) {
    std::vector<const Record*> sorted;
    for (const auto& one : records) sorted.push_back(&one);
    std::ranges::sort(sorted, {}, [&](const Record* one) {
        return std::tuple(one->name != zone,
                          std::string_view(one->name),
                          std::string_view(one->type),
                          std::string_view(one->value));
    });
    return sorted;
}

/// A basic string of TOML.
std::string toml_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            out += {'\\', c};
        else if (byte < 0x20 || byte == 0x7F)
            out += fmt::format("\\u{:04X}", byte);
        else
            out += c;
    }
    return out + '"';
}

/// TXT that could be taken for quoted strings, or isn't UTF-8, is written as quoted strings.
std::string toml_content(const Record& record, std::string_view value) {
    const bool strings = record.type == "TXT" && (!is_utf8(value) || value.starts_with('"'));
    return toml_text(strings                ? txt_quoted(value)
                     : record.type == "TXT" ? std::string(value)
                                            : shown_value(record.type, record.value));
}

}  // namespace

std::string write_zone_file(std::string_view zone, std::span<const Record> records) {
    auto text = fmt::format("$ORIGIN {}.\n", zone);
    for (const auto* record : in_order(zone, records))
        text += fmt::format("{}\t{}\tIN\t{}\t{}{}\n",
                            short_name(record->name, zone),
                            record->ttl,
                            record->type,
                            file_value(*record),
                            file_remark(*record));
    return text;
}

ZoneFile read_zone_file(std::string_view text, std::string_view zone, std::string_view source) {
    if (text.size() > largest_file) fail(source, 1, "it is larger than 16 MiB");
    Lines lines(text, source);
    Reader reader(zone, source);
    for (Line line; lines.next(line);) reader.take(std::move(line));
    return std::move(reader.result);
}

std::string to_toml(std::string_view zone, std::span<const Record> records) {
    std::string text;
    for (const auto* record : in_order(zone, records)) {
        text += fmt::format("\n[[records]]\nzone    = {}\ntype    = {}\nname    = {}\n",
                            toml_text(zone),
                            toml_text(record->type),
                            toml_text(short_name(record->name, zone)));
        if (record->type == "MX") {
            const auto words = value_words("MX", record->value);
            text += fmt::format("content = {}\npriority = {}\n", toml_text(words[1]), words[0]);
        } else {
            text += fmt::format("content = {}\n", toml_content(*record, record->value));
        }
        if (record->ttl != 1) text += fmt::format("ttl     = {}\n", record->ttl);
        if (record->proxied) text += "proxied = true\n";
        if (!record->comment.empty()) text += fmt::format("comment = {}\n", toml_text(record->comment));
    }
    return text;
}

}  // namespace kavi::model
