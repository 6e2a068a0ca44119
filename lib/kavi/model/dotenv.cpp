#include <kavi/base/error_codes.hpp>
#include <kavi/base/json.hpp>
#include <kavi/base/text.hpp>
#include <kavi/model/dotenv.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace kavi::model {

namespace {

bool is_variable_name(std::string_view name) {
    constexpr std::string_view later = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
           name.find_first_not_of(later) == std::string_view::npos;
}

Error unfit(std::string_view name, std::string_view form, std::string_view why) {
    Error error(errors::secret_unfit, fmt::format("the secret {} can't be written as {}", name, form));
    error.because(std::string(why)).fix("--format json carries every text; a stack takes it as a file");
    return error;
}

void require_shell_name(std::string_view name, std::string_view form) {
    if (!is_variable_name(name)) throw unfit(name, form, "its name can't be a variable's in a shell");
}

void require_no_nul(std::string_view name, std::string_view value, std::string_view form) {
    if (value.find('\0') != std::string_view::npos) throw unfit(name, form, "its value holds a NUL byte");
}

bool is_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const std::size_t length = lead < 0x80       ? 1
                                   : lead >> 5 == 6  ? 2
                                   : lead >> 4 == 14 ? 3
                                   : lead >> 3 == 30 ? 4
                                                     : 0;
        if (length == 0 || i + length > text.size()) return false;
        char32_t point = length == 1 ? lead : lead & (0x7fU >> length);
        for (std::size_t k = 1; k < length; ++k) {
            const auto next = static_cast<unsigned char>(text[i + k]);
            if (next >> 6 != 2) return false;
            point = (point << 6) | (next & 0x3fU);
        }
        constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        if (point < least[length] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
        i += length;
    }
    return true;
}

/// Wiped when it goes, however it goes: what is being built holds every secret.
struct Wiped {
    std::string text;

    ~Wiped() { wipe(text); }
};

/// Compose takes \' in single quotes for a quote, so a backslash before the closing one must be paired.
bool ends_in_single_backslash(std::string_view value) {
    const auto last = value.find_last_not_of('\\');
    const auto count = last == std::string_view::npos ? value.size() : value.size() - last - 1;
    return count % 2 == 1;
}

/// Single quotes where both readers take them as they are; else double quotes, in which Compose leaves \` as
/// two characters and sh needs it.
void append_dotenv(std::string& text, std::string_view name, std::string_view value) {
    constexpr std::string_view form = "dotenv";
    require_shell_name(name, form);
    require_no_nul(name, value, form);
    text.append(name) += '=';
    if (value.find('\'') == std::string_view::npos && !ends_in_single_backslash(value)) {
        (text += '\'').append(value) += "'\n";
        return;
    }
    if (value.find('`') != std::string_view::npos)
        throw unfit(name,
                    form,
                    "Docker Compose and sh disagree on a value with a backquote and a single quote or a last "
                    "backslash");
    text += '"';
    for (const char c : value) {
        if (c == '"' || c == '\\' || c == '$') text += '\\';
        text += c;
    }
    text += "\"\n";
}

void append_export(std::string& text, std::string_view name, std::string_view value) {
    require_shell_name(name, "export");
    require_no_nul(name, value, "export");
    Wiped quoted{shell_quote(value)};
    text.append("export ").append(name).append("=").append(quoted.text) += '\n';
}

/// A JSON string literal, which is YAML's double-quoted form too.
void append_quoted(std::string& text, std::string_view value) {
    text += '"';
    for (const char c : value) {
        const auto code = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            (text += '\\') += c;
        else if (c == '\n')
            text += "\\n";
        else if (c == '\r')
            text += "\\r";
        else if (c == '\t')
            text += "\\t";
        else if (code < 0x20 || code == 0x7f)
            text += fmt::format("\\u{:04x}", code);
        else
            text += c;
    }
    text += '"';
}

void require_text(std::string_view name, std::string_view value, std::string_view form) {
    require_no_nul(name, value, form);
    if (!is_utf8(name) || !is_utf8(value)) throw unfit(printable(name), form, "it isn't UTF-8 text");
}

/// YAML takes these for line breaks (or a byte order mark) even in quotes, as JSON doesn't.
void escape_for_yaml(std::string& text) {
    static const std::pair<std::string_view, std::string_view> escapes[] = {{"\xc2\x85", "\\u0085"},
                                                                            {"\xe2\x80\xa8", "\\u2028"},
                                                                            {"\xe2\x80\xa9", "\\u2029"},
                                                                            {"\xef\xbb\xbf", "\\ufeff"}};
    for (const auto& [raw, escaped] : escapes)
        for (auto at = text.find(raw); at != std::string::npos; at = text.find(raw, at + escaped.size()))
            text.replace(at, raw.size(), escaped);
}

void append_json(std::string& text, const NamedSecrets& secrets) {
    text += "{";
    for (const auto& [name, secret] : secrets) {
        require_text(name, secret.reveal(), "json");
        text += text.size() > 1 ? ",\n  " : "\n  ";
        append_quoted(text, name);
        text += ": ";
        append_quoted(text, secret.reveal());
    }
    text += secrets.empty() ? "}\n" : "\n}\n";
}

void append_yaml(std::string& text, const NamedSecrets& secrets) {
    if (secrets.empty()) text += "{}\n";
    for (const auto& [name, secret] : secrets) {
        require_text(name, secret.reveal(), "yaml");
        append_quoted(text, name);
        text += ": ";
        append_quoted(text, secret.reveal());
        text += '\n';
    }
    escape_for_yaml(text);
}

}  // namespace

std::optional<SecretsForm> secrets_form(std::string_view name) {
    if (name == "dotenv") return SecretsForm::dotenv;
    if (name == "json") return SecretsForm::json;
    if (name == "yaml") return SecretsForm::yaml;
    if (name == "export") return SecretsForm::export_lines;
    return std::nullopt;
}

Secret write_secrets(SecretsForm form, const NamedSecrets& secrets) {
    Wiped written;
    std::size_t size = 16;
    for (const auto& [name, secret] : secrets) size += 16 + 2 * name.size() + 6 * secret.size();
    written.text.reserve(size);  // so that no shorter copy is left behind unwiped
    switch (form) {
        case SecretsForm::json:
            append_json(written.text, secrets);
            break;
        case SecretsForm::yaml:
            append_yaml(written.text, secrets);
            break;
        case SecretsForm::dotenv:
            for (const auto& [name, secret] : secrets) append_dotenv(written.text, name, secret.reveal());
            break;
        case SecretsForm::export_lines:
            for (const auto& [name, secret] : secrets) append_export(written.text, name, secret.reveal());
            break;
    }
    return Secret::take(written.text);
}

}  // namespace kavi::model
