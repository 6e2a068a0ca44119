#pragma once

#include <kavi/net/sftp_line.hpp>

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace kavi::net {

/// How much may be under way at once: enough for 2 MiB of SSH window and the answers on their way.
inline constexpr std::size_t sftp_under_way = std::size_t{4} << 20;

/// A remote file being written, with about 4 MiB under way. Where it goes without finish(), the file stays as
/// far as it came.
class SftpWriter {
  public:
    SftpWriter(SftpLine& line, std::string handle, std::string path, std::uint64_t offset, std::size_t block);
    SftpWriter(const SftpWriter&) = delete;
    SftpWriter& operator=(const SftpWriter&) = delete;
    ~SftpWriter();

    /// Takes the bytes; they may still be under way when it returns. Throws SftpError for any write before.
    void write(std::string_view bytes);

    /// The server has confirmed all bytes before this offset: where to go on after a broken line.
    std::uint64_t acknowledged() const noexcept { return acknowledged_; }

    /// Waits for all, has them put on disk, and closes. False where the server can't promise "on disk".
    bool finish();

  private:
    struct UnderWay {
        std::uint32_t id;
        std::size_t size;
    };

    void send(std::string_view block);
    void take_oldest();

    SftpLine& line_;
    std::string handle_, path_;
    std::size_t block_;
    std::string pending_;  ///< less than a block
    std::uint64_t sent_, acknowledged_;
    std::size_t under_way_bytes_ = 0;
    std::deque<UnderWay> under_way_;
    bool closed_ = false;
};

}  // namespace kavi::net
