#pragma once

#include <kavi/base/error.hpp>
#include <kavi/net/sftp_packet.hpp>
#include <kavi/net/ssh.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <stop_token>
#include <string>

namespace kavi::net {

/// What a server answered instead of doing it (errors::remote_failed), with its code. A full disk gives
/// `failure` and no reason: ask for the free space.
class SftpError : public Error {
  public:
    SftpError(SftpStatus status, std::string message)
        : Error(code_of(), std::move(message)), status_(status) {}

    SftpStatus status() const noexcept { return status_; }

  private:
    static ErrorCode code_of();

    SftpStatus status_;
};

/// One answer: its type and what follows its request's id.
struct SftpAnswer {
    SftpType type;
    std::string bytes;

    SftpUnpacker unpack() const { return SftpUnpacker(bytes); }
};

/// Requests and answers on a channel, several under way at once; answers are matched by id.
class SftpLine {
  public:
    SftpLine(std::unique_ptr<SshChannel> channel, std::string server, std::stop_token stop);

    /// The extensions that the server announced: name → data.
    const std::map<std::string, std::string>& extensions() const noexcept { return extensions_; }

    /// Sends a request made of its type and `build`, which adds what follows the id; gives the id.
    template <typename Build>
    std::uint32_t post(SftpType type, Build build) {
        SftpPacker packer(type);
        const auto id = next_id_++;
        packer.number(id);
        build(packer);
        send(packer.finish());
        return id;
    }

    /// The answer to that request; answers to others that come meanwhile are kept for their turn.
    SftpAnswer await(std::uint32_t id);

    /// The answer's status (errors::remote_failed where it is something else).
    SftpStatus status_of(const SftpAnswer& answer) const;

    /// Throws SftpError unless the answer is a status `ok`.
    void expect_ok(const SftpAnswer& answer, const std::string& doing) const;
    /// Throws SftpError when the answer isn't of that type.
    void expect(SftpType type, const SftpAnswer& answer, const std::string& doing) const;

  private:
    void send(std::string packet);
    std::string next_packet();

    std::unique_ptr<SshChannel> channel_;
    std::string server_;
    std::stop_token stop_;
    std::map<std::string, std::string> extensions_;
    std::map<std::uint32_t, SftpAnswer> kept_;
    std::string input_;  ///< what came and isn't taken apart yet
    std::size_t taken_ = 0;
    std::uint32_t next_id_ = 1;
};

}  // namespace kavi::net
