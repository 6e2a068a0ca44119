#include <kavi/model/compose_merge.hpp>
#include <kavi/model/compose_parts.hpp>
#include <kavi/model/interpolate.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace kavi::model {

bool ComposeReader::is(const Value& value, Value::Kind kind, std::string_view what) const {
    if (value.kind == kind) return true;
    problems.error(value.at,
                   fmt::format("{} must be {}, not {}", what, kind_name(kind), kind_name(value.kind)));
    return false;
}

std::string ComposeReader::raw(const Value& value, std::string_view what) const {
    if (!is(value, Value::Kind::text, what)) return {};
    auto text = typed_text(value);
    if (text != value.text)
        problems.warning(value.at,
                         fmt::format("Compose reads {} as \"{}\"", value.text, text),
                         fmt::format("write \"{}\" in quotes", value.text));
    return text;
}

std::string ComposeReader::text(const Value& value, std::string_view what) const {
    return interpolated(raw(value, what));
}

std::string ComposeReader::interpolated(const std::string& raw) const {
    return interpolate(raw, lookup).value_or(raw);
}

bool ComposeReader::flag(const Value& value, std::string_view what) const {
    const auto said = text(value, what);
    if (said != "true" && said != "false" && said.find('$') == std::string::npos)
        problems.error(value.at, fmt::format("{} must be true or false", what));
    return said == "true";
}

std::vector<std::string> ComposeReader::texts(const Value& value, std::string_view what) const {
    if (value.kind == Value::Kind::text) return {text(value, what)};
    std::vector<std::string> result;
    if (is(value, Value::Kind::list, what))
        for (const auto& item : value.items) result.push_back(text(item, what));
    return result;
}

std::vector<ComposePair> ComposeReader::pairs(const Value& value, std::string_view what) const {
    std::vector<ComposePair> result;
    if (value.kind == Value::Kind::table) {
        for (const auto& member : value.members) {
            std::optional<std::string> said;
            if (member.value.kind != Value::Kind::null) said = raw(member.value, what);
            result.push_back({member.key, std::move(said), member.at});
        }
    } else if (is(value, Value::Kind::list, what)) {
        for (const auto& item : value.items) {
            if (!is(item, Value::Kind::text, what)) continue;
            const auto equals = item.text.find('=');
            std::optional<std::string> said;
            if (equals != std::string::npos) said = item.text.substr(equals + 1);
            result.push_back({item.text.substr(0, equals), std::move(said), item.at});
        }
    }
    return result;
}

void ComposeReader::check_keys(const Value& table,
                               std::span<const std::string> known,
                               std::string_view of_what) const {
    for (const auto& member : table.members) {
        if (member.key.starts_with("x-") || std::ranges::find(known, member.key) != known.end()) continue;
        problems.error(member.at,
                       fmt::format("Compose knows no \"{}\" of {}", member.key, of_what),
                       did_you_mean(member.key, known));
    }
}

std::optional<std::chrono::milliseconds> compose_duration(std::string_view text) {
    static const std::pair<std::string_view, double> units[] = {{"ns", 1e-6},
                                                                {"us", 1e-3},
                                                                {"µs", 1e-3},
                                                                {"ms", 1},
                                                                {"s", 1e3},
                                                                {"m", 6e4},
                                                                {"h", 3.6e6},
                                                                {"d", 8.64e7},
                                                                {"w", 6.048e8}};
    if (text == "0") return std::chrono::milliseconds(0);
    double total = 0;
    if (text.empty()) return std::nullopt;
    while (!text.empty()) {
        double number = 0;
        const auto read =
            std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
        if (read.ec != std::errc() || number < 0) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
        const auto digits = text.find_first_of("0123456789.");
        const auto unit =
            std::ranges::find(units, text.substr(0, digits), &std::pair<std::string_view, double>::first);
        if (unit == std::end(units)) return std::nullopt;
        total += number * unit->second;
        text.remove_prefix(unit->first.size());
    }
    if (total > 1e15) return std::nullopt;
    return std::chrono::milliseconds(std::llround(total));
}

namespace {

/// The states of mattn/go-shellwords, which Compose splits by.
class CommandSplitter {
  public:
    std::optional<std::vector<std::string>> split(std::string_view text, char* cut) {
        for (const char c : text) {
            if (!quoted() && !escaped_ && std::string_view(";&|<>").find(c) != std::string_view::npos) {
                if (cut != nullptr) *cut = c;
                break;
            }
            take(c);
        }
        if (quoted() || escaped_) return std::nullopt;
        end_word();
        return std::move(words_);
    }

  private:
    bool quoted() const { return quote_ != 0; }

    void take(char c) {
        if (escaped_) {
            escaped_ = false;
            add(c);
        } else if (c == '\\' && quote_ != '\'') {
            escaped_ = true;
        } else if (quoted()) {
            if (c == quote_)
                quote_ = 0;
            else
                add(c);
        } else if (c == '\'' || c == '"') {
            quote_ = c;
            in_word_ = true;
        } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            end_word();
        } else {
            add(c);
        }
    }

    void add(char c) {
        word_ += c;
        in_word_ = true;
    }

    void end_word() {
        if (in_word_) words_.push_back(std::move(word_));
        word_.clear();
        in_word_ = false;
    }

    std::vector<std::string> words_;
    std::string word_;
    char quote_ = 0;
    bool escaped_ = false;
    bool in_word_ = false;
};

}  // namespace

std::optional<std::vector<std::string>> split_command(std::string_view text, char* cut) {
    return CommandSplitter().split(text, cut);
}

Json subtree_json(const Value& value) {
    switch (value.kind) {
        case Value::Kind::list: {
            auto list = Json::array();
            for (const auto& item : value.items) list.push_back(subtree_json(item));
            return list;
        }
        case Value::Kind::table: {
            auto table = Json::object();
            for (const auto& member : value.members) table[member.key] = subtree_json(member.value);
            return table;
        }
        case Value::Kind::text:
            return typed_text(value);
        default:
            return nullptr;
    }
}

void each_reference(const Value& value, const ReferenceSink& sink) {
    for (const auto& reference : template_references(value.text)) sink(reference, value.at);
    for (const auto& item : value.items) each_reference(item, sink);
    for (const auto& member : value.members) each_reference(member.value, sink);
}

}  // namespace kavi::model
