#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/net/sftp_line.hpp>

#include <fmt/format.h>

#include <utility>

namespace kavi::net {

namespace {

constexpr std::uint32_t version = 3;
/// OpenSSH's own limit is 256 KiB.
constexpr std::size_t largest_packet = std::size_t{1} << 20;
constexpr std::chrono::milliseconds longest_silence = std::chrono::minutes(2);

}  // namespace

ErrorCode SftpError::code_of() {
    return errors::remote_failed;
}

SftpLine::SftpLine(std::unique_ptr<SshChannel> channel, std::string server, std::stop_token stop)
    : channel_(std::move(channel)), server_(std::move(server)), stop_(std::move(stop)) {
    send(SftpPacker(SftpType::init).number(version).finish());
    const auto packet = next_packet();
    SftpUnpacker unpacker(packet);
    if (static_cast<SftpType>(unpacker.byte()) != SftpType::version || unpacker.number() < version)
        throw Error(errors::remote_failed, fmt::format("{} speaks no SFTP of version 3", server_));
    while (!unpacker.at_end()) {
        std::string name(unpacker.text());
        extensions_.insert_or_assign(std::move(name), std::string(unpacker.text()));
    }
}

void SftpLine::send(std::string packet) {
    channel_->write(packet, stop_);
}

std::string SftpLine::next_packet() {
    const auto have = [&](std::size_t size) {
        while (input_.size() - taken_ < size) {
            auto bytes = channel_->read(stop_, longest_silence);
            if (!bytes)
                throw Error(errors::ssh_unreachable, fmt::format("the SFTP server of {} ended", server_))
                    .because(printable(trim(channel_->errors())));
            input_.erase(0, std::exchange(taken_, 0));
            input_.append(*bytes);
        }
    };
    have(4);
    const std::size_t size = SftpUnpacker(std::string_view(input_).substr(taken_)).number();
    if (size == 0 || size > largest_packet)
        throw Error(errors::remote_failed, fmt::format("{} answers something that isn't SFTP", server_))
            .because("a login script that prints, or a server that offers no SFTP, looks like this");
    have(4 + size);
    auto packet = input_.substr(taken_ + 4, size);
    taken_ += 4 + size;
    return packet;
}

SftpAnswer SftpLine::await(std::uint32_t id) {
    while (true) {
        if (auto found = kept_.extract(id)) return std::move(found.mapped());
        const auto packet = next_packet();
        SftpUnpacker unpacker(packet);
        const auto type = static_cast<SftpType>(unpacker.byte());
        const auto answered = unpacker.number();
        SftpAnswer answer{type, packet.substr(5)};
        if (answered == id) return answer;
        if (answered >= next_id_ || kept_.size() > 4096)
            throw Error(errors::remote_failed, fmt::format("{} answers what wasn't asked", server_));
        kept_.insert_or_assign(answered, std::move(answer));
    }
}

SftpStatus SftpLine::status_of(const SftpAnswer& answer) const {
    if (answer.type != SftpType::status)
        throw Error(errors::remote_failed, fmt::format("{} answers something unexpected", server_))
            .because(fmt::format("SFTP type {}", static_cast<int>(answer.type)));
    return static_cast<SftpStatus>(answer.unpack().number());
}

void SftpLine::expect_ok(const SftpAnswer& answer, const std::string& doing) const {
    const auto status = status_of(answer);
    if (status == SftpStatus::ok) return;
    auto unpacker = answer.unpack();
    const auto code = unpacker.number();
    const auto text = unpacker.at_end() ? std::string() : printable(unpacker.text());
    SftpError error(status, fmt::format("{} on {} failed", doing, server_));
    error.because(fmt::format("{} (SFTP {})", text.empty() ? "no reason given" : text, code));
    throw error;
}

void SftpLine::expect(SftpType type, const SftpAnswer& answer, const std::string& doing) const {
    if (answer.type == type) return;
    expect_ok(answer, doing);
    throw Error(errors::remote_failed, fmt::format("{} answers something unexpected", server_))
        .because(doing);
}

}  // namespace kavi::net
