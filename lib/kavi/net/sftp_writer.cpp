#include <kavi/net/sftp_writer.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::net {

SftpWriter::SftpWriter(
    SftpLine& line, std::string handle, std::string path, std::uint64_t offset, std::size_t block)
    : line_(line),
      handle_(std::move(handle)),
      path_(std::move(path)),
      block_(block),
      sent_(offset),
      acknowledged_(offset) {}

SftpWriter::~SftpWriter() {
    if (closed_) return;
    try {
        line_.post(SftpType::close, [&](SftpPacker& packer) { packer.text(handle_); });
    } catch (const std::exception&) {
        // The line is gone, and the handle with it.
    }
}

void SftpWriter::write(std::string_view bytes) {
    if (!pending_.empty()) {
        const auto missing = std::min(block_ - pending_.size(), bytes.size());
        pending_.append(bytes.substr(0, missing));
        bytes.remove_prefix(missing);
        if (pending_.size() < block_) return;
        send(pending_);
        pending_.clear();
    }
    for (; bytes.size() >= block_; bytes.remove_prefix(block_)) send(bytes.substr(0, block_));
    pending_.append(bytes);
}

void SftpWriter::send(std::string_view block) {
    while (under_way_bytes_ + block.size() > sftp_under_way) take_oldest();
    const auto id = line_.post(
        SftpType::write, [&](SftpPacker& packer) { packer.text(handle_).long_number(sent_).text(block); });
    sent_ += block.size();
    under_way_bytes_ += block.size();
    under_way_.push_back({id, block.size()});
}

void SftpWriter::take_oldest() {
    const auto oldest = under_way_.front();
    const auto answer = line_.await(oldest.id);
    under_way_.pop_front();
    under_way_bytes_ -= oldest.size;
    line_.expect_ok(answer, fmt::format("writing {}", path_));
    acknowledged_ += oldest.size;
}

bool SftpWriter::finish() {
    if (!pending_.empty()) send(pending_);
    pending_.clear();
    while (!under_way_.empty()) take_oldest();
    const bool can_sync = line_.extensions().contains("fsync@openssh.com");
    if (can_sync)
        line_.expect_ok(line_.await(line_.post(
                            SftpType::extended,
                            [&](SftpPacker& packer) { packer.text("fsync@openssh.com").text(handle_); })),
                        fmt::format("putting {} on disk", path_));
    closed_ = true;
    line_.expect_ok(
        line_.await(line_.post(SftpType::close, [&](SftpPacker& packer) { packer.text(handle_); })),
        fmt::format("closing {}", path_));
    return can_sync;
}

}  // namespace kavi::net
