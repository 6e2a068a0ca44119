#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/model/dotenv.hpp>
#include <kavi/model/interpolate.hpp>

#include <fmt/format.h>

namespace kavi::model {

namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

bool is_key_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-' || c == '[' || c == ']';
}

/// Follows compose-go's dotenv parser. Texts that were cut out are wiped.
class DotenvReader {
  public:
    DotenvReader(std::string_view text, std::string_view source) : rest_(text), source_(source) {
        if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);
    }

    NamedSecrets read() {
        while (skip_to_statement()) read_statement();
        return std::move(secrets_);
    }

  private:
    [[noreturn]] void refuse(std::string why, std::string fix = {}) const {
        Error error(errors::secret_unfit, fmt::format("{}:{} can't be read", source_, line_));
        error.because(std::move(why));
        if (!fix.empty()) error.fix(std::move(fix));
        throw error;
    }

    char take() {
        const char c = rest_.front();
        rest_.remove_prefix(1);
        if (c == '\n') ++line_;
        return c;
    }

    bool skip_to_statement() {
        while (!rest_.empty()) {
            if (rest_.front() == '#')
                while (!rest_.empty() && rest_.front() != '\n') take();
            else if (is_blank(rest_.front()) || rest_.front() == '\n')
                take();
            else
                return true;
        }
        return false;
    }

    void skip_blanks() {
        while (!rest_.empty() && is_blank(rest_.front())) take();
    }

    void read_statement() {
        if (rest_.starts_with("export") && rest_.size() > 6 && is_blank(rest_[6])) {
            rest_.remove_prefix(6);
            skip_blanks();
        }
        std::string key;
        while (!rest_.empty() && is_key_character(rest_.front())) key += take();
        skip_blanks();
        if (key.empty()) refuse("a line must be NAME=value");
        if (rest_.empty() || rest_.front() == '\n')
            refuse(fmt::format("{} has no value: Compose would take it from the environment", key),
                   "write NAME= for an empty one");
        if (rest_.front() != '=' && rest_.front() != ':') refuse("a line must be NAME=value");
        take();
        skip_blanks();
        auto value = read_value(key);
        secrets_.insert_or_assign(std::move(key), Secret::take(value));
    }

    std::string read_value(const std::string& key) {
        if (!rest_.empty() && (rest_.front() == '\'' || rest_.front() == '"'))
            return read_quoted(key, take());
        auto line = rest_.substr(0, rest_.find('\n'));
        for (std::size_t left = line.size(); left > 0; --left) take();
        line = line.substr(0, line.find(" #"));
        while (!line.empty() && is_blank(line.back())) line.remove_suffix(1);
        return expanded(key, std::string(line));
    }

    std::string read_quoted(const std::string& key, char quote) {
        std::string value;
        bool after_backslash = false;
        while (!rest_.empty()) {
            const char c = take();
            if (after_backslash) {
                after_backslash = false;
                if (c != quote) value += '\\';
                value += c;
            } else if (c == '\\') {
                after_backslash = true;
            } else if (c == quote) {
                if (quote == '\'') return value;
                return expanded(key, unescaped(value));
            } else {
                value += c;
            }
        }
        wipe(value);
        refuse(fmt::format("the quote of {} isn't closed", key));
    }

    /// The escapes of double quotes; "\$" becomes "$$", which expansion turns into a dollar.
    static std::string unescaped(std::string& value) {
        std::string result;
        result.reserve(value.size() + 8);
        for (std::size_t i = 0; i < value.size(); ++i) {
            constexpr std::string_view letters = "abfnrtv\"\\";
            constexpr std::string_view meant = "\a\b\f\n\r\t\v\"\\";
            const auto letter = i + 1 < value.size() ? letters.find(value[i + 1]) : std::string_view::npos;
            if (value[i] != '\\' || i + 1 == value.size()) {
                result += value[i];
            } else if (value[i + 1] == '$') {
                result += "$$";
                ++i;
            } else if (letter != std::string_view::npos) {
                result += meant[letter];
                ++i;
            } else if (const auto octal = value.substr(i + 2, 3); value[i + 1] == '0' && is_octal(octal)) {
                append_code_point(result, octal);
                i += 4;
            } else {
                result += value[i];
            }
        }
        wipe(value);
        return result;
    }

    static bool is_octal(std::string_view digits) {
        return digits.size() == 3 && digits[0] >= '0' && digits[0] <= '3' &&
               digits.find_first_not_of("01234567") == std::string_view::npos;
    }

    /// "\0351" is the code point U+00E9, not a byte.
    static void append_code_point(std::string& text, std::string_view octal) {
        const auto code =
            static_cast<unsigned>((octal[0] - '0') * 64 + (octal[1] - '0') * 8 + (octal[2] - '0'));
        if (code < 0x80) {
            text += static_cast<char>(code);
            return;
        }
        text += static_cast<char>(0xc0U | (code >> 6));
        text += static_cast<char>(0x80U | (code & 0x3fU));
    }

    /// "$$" is a dollar; a reference to another variable is refused.
    std::string expanded(const std::string& key, std::string value) const {
        const auto pieces = template_pieces(value);
        std::string result;
        bool refers = !pieces;
        if (pieces)
            for (const auto& piece : *pieces) {
                if (const auto* literal = std::get_if<std::string_view>(&piece))
                    result += *literal;
                else
                    refers = true;
            }
        wipe(value);
        if (refers) {
            wipe(result);
            refuse(fmt::format("the value of {} refers to a variable", key),
                   "put single quotes around a value with a dollar");
        }
        return result;
    }

    std::string_view rest_;
    std::string source_;
    int line_ = 1;
    NamedSecrets secrets_;
};

}  // namespace

NamedSecrets read_dotenv(std::string_view text, std::string_view source) {
    return DotenvReader(text, source).read();
}

}  // namespace kavi::model
