#include "words.hpp"

namespace kavi::app {

namespace {

/// "--to", "--to=x".
Word long_option(const std::string& text, const FindOption& find_option) {
    Word word{.kind = Word::Kind::option, .text = text};
    const auto equals = text.find('=');
    const auto flag = text.substr(0, equals);
    word.argument = find_option(flag);
    if (word.argument == nullptr)
        word.unknown = flag;
    else
        word.wants_value = word.argument->takes_value() && equals == std::string::npos;
    return word;
}

/// "-n", "-nq", "-cFILE".
Word short_options(const std::string& text, const FindOption& find_option) {
    Word word{.kind = Word::Kind::option, .text = text};
    for (std::size_t i = 1; i < text.size(); ++i) {
        const std::string flag{'-', text[i]};
        word.argument = find_option(flag);
        if (word.argument == nullptr) {
            word.unknown = flag;
            return word;
        }
        if (word.argument->takes_value()) {
            word.wants_value = i + 1 == text.size();
            return word;
        }
    }
    return word;
}

}  // namespace

std::vector<Word> classify(std::span<const std::string> words,
                           const FindOption& find_option,
                           std::optional<std::size_t> plain_before_rest) {
    std::vector<Word> result;
    std::size_t plain = 0;
    bool literal = false;
    for (const auto& text : words) {
        if (literal) {
            result.push_back({.kind = Word::Kind::literal, .text = text});
        } else if (!result.empty() && result.back().wants_value) {
            result.push_back({.kind = Word::Kind::value, .text = text, .argument = result.back().argument});
        } else if (text == "--") {
            result.push_back({.kind = Word::Kind::end, .text = text});
            literal = true;
        } else if (text.starts_with("--")) {
            result.push_back(long_option(text, find_option));
        } else if (text.starts_with('-') && text.size() > 1) {
            result.push_back(short_options(text, find_option));
        } else if (plain == plain_before_rest) {
            result.push_back({.kind = Word::Kind::literal, .text = text});
            literal = true;
        } else {
            result.push_back({.kind = Word::Kind::plain, .text = text});
            ++plain;
        }
    }
    return result;
}

}  // namespace kavi::app
