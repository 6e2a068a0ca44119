#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/store/failures.hpp>
#include <kavi/store/paths.hpp>
#include <kavi/store/sftp_store.hpp>
#include <kavi/store/sftp_upload.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace kavi::store {

namespace {

/// A large file on a slow disk takes its time before the first byte comes.
constexpr std::chrono::milliseconds longest_hashing = std::chrono::hours(2);

bool is_digest(std::string_view word) {
    return word.size() == 64 && word.find_first_not_of("0123456789abcdefABCDEF") == word.npos;
}

bool is_ours(std::string_view name) {
    try {
        check_path(name);
        return true;
    } catch (const Error&) {
        return false;
    }
}

/// Carries what a caller's own function threw past the code that repeats after broken lines.
struct ThrownByCaller {
    std::exception_ptr thrown;
};

}  // namespace

std::optional<std::string> digest_in(std::string_view output) {
    const auto words = split(trim(output.substr(0, output.find('\n'))), ' ');
    // GNU puts a backslash in front where the name has strange characters.
    for (const std::string_view word : {std::string_view(words.front()), std::string_view(words.back())}) {
        const auto digest = word.substr(word.starts_with('\\') ? 1 : 0);
        if (is_digest(digest)) return lower(digest);
    }
    return {};
}

SftpStore::SftpStore(net::SshConnector& connector,
                     net::SshTarget target,
                     std::string folder,
                     Clock& clock,
                     std::stop_token stop)
    : connection_(connector, std::move(target), clock, std::move(stop)) {
    connection_.folder = std::move(folder);
}

/// Level by level: a few round trips for each, however many folders it has.
std::vector<StoredFile> SftpStore::walk(const std::string& folder, bool parts) {
    check_folder(folder);
    return connection_.with_login([&](SftpLogin& login) {
        std::vector<StoredFile> found;
        for (std::vector<std::string> level{folder}; !level.empty();) {
            std::vector<std::string> places, next;
            for (const auto& one : level) {
                const auto place = below(connection_.folder, one);
                places.push_back(place.empty() ? "." : place);
            }
            const auto listed = login.sftp->list_many(places);
            for (std::size_t i = 0; i < level.size(); ++i)
                for (const auto& [name, facts] : listed[i].value_or(std::vector<net::SftpEntry>())) {
                    if (!is_ours(name)) continue;
                    const auto path = below(level[i], name);
                    const bool regular = !facts.mode || (*facts.mode & 0170000) == 0100000;
                    if (facts.is_folder())
                        next.push_back(path);
                    else if (regular && is_part(path) == parts)
                        found.push_back({path, facts.size.value_or(0)});
                }
            level = std::move(next);
        }
        std::ranges::sort(found, {}, &StoredFile::path);
        return found;
    });
}

std::vector<StoredFile> SftpStore::list(const std::string& folder) {
    return walk(folder, false);
}

std::vector<StoredFile> SftpStore::unfinished(const std::string& folder) {
    return walk(folder, true);
}

std::unique_ptr<Upload> SftpStore::create(const std::string& path) {
    check_path(path);
    return std::make_unique<SftpUpload>(connection_, path);
}

void SftpStore::read(const std::string& path,
                     const std::function<void(std::string_view)>& on_bytes,
                     std::uint64_t offset,
                     std::optional<std::uint64_t> limit) {
    check_path(path);
    const auto place = below(connection_.folder, path);
    const auto take = [&](std::string_view bytes) {
        try {
            on_bytes(bytes);
        } catch (...) {
            throw ThrownByCaller{std::current_exception()};
        }
        offset += bytes.size();
        if (limit) *limit -= bytes.size();
    };
    try {
        connection_.with_login([&](SftpLogin& login) {
            try {
                login.sftp->read(place, offset, take, limit);
            } catch (const net::SftpError& error) {
                if (error.status() == net::SftpStatus::no_such_file) throw missing_file(name(), path);
                throw;
            }
        });
    } catch (const ThrownByCaller& caller) {
        std::rethrow_exception(caller.thrown);
    }
}

std::optional<std::string> SftpStore::sha256(const std::string& path) {
    check_path(path);
    const auto place = below(connection_.folder, path);
    return connection_.with_login([&](SftpLogin& login) -> std::optional<std::string> {
        if (!login.sftp->stat(place)) throw missing_file(name(), path);
        if (!hashes_) return {};
        // The name needs no quoting: check_path() saw to it. "./" keeps a leading "-" from being an option.
        const auto command = "sha256sum " + (place.starts_with('/') ? place : "./" + place);
        try {
            const auto done = login.session->exec(command, {}, {}, connection_.stop(), longest_hashing);
            auto digest = done.status == 0 ? digest_in(done.output) : std::nullopt;
            hashes_ = digest.has_value();
            return digest;
        } catch (const Error& error) {
            if (error.code() == errors::interrupted) throw;
            login.sftp->stat(place);  // throws where it was the line that broke
            hashes_ = false;          // an account for SFTP alone
            return {};
        }
    });
}

void SftpStore::remove(const std::string& path) {
    check_path(path);
    connection_.with_login([&](SftpLogin& login) {
        login.sftp->remove(below(connection_.folder, path));
        for (auto folder = parent_of(path); !folder.empty(); folder = parent_of(folder))
            if (!login.sftp->remove_folder(below(connection_.folder, folder))) break;  // it isn't empty
    });
}

std::optional<Space> SftpStore::space() {
    return connection_.with_login([&](SftpLogin&) { return connection_.space(); });
}

}  // namespace kavi::store
