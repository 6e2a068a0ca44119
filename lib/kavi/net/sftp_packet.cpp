#include <kavi/base/error_codes.hpp>
#include <kavi/net/sftp_packet.hpp>

#include <limits>

namespace kavi::net {

namespace {

constexpr std::size_t length_size = 4;

void put(std::string& out, std::uint64_t value, int bytes) {
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

std::uint64_t get(std::string_view in) {
    std::uint64_t value = 0;
    for (const char byte : in) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
}

}  // namespace

SftpPacker::SftpPacker(SftpType type) : bytes_(length_size, '\0') {
    put(bytes_, static_cast<std::uint8_t>(type), 1);
}

SftpPacker& SftpPacker::number(std::uint32_t value) {
    put(bytes_, value, 4);
    return *this;
}

SftpPacker& SftpPacker::long_number(std::uint64_t value) {
    put(bytes_, value, 8);
    return *this;
}

SftpPacker& SftpPacker::text(std::string_view bytes) {
    if (bytes.size() > std::numeric_limits<std::uint32_t>::max())
        throw Error(errors::internal, "an SFTP text is too long");
    number(static_cast<std::uint32_t>(bytes.size()));
    bytes_.append(bytes);
    return *this;
}

std::string SftpPacker::finish() {
    std::string length;
    put(length, bytes_.size() - length_size, 4);
    bytes_.replace(0, length_size, length);
    return std::move(bytes_);
}

std::string_view SftpUnpacker::take(std::size_t size) {
    if (rest_.size() < size)
        throw Error(errors::remote_failed, "an SFTP answer can't be read").because("it is cut off");
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
}

std::uint8_t SftpUnpacker::byte() {
    return static_cast<std::uint8_t>(get(take(1)));
}

std::uint32_t SftpUnpacker::number() {
    return static_cast<std::uint32_t>(get(take(4)));
}

std::uint64_t SftpUnpacker::long_number() {
    return get(take(8));
}

std::string_view SftpUnpacker::text() {
    return take(number());
}

SftpAttributes SftpUnpacker::attributes() {
    constexpr std::uint32_t has_size = 1, has_owner = 2, has_mode = 4, has_times = 8, has_more = 0x80000000;
    SftpAttributes result;
    const auto flags = number();
    if (flags & has_size) result.size = long_number();
    if (flags & has_owner) take(8);
    if (flags & has_mode) result.mode = number();
    if (flags & has_times) {
        number();
        result.modified = number();
    }
    if (flags & has_more)
        for (auto count = number(); count > 0; --count) {
            text();
            text();
        }
    return result;
}

}  // namespace kavi::net
