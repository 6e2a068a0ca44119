#include <kavi/base/text.hpp>
#include <kavi/seal/age_error.hpp>
#include <kavi/seal/armor.hpp>

#include <fmt/format.h>

#include <memory>
#include <utility>

namespace kavi::seal {

namespace {

constexpr std::size_t columns = 64;
constexpr std::size_t bytes_a_line = 48;
constexpr std::size_t most_blank = 1024;  // white space allowed before and after
constexpr std::string_view blank = " \t\r\n";

AgeError bad(std::string_view what) {
    return {AgeFault::armor, fmt::format("the age armor is malformed: {}", what)};
}

class Unarmor {
  public:
    explicit Unarmor(ByteReader& reader) : reader_(reader) {}

    std::size_t read(std::span<char> into) {
        while (held_.empty() && !ended_) next_line();
        const auto count = std::min(held_.size(), into.size());
        std::copy_n(held_.data(), count, into.data());
        held_.erase(0, count);
        return count;
    }

  private:
    void begin() {
        std::size_t skipped = 0;
        char c = 0;
        while (blank.find(reader_.peek(1).empty() ? '-' : reader_.peek(1)[0]) != std::string_view::npos)
            if (reader_.fill({&c, 1}) == 0 || ++skipped > most_blank) throw bad("nothing but white space");
        if (line() != armor_begin) throw bad("its first line isn't the one of age's armor");
        begun_ = true;
    }

    /// The next line without its LF or CRLF; the last one may end without.
    std::string line() {
        std::string text;
        if (!reader_.line(text, columns + 40)) {
            const auto rest = reader_.peek(columns + 40);
            if (rest.empty()) throw bad("it ends too soon");
            text = rest;
            std::string taken(rest.size(), '\0');
            reader_.fill(taken);
        }
        if (text.ends_with('\r')) text.pop_back();
        return text;
    }

    void next_line() {
        if (!begun_) begin();
        const auto text = line();
        if (text == armor_end) return end();
        if (last_seen_) throw bad("a short line isn't the last one");
        if (text.empty() || text.size() > columns) throw bad("a line isn't of 1 to 64 columns");
        const bool padded = text.ends_with('=');
        const auto bytes = text.size() % 4 == 0 ? decode_base64(text) : std::nullopt;
        if (!bytes) throw bad("a line isn't canonical base64");
        last_seen_ = padded || text.size() < columns;
        held_ += *bytes;
    }

    void end() {
        ended_ = true;
        char c = 0;
        for (std::size_t skipped = 0; reader_.fill({&c, 1}) == 1; ++skipped)
            if (blank.find(c) == std::string_view::npos || skipped > most_blank)
                throw bad("something follows its last line");
    }

    ByteReader& reader_;
    std::string held_;
    bool begun_ = false, last_seen_ = false, ended_ = false;
};

}  // namespace

bool looks_armored(ByteReader& reader) {
    const auto text = trim(reader.peek(most_blank + armor_begin.size()));
    return text.starts_with("-----BEGIN");
}

ReadBytes unarmor(ByteReader& reader) {
    auto state = std::make_shared<Unarmor>(reader);
    return [state](std::span<char> into) { return state->read(into); };
}

ArmorWriter::ArmorWriter(WriteBytes out) : out_(std::move(out)) {
    out_(std::string(armor_begin) + "\n");
}

void ArmorWriter::write(std::string_view bytes) {
    held_ += bytes;
    std::string lines;
    std::size_t at = 0;
    for (; held_.size() - at >= bytes_a_line; at += bytes_a_line)
        lines += base64(std::string_view(held_).substr(at, bytes_a_line)) + "\n";
    held_.erase(0, at);
    if (!lines.empty()) out_(lines);
}

void ArmorWriter::finish() {
    std::string lines = held_.empty() ? std::string() : base64(held_) + "\n";
    held_.clear();
    out_(lines + std::string(armor_end) + "\n");
}

}  // namespace kavi::seal
