#include <kavi/base/text.hpp>
#include <kavi/seal/age_error.hpp>
#include <kavi/seal/age_header.hpp>
#include <kavi/seal/crypto.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace kavi::seal {

namespace {

constexpr std::string_view version_line = "age-encryption.org/v1";
constexpr std::size_t largest_header = std::size_t{1} << 20;
constexpr std::size_t columns = 64;
constexpr std::size_t mac_columns = 43;

AgeError bad(std::string_view what) {
    return {AgeFault::header, fmt::format("the age header is malformed: {}", what)};
}

/// Unpadded canonical base64.
std::optional<std::string> decode_strictly(std::string_view text) {
    if (text.find('=') != std::string_view::npos) return std::nullopt;
    return decode_base64(text);
}

/// The lines of one header, as they come, with all bytes kept for the MAC.
class HeaderLines {
  public:
    explicit HeaderLines(ByteReader& reader) : reader_(reader) {}

    /// Goes on to the next line.
    const std::string& next() {
        if (bytes_.size() > largest_header || !reader_.line(line_, largest_header))
            throw bad("it ends too soon");
        bytes_ += line_;
        bytes_ += '\n';
        return line_;
    }

    const std::string& bytes() const noexcept { return bytes_; }

  private:
    ByteReader& reader_;
    std::string line_, bytes_;
};

std::vector<std::string> arguments_of(std::string_view line) {
    auto words = split(line, ' ');
    const auto fit = [](const std::string& word) {
        return !word.empty() && std::ranges::all_of(word, [](char c) { return c >= 33 && c <= 126; });
    };
    if (words.size() < 2 || words[0] != "->" || !std::ranges::all_of(words, fit))
        throw bad("a recipient line isn't '-> TYPE …'");
    words.erase(words.begin());
    return words;
}

std::string body_of(HeaderLines& lines) {
    std::string body;
    while (true) {
        const auto& line = lines.next();
        const auto bytes = line.size() <= columns ? decode_strictly(line) : std::nullopt;
        if (!bytes) throw bad("a recipient's body isn't canonical base64 in lines of 64 columns");
        body += *bytes;
        if (line.size() < columns) return body;
    }
}

std::string mac_of(const std::string& line) {
    const auto text = std::string_view(line).substr(3);
    const auto mac =
        text.size() == mac_columns + 1 && text[0] == ' ' ? decode_strictly(text.substr(1)) : std::nullopt;
    if (!mac || mac->size() != 32) throw bad("the last line isn't '--- MAC'");
    return *mac;
}

std::string header_mac(const Secret& file_key, std::string_view bytes) {
    const auto key = hkdf_sha256(file_key.reveal(), {}, "header");
    return hmac_sha256(key.reveal(), bytes);
}

}  // namespace

bool ByteReader::more() {
    constexpr std::size_t step = 4096;
    buffer_.erase(0, std::exchange(used_, 0));
    const auto held = buffer_.size();
    buffer_.resize(held + step);
    const auto count = read_(std::span(buffer_).subspan(held));
    buffer_.resize(held + count);
    return count > 0;
}

bool ByteReader::line(std::string& into, std::size_t longest) {
    while (true) {
        const auto held = std::string_view(buffer_).substr(used_);
        const auto end = held.find('\n');
        if (end != std::string_view::npos && end <= longest) {
            into = held.substr(0, end);
            used_ += end + 1;
            return true;
        }
        if (held.size() > longest || !more()) return false;
    }
}

std::size_t ByteReader::fill(std::span<char> into) {
    const auto held = std::string_view(buffer_).substr(used_);
    auto count = std::min(held.size(), into.size());
    std::copy_n(held.data(), count, into.data());
    used_ += count;
    while (count < into.size()) {
        const auto got = read_(into.subspan(count));
        if (got == 0) break;
        count += got;
    }
    return count;
}

std::string_view ByteReader::peek(std::size_t count) {
    while (buffer_.size() - used_ < count && more()) continue;
    return std::string_view(buffer_).substr(used_, count);
}

AgeHeader read_age_header(ByteReader& reader) {
    if (!std::string_view("age-encryption.org/").starts_with(reader.peek(19)) || reader.peek(1).empty())
        throw AgeError(AgeFault::header, "this isn't an age file");
    HeaderLines lines(reader);
    if (lines.next() != version_line)
        throw AgeError(AgeFault::header, "this age file is of an unknown version");
    AgeHeader header;
    while (true) {
        const auto& line = lines.next();
        if (line.starts_with("---")) {
            header.mac = mac_of(line);
            header.mac_covers = lines.bytes().substr(0, lines.bytes().size() - line.size() + 2);
            header.size = lines.bytes().size();
            break;
        }
        Stanza stanza{arguments_of(line), {}};
        stanza.body = body_of(lines);
        header.stanzas.push_back(std::move(stanza));
    }
    if (header.stanzas.empty()) throw bad("it names no recipient");
    return header;
}

std::string write_age_header(const std::vector<Stanza>& stanzas, const Secret& file_key) {
    std::string text(version_line);
    text += '\n';
    for (const auto& stanza : stanzas) {
        text += "-> " + join(stanza.arguments, " ") + "\n";
        auto body = base64(stanza.body, false);
        for (std::size_t at = 0; at <= body.size(); at += columns) text += body.substr(at, columns) + "\n";
    }
    text += "---";
    const auto mac = header_mac(file_key, text);
    return text + " " + base64(mac, false) + "\n";
}

void check_mac(const AgeHeader& header, const Secret& file_key) {
    if (!same_bytes(header.mac, header_mac(file_key, header.mac_covers)))
        throw AgeError(AgeFault::mac, "the age header was changed after it was written");
}

}  // namespace kavi::seal
