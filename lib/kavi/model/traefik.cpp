#include <kavi/base/text.hpp>
#include <kavi/model/compose.hpp>

#include <cctype>

namespace kavi::model {

namespace {

bool in_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// Reads `a`, "b", … up to the closing parenthesis; what isn't a quoted name ends it.
void read_arguments(std::string_view text, std::vector<std::string>& hosts) {
    while (true) {
        text = trim(text);
        if (text.empty() || (text.front() != '`' && text.front() != '"')) return;
        const auto end = text.find(text.front(), 1);
        if (end == std::string_view::npos) return;
        hosts.emplace_back(text.substr(1, end - 1));
        text = trim(text.substr(end + 1));
        if (!text.starts_with(',')) return;
        text.remove_prefix(1);
    }
}

}  // namespace

std::vector<std::string> traefik_hosts(std::string_view rule) {
    constexpr std::string_view matcher = "Host";
    std::vector<std::string> hosts;
    char quote = 0;
    for (std::size_t i = 0; i < rule.size(); ++i) {
        if (quote != 0) {
            if (rule[i] == quote) quote = 0;
            continue;
        }
        if (rule[i] == '`' || rule[i] == '"') {
            quote = rule[i];
            continue;
        }
        const bool word_starts = i == 0 || !in_word(rule[i - 1]);
        if (!word_starts || !rule.substr(i).starts_with(matcher)) continue;
        const auto rest = trim(rule.substr(i + matcher.size()));
        if (rest.starts_with('(')) read_arguments(rest.substr(1), hosts);
    }
    return hosts;
}

}  // namespace kavi::model
