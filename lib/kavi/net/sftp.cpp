#include <kavi/net/sftp.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <deque>

namespace kavi::net {

namespace {

constexpr std::uint32_t open_read = 1, open_write = 2, open_create = 8, open_exclusive = 32;
/// OpenSSH takes messages of 256 KiB with all that stands around the data.
constexpr std::uint64_t largest_block = 261'120;
/// Open handles are limited, too (by RLIMIT_NOFILE with OpenSSH).
constexpr std::size_t folders_at_once = 64;

/// What because() gives is a plain Error, which would lose the status.
SftpError failed(SftpStatus status, const std::string& doing, std::string why) {
    SftpError error(status, doing + " failed");
    error.because(std::move(why));
    return error;
}

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
    auto listed = list_many({folder});
    if (!listed.front())
        throw failed(SftpStatus::no_such_file, fmt::format("listing {}", folder), "no such folder");
    return std::move(*listed.front());
}

std::vector<std::optional<std::vector<SftpEntry>>> Sftp::list_many(const std::vector<std::string>& folders) {
    std::vector<std::optional<std::vector<SftpEntry>>> result(folders.size());
    for (std::size_t begin = 0; begin < folders.size(); begin += folders_at_once) {
        const auto count = std::min(folders_at_once, folders.size() - begin);
        list_some(std::span(folders).subspan(begin, count), std::span(result).subspan(begin, count));
    }
    return result;
}

/// Two requests for names are under way for each folder: the second one's answer is the end of a folder that
/// fits into one.
void Sftp::list_some(std::span<const std::string> folders,
                     std::span<std::optional<std::vector<SftpEntry>>> into) {
    std::vector<std::uint32_t> opening;
    for (const auto& folder : folders)
        opening.push_back(
            line_.post(SftpType::open_folder, [&](SftpPacker& packer) { packer.text(folder); }));

    struct Open {
        std::size_t index;
        std::string handle;
        std::deque<std::uint32_t> asked;
    };

    std::vector<Open> open;
    const auto ask_on = [&](Open& one) {
        one.asked.push_back(
            line_.post(SftpType::read_folder, [&](SftpPacker& packer) { packer.text(one.handle); }));
    };
    for (std::size_t i = 0; i < folders.size(); ++i) {
        const auto answer = line_.await(opening[i]);
        if (answer.type == SftpType::status && line_.status_of(answer) == SftpStatus::no_such_file) continue;
        line_.expect(SftpType::handle, answer, fmt::format("listing {}", folders[i]));
        into[i].emplace();
        open.push_back({i, std::string(answer.unpack().text()), {}});
        ask_on(open.back());
        ask_on(open.back());
    }
    std::vector<std::uint32_t> closing;
    for (auto& one : open) {
        while (true) {
            const auto answer = line_.await(one.asked.front());
            one.asked.pop_front();
            if (!take_names(answer, folders[one.index], *into[one.index])) break;
            ask_on(one);
        }
        for (const auto id : one.asked) line_.await(id);
        closing.push_back(line_.post(SftpType::close, [&](SftpPacker& packer) { packer.text(one.handle); }));
    }
    for (const auto id : closing) line_.await(id);
}

bool Sftp::take_names(const SftpAnswer& answer, const std::string& folder, std::vector<SftpEntry>& into) {
    if (answer.type == SftpType::status && line_.status_of(answer) == SftpStatus::end_of_file) return false;
    line_.expect(SftpType::names, answer, fmt::format("listing {}", folder));
    auto unpacker = answer.unpack();
    for (auto count = unpacker.number(); count > 0; --count) {
        std::string name(unpacker.text());
        unpacker.text();  // as `ls -l` would show it
        const auto attributes = unpacker.attributes();
        if (name != "." && name != "..") into.push_back({std::move(name), attributes});
    }
    return true;
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

bool Sftp::remove_folder(const std::string& path) {
    return line_.status_of(ask(SftpType::remove_folder, {path})) == SftpStatus::ok;
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
                const std::function<void(std::string_view)>& on_bytes,
                std::optional<std::uint64_t> limit) {
    const auto doing = fmt::format("reading {}", path);
    const auto handle = open(path, open_read, doing);

    struct UnderWay {
        std::uint32_t id;
        std::size_t size;
    };

    std::deque<UnderWay> under_way;
    const auto end = limit ? offset + std::min(*limit, ~std::uint64_t{0} - offset) : ~std::uint64_t{0};
    auto asked = offset;  // up to here
    const auto drop_rest = [&] {
        for (const auto& one : under_way) line_.await(one.id);
        under_way.clear();
    };
    while (offset < end) {
        while (asked < end && (under_way.size() + 1) * largest_read_ <= sftp_under_way) {
            const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(largest_read_, end - asked));
            const auto id = line_.post(SftpType::read, [&](SftpPacker& packer) {
                packer.text(handle).long_number(asked).number(static_cast<std::uint32_t>(size));
            });
            under_way.push_back({id, size});
            asked += size;
        }
        const auto [id, size] = under_way.front();
        const auto answer = line_.await(id);
        under_way.pop_front();
        if (answer.type == SftpType::status && line_.status_of(answer) == SftpStatus::end_of_file) break;
        line_.expect(SftpType::data, answer, doing);
        const auto bytes = answer.unpack().text();
        if (bytes.empty() || bytes.size() > size)
            throw failed(SftpStatus::bad_message,
                         doing,
                         bytes.empty() ? "nothing came, and no end" : "more came than was asked for");
        on_bytes(bytes);
        offset += bytes.size();
        if (bytes.size() == size) continue;
        drop_rest();  // shorter than asked: the file's end, or a server that gives less; go on from there
        asked = offset;
    }
    drop_rest();
    close(handle);
}

}  // namespace kavi::net
