#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/agent/items.hpp>

#include <array>
#include <memory>

namespace kavi::ops {

namespace {

/// CRC-64 of Jones, reflected, as Redis computes it.
constexpr std::array<std::uint64_t, 256> crc_table = [] {
    std::array<std::uint64_t, 256> table{};
    for (std::uint64_t i = 0; i < 256; ++i) {
        auto value = i;
        for (int bit = 0; bit < 8; ++bit)
            value = (value >> 1) ^ ((value & 1) != 0 ? 0x95ac9329ac4bc9b5ull : 0);
        table[i] = value;
    }
    return table;
}();

constexpr std::size_t checksum_size = 8;
constexpr char end_of_file = '\xff';

}  // namespace

int pump(Child& child, const seal::WriteBytes& out) {
    const auto buffer = std::make_unique<std::array<char, 128 * 1024>>();
    child.end_input();
    while (const auto count = child.read(*buffer)) out({buffer->data(), count});
    return child.finish();
}

Error item_failed(std::string message, std::string_view said) {
    Error error(errors::backup_failed, std::move(message));
    for (auto& line : last_lines(said)) error.because(std::move(line));
    return error;
}

void RdbCheck::add(std::string_view bytes) {
    if (magic_.size() < 5) magic_ += bytes.substr(0, 5 - magic_.size());
    if (bytes.size() < checksum_size) {
        tail_ += bytes;
        if (tail_.size() <= checksum_size) return;
        const auto over = tail_.size() - checksum_size;
        take(std::string_view(tail_).substr(0, over));
        tail_.erase(0, over);
        return;
    }
    take(tail_);
    take(bytes.substr(0, bytes.size() - checksum_size));
    tail_ = bytes.substr(bytes.size() - checksum_size);
}

void RdbCheck::take(std::string_view bytes) {
    for (const char byte : bytes)
        checksum_ = crc_table[(checksum_ ^ static_cast<unsigned char>(byte)) & 0xff] ^ (checksum_ >> 8);
    if (!bytes.empty()) last_ = bytes.back();
}

void RdbCheck::finish() const {
    if (magic_ != "REDIS") throw Error(errors::backup_failed, "what Redis saved is no RDB");
    if (tail_.size() != checksum_size || last_ != end_of_file)
        throw Error(errors::backup_failed, "the RDB is cut off");
    std::uint64_t said = 0;
    for (auto i = checksum_size; i-- > 0;) said = said << 8 | static_cast<unsigned char>(tail_[i]);
    // Zero: this server makes none.
    if (said != 0 && said != checksum_) throw Error(errors::backup_failed, "the RDB's checksum is wrong");
}

}  // namespace kavi::ops
