#include <kavi/base/clock.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/json.hpp>
#include <kavi/model/estate_find.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>

namespace kavi::model {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view file_name = "kavi.toml";

bool is_file(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
}

bool is_repository(const fs::path& folder) {
    std::error_code ignored;
    return fs::exists(folder / ".git", ignored);  // a worktree's .git is a file
}

FoundEstate found(FoundEstate::How how, const fs::path& path) {
    std::error_code ignored;
    const auto resolved = fs::canonical(path, ignored);
    return {.how = how, .file = resolved.empty() ? path : resolved};
}

FoundEstate named(FoundEstate::How how, const fs::path& path, const fs::path& folder, std::string_view by) {
    const auto absolute = path.is_absolute() ? path : folder / path;
    if (is_file(absolute)) return found(how, absolute);
    Error error(errors::config_missing, fmt::format("there is no estate file {}", path.string()));
    error.because(fmt::format("{} names it", by));
    if (is_file(absolute / file_name))
        throw error.fix(fmt::format("that is a folder; {} is in it", file_name));
    throw error.fix("check the path");
}

/// The folders to look in: this one, and those above it up to the repository's root, if it is in one.
std::vector<fs::path> folders_above(const fs::path& start) {
    std::vector<fs::path> folders;
    for (auto folder = start; !folder.empty(); folder = folder.parent_path()) {
        folders.push_back(folder);
        if (is_repository(folder)) return folders;
        if (folder == folder.parent_path()) break;
    }
    return {start};
}

struct stat status_of(const fs::path& path) {
    struct stat status {};

    if (::stat(path.c_str(), &status) == 0) return status;
    Error error(errors::file_unreadable, fmt::format("can't look at {}", path.string()));
    throw error.because(std::generic_category().message(errno));
}

/// A group that nobody is in but the owner: the user's private group, as most systems make one for each user.
bool is_private_group(gid_t gid, uid_t owner) {
    std::array<char, 16384> buffer{};

    struct passwd user {};
    struct passwd* user_found = nullptr;
    if (::getpwuid_r(owner, &user, buffer.data(), buffer.size(), &user_found) != 0 || user_found == nullptr)
        return false;
    const std::string user_name = user.pw_name;
    if (user.pw_gid != gid) return false;

    struct group group {};
    struct group* group_found = nullptr;
    if (::getgrgid_r(gid, &group, buffer.data(), buffer.size(), &group_found) != 0 || group_found == nullptr)
        return false;
    for (char** member = group.gr_mem; *member != nullptr; ++member)
        if (user_name != *member) return false;
    return user_name == group.gr_name;
}

struct Danger {
    std::string why, fix;
};

/// Who else could change it; nullopt: only those who may.
std::optional<Danger> danger_of(const fs::path& path, const std::vector<uid_t>& owners, bool folder) {
    const auto status = status_of(path);
    const auto name = path.string();
    const bool owned = status.st_uid == 0 || std::ranges::find(owners, status.st_uid) != owners.end();
    if (!owned)
        return Danger{fmt::format("{} belongs to another user (uid {})", name, status.st_uid),
                      fmt::format("if it is yours: chown {} {}", owners.empty() ? 0 : owners.front(), name)};
    if (folder && (status.st_mode & S_ISVTX) != 0)
        return std::nullopt;  // nobody may replace another's file there
    if ((status.st_mode & S_IWOTH) != 0)
        return Danger{fmt::format("everybody may write to {}", name), fmt::format("chmod go-w {}", name)};
    if ((status.st_mode & S_IWGRP) != 0 && !is_private_group(status.st_gid, status.st_uid))
        return Danger{fmt::format("the group may write to {}", name), fmt::format("chmod g-w {}", name)};
    return std::nullopt;
}

}  // namespace

FoundEstate find_estate(const FindEstate& where) {
    using How = FoundEstate::How;
    if (where.option) return named(How::option, *where.option, where.working_folder, "--config");
    if (where.variable)
        return named(How::variable, *where.variable, where.working_folder, "the variable KAVI_CONFIG");
    for (const auto& folder : folders_above(where.working_folder))
        if (is_file(folder / file_name)) return found(How::walked, folder / file_name);
    if (where.config_home && is_file(*where.config_home / "kavi" / file_name))
        return found(How::user, *where.config_home / "kavi" / file_name);
    if (is_file(where.system_file)) return found(How::system, where.system_file);
    Error error(errors::config_missing, "there is no estate file here");
    error.because(fmt::format("no {} in {} or above it, in the user's configuration, or at {}",
                              file_name,
                              where.working_folder.string(),
                              where.system_file.string()));
    throw error.fix("name one with -c FILE or KAVI_CONFIG, or write one with kavi init");
}

void refuse_if_others_can_write(const fs::path& file, const std::vector<uid_t>& owners) {
    auto danger = danger_of(file, owners, false);
    if (!danger) danger = danger_of(file.parent_path(), owners, true);
    if (!danger) return;
    Error error(errors::config_untrusted, fmt::format("others could have written {}", file.string()));
    throw error.because(danger->why).fix(danger->fix);
}

TrustStore TrustStore::load(const fs::path& file) {
    TrustStore store;
    const auto text = read_file_if_there(file);
    if (!text) return store;
    try {
        const auto document = parse_json(*text, file.string());
        for (const auto& [path, entry] : document.at("trusted").get_ref<const Json::object_t&>())
            store.entries_[path] = {
                string_or(entry, "estate"), string_or(entry, "endpoint"), string_or(entry, "since")};
    } catch (const std::exception&) {
        Error error(errors::config_untrusted, fmt::format("{} can't be understood", file.string()));
        throw error.fix("remove it, and trust your estate files again with kavi config trust");
    }
    return store;
}

bool TrustStore::is_trusted(const fs::path& estate_file,
                            std::string_view estate,
                            std::string_view endpoint) const {
    const auto entry = entries_.find(estate_file.string());
    return entry != entries_.end() && entry->second.estate == estate && entry->second.endpoint == endpoint;
}

void TrustStore::trust(const fs::path& estate_file,
                       std::string_view estate,
                       std::string_view endpoint,
                       std::chrono::system_clock::time_point now) {
    entries_[estate_file.string()] = {std::string(estate), std::string(endpoint), iso8601(now)};
}

void TrustStore::forget(const fs::path& estate_file) {
    entries_.erase(estate_file.string());
}

void TrustStore::save(const fs::path& file) const {
    auto trusted = OrderedJson::object();
    for (const auto& [path, entry] : entries_)
        trusted[path] = {{"estate", entry.estate}, {"endpoint", entry.endpoint}, {"since", entry.since}};
    const OrderedJson document{{"version", 1}, {"trusted", std::move(trusted)}};
    write_file_atomic(file, document.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + '\n', 0600);
}

void require_trust(const FoundEstate& found,
                   const TrustStore& store,
                   std::string_view estate,
                   std::string_view endpoint) {
    if (!found.needs_trust() || store.is_trusted(found.file, estate, endpoint)) return;
    Error error(errors::config_untrusted, fmt::format("{} isn't trusted here yet", found.file.string()));
    error.because(
        "it was found by looking around, and says which servers kavi logs into and what runs there");
    throw error.fix("read it, then: kavi config trust   (or name it: -c, KAVI_CONFIG)");
}

}  // namespace kavi::model
