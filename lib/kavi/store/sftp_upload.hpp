#pragma once

#include <kavi/store/sftp_connection.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace kavi::store {

/// The last bytes of a stream, with their offsets.
class Tail {
  public:
    static constexpr std::size_t size = std::size_t{8} << 20;

    /// Takes at most `size` bytes at once.
    void append(std::string_view bytes);
    /// The bytes from `offset` on, as far as they lie in one piece; empty at the end. `offset` lies from
    /// begin() on.
    std::string_view from(std::uint64_t offset) const;

    std::uint64_t begin() const { return end_ > size ? end_ - size : 0; }

    std::uint64_t end() const { return end_; }

  private:
    std::unique_ptr<char[]> ring_ = std::make_unique_for_overwrite<char[]>(size);
    std::uint64_t end_ = 0;
};

/// A file on its way up. It outlives the line: what isn't confirmed is in the tail, and goes again by the
/// next one. A line that the server cut while nothing was to be sent is no different.
class SftpUpload final : public Upload {
  public:
    SftpUpload(SftpConnection& connection, std::string path);
    ~SftpUpload() override;
    SftpUpload(const SftpUpload&) = delete;
    SftpUpload& operator=(const SftpUpload&) = delete;

    void write(std::string_view bytes) override;
    bool finish() override;

  private:
    void advance(std::string_view fresh, bool whole);
    void go_on();
    void let_go();
    bool is_named(net::Sftp& sftp) const;
    void remove_part();

    SftpConnection& connection_;
    std::string target_, part_;  ///< on the server
    std::shared_ptr<SftpLogin> login_;
    std::unique_ptr<net::SftpWriter> writer_;  ///< null: the line broke. Goes before the login.
    Tail tail_;
    std::uint64_t confirmed_ = 0;
    bool on_disk_ = false, finished_ = false;
};

}  // namespace kavi::store
