#include <kavi/net/sftp.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <deque>

namespace kavi::net {

namespace {

constexpr std::uint32_t open_read = 1, open_write = 2, open_create = 8, open_exclusive = 32;
/// OpenSSH takes messages of 256 KiB with all that stands around the data.
constexpr std::uint64_t largest_block = 261'120;

}  // namespace

Sftp::Sftp(SshSession& session, std::string server, std::stop_token stop)
    : line_(session.start_subsystem("sftp", stop), std::move(server), stop) {
    read_limits();
}

/// A server that doesn't say takes 32 KiB (the protocol's own promise).
void Sftp::read_limits() {
    if (!announces("limits@openssh.com")) return;
    const auto answer = ask(SftpType::extended, {"limits@openssh.com"});
    if (answer.type != SftpType::extended_reply) return;
    auto unpacker = answer.unpack();
    unpacker.long_number();  // the largest packet
    const auto most = [](std::uint64_t told) {
        return static_cast<std::size_t>(told == 0 ? 32768 : std::min(told, largest_block));
    };
    largest_read_ = most(unpacker.long_number());
    largest_write_ = most(unpacker.long_number());
}

SftpAnswer Sftp::ask(SftpType type, std::initializer_list<std::string_view> texts) {
    return line_.await(line_.post(type, [&](SftpPacker& packer) {
        for (const auto text : texts) packer.text(text);
    }));
}

std::optional<SftpAttributes> Sftp::stat(const std::string& path) {
    const auto answer = ask(SftpType::stat, {path});
    if (answer.type == SftpType::status && line_.status_of(answer) == SftpStatus::no_such_file) return {};
    line_.expect(SftpType::attributes, answer, fmt::format("looking at {}", path));
    return answer.unpack().attributes();
}

std::vector<SftpEntry> Sftp::list(const std::string& folder) {
    const auto doing = fmt::format("listing {}", folder);
    const auto opened = ask(SftpType::open_folder, {folder});
    line_.expect(SftpType::handle, opened, doing);
    const std::string handle(opened.unpack().text());
    std::vector<SftpEntry> result;
    while (true) {
        const auto answer = ask(SftpType::read_folder, {handle});
        if (answer.type == SftpType::status && line_.status_of(answer) == SftpStatus::end_of_file) break;
        line_.expect(SftpType::names, answer, doing);
        auto unpacker = answer.unpack();
        for (auto count = unpacker.number(); count > 0; --count) {
            std::string name(unpacker.text());
            unpacker.text();  // as `ls -l` would show it
            const auto attributes = unpacker.attributes();
            if (name != "." && name != "..") result.push_back({std::move(name), attributes});
        }
    }
    close(handle);
    return result;
}

void Sftp::make_folder(const std::string& path) {
    const auto answer = line_.await(line_.post(SftpType::make_folder, [&](SftpPacker& packer) {
        constexpr std::uint32_t has_mode = 4;
        packer.text(path).number(has_mode).number(0700);
    }));
    if (line_.status_of(answer) == SftpStatus::ok) return;
    const auto there = stat(path);  // version 3 has no status for "exists"
    if (!there || !there->is_folder()) line_.expect_ok(answer, fmt::format("making {}", path));
}

void Sftp::remove(const std::string& path) {
    const auto answer = ask(SftpType::remove, {path});
    if (line_.status_of(answer) != SftpStatus::no_such_file)
        line_.expect_ok(answer, fmt::format("removing {}", path));
}

void Sftp::rename(const std::string& from, const std::string& to) {
    constexpr const char* replacing = "posix-rename@openssh.com";
    const auto answer = announces(replacing) ? ask(SftpType::extended, {replacing, from, to})
                                             : ask(SftpType::rename, {from, to});
    line_.expect_ok(answer, fmt::format("renaming {} to {}", from, to));
}

std::optional<SftpSpace> Sftp::space(const std::string& path) {
    if (!announces("statvfs@openssh.com")) return {};
    const auto answer = ask(SftpType::extended, {"statvfs@openssh.com", path});
    line_.expect(SftpType::extended_reply, answer, fmt::format("asking for the space at {}", path));
    auto unpacker = answer.unpack();
    unpacker.long_number();  // the file system's block size; what follows counts fragments
    const auto fragment = unpacker.long_number(), blocks = unpacker.long_number();
    unpacker.long_number();  // free, root's share included
    return SftpSpace{.total = fragment * blocks, .free = fragment * unpacker.long_number()};
}

std::string Sftp::open(const std::string& path, std::uint32_t flags, const std::string& doing) {
    const auto answer = line_.await(line_.post(SftpType::open, [&](SftpPacker& packer) {
        constexpr std::uint32_t has_mode = 4;
        packer.text(path).number(flags);
        if (flags & open_create)
            packer.number(has_mode).number(0600);
        else
            packer.number(0);
    }));
    line_.expect(SftpType::handle, answer, doing);
    return std::string(answer.unpack().text());
}

void Sftp::close(const std::string& handle) {
    ask(SftpType::close, {handle});
}

SftpWriter Sftp::create(const std::string& path) {
    auto handle = open(path, open_write | open_create | open_exclusive, fmt::format("creating {}", path));
    return {line_, std::move(handle), path, 0, largest_write_};
}

SftpWriter Sftp::resume(const std::string& path, std::uint64_t offset) {
    return {line_, open(path, open_write, fmt::format("opening {}", path)), path, offset, largest_write_};
}

void Sftp::read(const std::string& path,
                std::uint64_t offset,
                const std::function<void(std::string_view)>& on_bytes) {
    const auto doing = fmt::format("reading {}", path);
    const auto handle = open(path, open_read, doing);
    std::deque<std::uint32_t> under_way;
    auto asked = offset;  // up to here
    const auto drop_rest = [&] {
        for (const auto id : under_way) line_.await(id);
        under_way.clear();
    };
    while (true) {
        for (; (under_way.size() + 1) * largest_read_ <= sftp_under_way; asked += largest_read_)
            under_way.push_back(line_.post(SftpType::read, [&](SftpPacker& packer) {
                packer.text(handle).long_number(asked).number(static_cast<std::uint32_t>(largest_read_));
            }));
        const auto answer = line_.await(under_way.front());
        under_way.pop_front();
        if (answer.type == SftpType::status && line_.status_of(answer) == SftpStatus::end_of_file) break;
        line_.expect(SftpType::data, answer, doing);
        const auto bytes = answer.unpack().text();
        if (bytes.empty())
            throw SftpError(SftpStatus::bad_message, doing + " failed").because("nothing came, and no end");
        on_bytes(bytes);
        offset += bytes.size();
        if (bytes.size() == largest_read_) continue;
        drop_rest();  // shorter than asked: the file's end, or a server that gives less; go on from there
        asked = offset;
    }
    drop_rest();
    close(handle);
}

}  // namespace kavi::net
