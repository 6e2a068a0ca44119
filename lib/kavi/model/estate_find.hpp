#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

/// Which estate file to use, and whether to trust it. The environment's values are handed in.
namespace kavi::model {

struct FindEstate {
    std::optional<std::filesystem::path> option;    ///< -c/--config
    std::optional<std::filesystem::path> variable;  ///< KAVI_CONFIG
    std::filesystem::path working_folder;
    std::optional<std::filesystem::path> config_home;  ///< $XDG_CONFIG_HOME, else ~/.config
    std::filesystem::path system_file = "/etc/kavi/kavi.toml";
};

struct FoundEstate {
    enum class How { option, variable, walked, user, system } how = How::option;
    std::filesystem::path file;  ///< absolute, symbolic links resolved

    /// One that was found by walking up is somebody's, perhaps not yours: use it once it is trusted.
    bool needs_trust() const { return how == How::walked; }
};

/// The first that there is: option, variable, kavi.toml in the working folder or above it up to the
/// repository's root (only the working folder outside a repository), the user's, the system's. An option or
/// variable that names no file, and no file anywhere, throw errors::config_missing.
FoundEstate find_estate(const FindEstate& where);

/// Throws errors::config_untrusted if somebody other than `owners` (and root) could have written the file: it
/// or its folder belongs to another, or is writable by the group (but for a user's private group) or by
/// everyone (but for sticky folders).
void refuse_if_others_can_write(const std::filesystem::path& file, const std::vector<uid_t>& owners);

/// The estate files that this user said to trust, in $XDG_STATE_HOME/kavi/trust.json. Trust is given to a
/// path together with the estate's name and the endpoint that its secrets come from: if one changes, it is
/// asked for again.
class TrustStore {
  public:
    /// An absent file is an empty store. Throws errors::config_untrusted if it can't be understood.
    static TrustStore load(const std::filesystem::path& file);

    bool is_trusted(const std::filesystem::path& estate_file,
                    std::string_view estate,
                    std::string_view endpoint) const;
    void trust(const std::filesystem::path& estate_file,
               std::string_view estate,
               std::string_view endpoint,
               std::chrono::system_clock::time_point now);
    void forget(const std::filesystem::path& estate_file);

    /// Throws errors::file_unwritable.
    void save(const std::filesystem::path& file) const;

  private:
    struct Entry {
        std::string estate, endpoint, since;
    };

    std::map<std::string, Entry> entries_;
};

/// Throws errors::config_untrusted, saying how to trust it, unless it needs no trust or has it.
void require_trust(const FoundEstate& found,
                   const TrustStore& store,
                   std::string_view estate,
                   std::string_view endpoint);

}  // namespace kavi::model
