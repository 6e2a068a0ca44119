#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/agent/files_restore_folder.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kavi::ops {

namespace fs = std::filesystem;

namespace {

/// A Redis data folder made from an RDB alone. Redis reads dump.rdb where it keeps no append-only file, and
/// the append-only file (of several parts since 7.0, the first of which may be an RDB) where it does: so it
/// gets both, as one file with two names.
class RedisRestore {
  public:
    explicit RedisRestore(const RestoreJob& job) : job_(job) {}

    Restored run() {
        const bool volume = !job_.wanted("volume").empty();
        folder_ = volume ? ensure_volume(job_) : fs::path(job_.wanted("folder"));
        require_renamable(folder_);
        remove_begun(folder_);
        const auto built = building_folder(folder_, job_.run);
        build(built);
        job_.reached("unpacked");
        StoppedServices stopped(job_,
                                volume ? users_of_volume(job_.docker, job_.wanted("volume"))
                                       : users_of_folder(job_.docker, folder_));
        try {
            restored_.kept = swap_folders(folder_, built, job_.run);
            job_.reached("swapped");
        } catch (...) {
            stopped.start(restored_);
            throw;
        }
        stopped.start(restored_);
        if (!restored_.restarted.empty()) check_size();
        return std::move(restored_);
    }

  private:
    void build(const fs::path& built) {
        if (::mkdir(built.c_str(), 0700) != 0)
            throw Error(errors::restore_failed, built.string() + " can't be made")
                .because(std::strerror(errno));
        const auto rdb = built / "dump.rdb";
        write_rdb(rdb);
        const auto parts = built / "appendonlydir";
        const auto base = parts / "appendonly.aof.1.base.rdb";
        if (::mkdir(parts.c_str(), 0755) != 0 || ::link(rdb.c_str(), base.c_str()) != 0)
            throw Error(errors::restore_failed, parts.string() + " can't be made")
                .because(std::strerror(errno));
        write_file_atomic(
            parts / "appendonly.aof.manifest", "file appendonly.aof.1.base.rdb seq 1 type b\n", 0644);
        const std::vector<fs::path> files{rdb, parts, parts / "appendonly.aof.manifest"};
        if (own_as_before(built, files) || !fs::exists(folder_)) return;
        for (const auto& path : files) own_like(path, folder_, false);
        own_like(built, folder_, true);
    }

    /// In a volume that was just made nothing says who Redis runs as: the backup does. False: the volume was
    /// in use.
    bool own_as_before(const fs::path& built, std::vector<fs::path> all) const {
        const auto& owner = member_or_null(job_.sealed.artefact.details, "owner");
        if (!owner.is_array() || owner.size() != 2 || (fs::exists(folder_) && !fs::is_empty(folder_)))
            return false;
        for (const auto& id : owner)
            if (!id.is_number_unsigned()) return false;
        all.push_back(built);
        for (const auto& path : all)
            if (::chown(path.c_str(), owner[0].get<uid_t>(), owner[1].get<gid_t>()) != 0)
                throw Error(errors::restore_failed, path.string() + " can't be given to its owner")
                    .because(std::strerror(errno));
        return true;
    }

    void write_rdb(const fs::path& path) {
        FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        std::string magic;
        job_.say("fetching");
        job_.fetch([&](std::string_view bytes) {
            if (magic.size() < 5) magic += bytes.substr(0, 5 - magic.size());
            write_all(file.get(), bytes, path);
        });
        if (magic != "REDIS") throw Error(errors::restore_failed, "the backup holds no RDB");
        if (::fsync(file.get()) != 0)
            throw Error(errors::restore_failed, path.string() + " can't be written")
                .because(std::strerror(errno));
    }

    /// Keys that have expired since are gone: only those with a time to live may be missing.
    void check_size() {
        const auto& details = job_.sealed.artefact.details;
        const auto& keys = member_or_null(details, "keys");
        if (!keys.is_number_integer()) return;
        const auto& expires = member_or_null(details, "expires");
        const auto may_miss = expires.is_number_integer() ? expires.get<std::uint64_t>() : 0;
        const auto found = size();
        restored_.rows = found;
        const auto wanted = keys.get<std::uint64_t>();
        if (found <= wanted && found + may_miss >= wanted) return;
        throw Error(
            errors::restore_failed,
            fmt::format("{} has {} keys after the restore, not {}", job_.wanted("service"), found, wanted))
            .fix(restored_.kept.empty() ? "" : "what it had before lies in " + restored_.kept);
    }

    std::uint64_t size() {
        const auto container = job_.docker.running(job_.wanted("project"), job_.wanted("service"));
        std::vector<std::string> words{"exec", container.id};
        for (const auto& word : member_or_null(job_.target, "cli"))
            if (word.is_string()) words.push_back(word.get<std::string>());
        if (words.size() == 2) words.emplace_back("redis-cli");
        words.insert(words.end(), {"INFO", "keyspace"});
        const auto said = job_.docker.must("Redis doesn't say how many keys it has", words);
        if (const auto keys = redis_keys(said)) return *keys;
        throw Error(errors::restore_failed, "Redis doesn't say how many keys it has")
            .because(printable(trim(said)));
    }

    const RestoreJob& job_;
    fs::path folder_;
    Restored restored_;
};

}  // namespace

std::optional<std::uint64_t> redis_keys(std::string_view keyspace) {
    if (keyspace.find("# Keyspace") == std::string_view::npos) return std::nullopt;
    std::uint64_t keys = 0;
    constexpr std::string_view mark = ":keys=";
    for (const auto& line : split(keyspace, '\n'))
        if (const auto at = line.find(mark); line.starts_with("db") && at != std::string::npos) {
            std::uint64_t count = 0;
            std::from_chars(line.data() + at + mark.size(), line.data() + line.size(), count);
            keys += count;
        }
    return keys;
}

Restored restore_redis(const RestoreJob& job) {
    return RedisRestore(job).run();
}

}  // namespace kavi::ops
