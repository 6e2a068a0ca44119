#include <kavi/model/interpolate.hpp>

#include <fmt/format.h>

namespace kavi::model {

namespace {

bool starts_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool continues_name(char c) {
    return starts_name(c) || (c >= '0' && c <= '9');
}

std::string_view name_at(std::string_view text) {
    std::size_t length = 0;
    while (length < text.size() && (length == 0 ? starts_name(text[0]) : continues_name(text[length])))
        ++length;
    return text.substr(0, length);
}

std::string_view operator_at(std::string_view text) {
    const std::size_t colon = text.starts_with(':') ? 1 : 0;
    const bool is_one =
        text.size() > colon && std::string_view("-+?").find(text[colon]) != std::string_view::npos;
    return is_one ? text.substr(0, colon + 1) : std::string_view();
}

constexpr int max_nesting = 32;

/// Where the brace of a leading "${" closes. As Compose does it: only "${" opens another one.
std::size_t closing_brace(std::string_view text) {
    int open = 0;
    for (std::size_t i = 0; i < text.size() && open <= max_nesting; ++i) {
        if (text[i] == '}' && --open == 0) return i;
        if (text.substr(i).starts_with("${")) {
            ++open;
            ++i;
        }
    }
    return std::string_view::npos;
}

/// The reference at the start of `text`, which begins with "${".
std::optional<TemplateReference> braced(std::string_view text) {
    const auto close = closing_brace(text);
    if (close == std::string_view::npos) return std::nullopt;
    TemplateReference reference{.raw = text.substr(0, close + 1), .name = name_at(text.substr(2))};
    auto rest = reference.raw.substr(2 + reference.name.size());
    rest.remove_suffix(1);
    reference.op = operator_at(rest);
    reference.word = rest.substr(reference.op.size());
    if (reference.name.empty() || (reference.op.empty() && !rest.empty())) return std::nullopt;
    if (reference.word.find('\n') != std::string_view::npos)
        return std::nullopt;  // Compose's pattern ends there
    return reference;
}

/// Whether a reference begins here; any other dollar is a dollar.
bool starts_reference(std::string_view text) {
    return text.size() > 1 && (text[1] == '{' || starts_name(text[1]));
}

std::optional<TemplateReference> reference_at(std::string_view text) {
    if (text.starts_with("${")) return braced(text);
    const auto name = name_at(text.substr(1));
    return TemplateReference{.raw = text.substr(0, 1 + name.size()), .name = name};
}

struct Interpolation {
    const VariableLookup& lookup;
    std::string why;  ///< of a failure

    std::optional<std::string> text(std::string_view whole) {
        std::string_view bad;
        const auto pieces = template_pieces(whole, &bad);
        if (!pieces) {
            why = fmt::format("\"{}\" names no variable; a plain dollar is written $$", bad);
            return std::nullopt;
        }
        std::string result;
        for (const auto& piece : *pieces) {
            if (const auto* literal = std::get_if<std::string_view>(&piece)) {
                result += *literal;
                continue;
            }
            const auto value = reference(std::get<TemplateReference>(piece));
            if (!value) return std::nullopt;
            result += *value;
        }
        return result;
    }

    std::optional<std::string> reference(const TemplateReference& wanted) {
        // Compose works out the word whether it is needed or not: a required variable in an unused default
        // fails.
        const auto word = text(wanted.word);
        if (!word) return std::nullopt;
        const auto variable = lookup(wanted.name);
        if (variable.state == Variable::State::later) return std::string(wanted.raw);
        const bool is_set = variable.state == Variable::State::known;
        const bool counts = is_set && (!wanted.op.starts_with(':') || !variable.value.empty());
        const auto value = is_set ? variable.value : std::string();
        if (wanted.op.ends_with('-')) return counts ? value : *word;
        if (wanted.op.ends_with('+')) return counts ? *word : value;
        if (wanted.op.ends_with('?') && !counts) {
            why = fmt::format("required variable {} is missing a value: {}", wanted.name, *word);
            return std::nullopt;
        }
        return value;
    }
};

void collect(std::string_view text, std::vector<TemplateReference>& references) {
    const auto pieces = template_pieces(text);
    if (!pieces) return;
    for (const auto& piece : *pieces) {
        const auto* reference = std::get_if<TemplateReference>(&piece);
        if (reference == nullptr) continue;
        references.push_back(*reference);
        collect(reference->word, references);
    }
}

}  // namespace

std::optional<std::vector<TemplatePiece>> template_pieces(std::string_view text, std::string_view* bad) {
    std::vector<TemplatePiece> pieces;
    while (!text.empty()) {
        const auto dollar = text.find('$');
        if (dollar != 0) pieces.emplace_back(text.substr(0, dollar));
        if (dollar == std::string_view::npos) break;
        text.remove_prefix(dollar);
        if (!starts_reference(text)) {
            pieces.emplace_back(text.substr(0, 1));
            text.remove_prefix(text.starts_with("$$") ? 2 : 1);
            continue;
        }
        const auto reference = reference_at(text);
        if (!reference) {
            if (bad != nullptr) *bad = text.substr(0, text.find('\n'));
            return std::nullopt;
        }
        text.remove_prefix(reference->raw.size());
        pieces.emplace_back(*reference);
    }
    return pieces;
}

std::vector<TemplateReference> template_references(std::string_view text) {
    std::vector<TemplateReference> references;
    collect(text, references);
    return references;
}

std::optional<std::string> interpolate(std::string_view text,
                                       const VariableLookup& lookup,
                                       std::string* why) {
    Interpolation interpolation{.lookup = lookup};
    auto result = interpolation.text(text);
    if (!result && why != nullptr) *why = interpolation.why;
    return result;
}

}  // namespace kavi::model
