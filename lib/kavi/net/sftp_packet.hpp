#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kavi::net {

/// SFTP version 3 (draft-ietf-secsh-filexfer-02) and OpenSSH's extensions to it (its PROTOCOL file).
enum class SftpType : std::uint8_t {
    init = 1,
    version = 2,
    open = 3,
    close = 4,
    read = 5,
    write = 6,
    open_folder = 11,
    read_folder = 12,
    remove = 13,
    make_folder = 14,
    remove_folder = 15,
    stat = 17,
    rename = 18,
    status = 101,
    handle = 102,
    data = 103,
    names = 104,
    attributes = 105,
    extended = 200,
    extended_reply = 201,
};

enum class SftpStatus : std::uint32_t {
    ok = 0,
    end_of_file = 1,
    no_such_file = 2,
    permission_denied = 3,
    failure = 4,  ///< also what a full disk gives
    bad_message = 5,
    unsupported = 8,
};

/// One file's attributes, as far as the server tells.
struct SftpAttributes {
    std::optional<std::uint64_t> size;
    std::optional<std::uint32_t> mode;      ///< with the file type's bits
    std::optional<std::uint32_t> modified;  ///< seconds since 1970

    bool is_folder() const { return mode && (*mode & 0170000) == 0040000; }
};

/// Puts a packet together. finish() gives it with its length in front.
class SftpPacker {
  public:
    explicit SftpPacker(SftpType type);

    SftpPacker& number(std::uint32_t value);
    SftpPacker& long_number(std::uint64_t value);
    SftpPacker& text(std::string_view bytes);
    std::string finish();

  private:
    std::string bytes_;
};

/// Takes a packet apart. What is cut off throws errors::remote_failed.
class SftpUnpacker {
  public:
    explicit SftpUnpacker(std::string_view bytes) : rest_(bytes) {}

    std::uint8_t byte();
    std::uint32_t number();
    std::uint64_t long_number();
    std::string_view text();
    SftpAttributes attributes();

    bool at_end() const noexcept { return rest_.empty(); }

  private:
    std::string_view take(std::size_t size);

    std::string_view rest_;
};

}  // namespace kavi::net
