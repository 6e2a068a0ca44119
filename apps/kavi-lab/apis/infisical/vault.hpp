#pragma once

#include "../lab_apis.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kavi::lab::infisical {

/// A UUID that is the same for the same text.
std::string uuid_of(std::string_view text);
/// A UUID that hasn't been given yet in this process.
std::string fresh_uuid();
/// "2026-11-23T16:04:39.009Z"
std::string timestamp(std::chrono::system_clock::time_point time = std::chrono::system_clock::now());
/// As the server stores a value: white space at both ends goes, but one final newline stays one.
std::string stored_value(std::string_view sent);

struct Secret {
    std::string id = fresh_uuid();
    std::string key;
    std::string value;
    std::string comment;
    std::int64_t version = 1;
    Json skip_multiline = false;    ///< true, false or null
    std::vector<std::string> tags;  ///< ids of the project's
    Json metadata = Json::array();
    Json reminder_note = nullptr, reminder_days = nullptr;
    std::string created = timestamp(), updated = created;
    std::vector<std::string> values{};  ///< of versions 1, 2, …; the last is the present one
};

struct Import {
    std::string id = fresh_uuid();
    std::string environment, path;
    std::string created = timestamp();
};

struct Folder {
    std::string id = fresh_uuid();
    std::string name;
    Folder* parent = nullptr;
    Json description = nullptr;
    Json last_secret_modified = nullptr;
    std::string created = timestamp(), updated = created;
    std::vector<std::unique_ptr<Folder>> folders{};
    std::map<std::string, Secret> secrets{};
    std::vector<Import> imports{};

    std::string path() const;
    Folder* child(std::string_view wanted) const;
    /// The child of that name, made where it isn't there.
    Folder& make(std::string_view wanted);
    void touch();
};

struct Environment {
    std::string id, slug, name;
    std::string created = timestamp();
    Folder root{};
};

struct Tag {
    std::string id, slug, color;
    std::string created = timestamp();
};

struct Project {
    std::string id, slug, name;
    std::string created = timestamp();
    std::vector<std::unique_ptr<Environment>> environments{};
    std::vector<Tag> tags{};

    Environment* environment(std::string_view wanted) const;
    /// The folder of a normalised path; none: it or the environment isn't there.
    Folder* folder(std::string_view environment, std::string_view path) const;
    /// Makes what is missing of the path.
    Folder& make_folder(std::string_view environment, std::string_view path);
};

/// The path's folders: "infra", "//infra/" and "/infra" are one.
std::vector<std::string> path_parts(std::string_view path);
std::string normal_path(std::string_view path);

/// Adds or replaces a secret; a value is trimmed as the server does.
Secret& put_secret(Folder& folder, const std::string& key, std::string_view value);

/// All projects of an instance.
class Vault {
  public:
    explicit Vault(const std::vector<ProjectSeed>& seeds);
    Project* by_id(std::string_view id) const;
    Project* by_slug(std::string_view slug) const;

    const std::vector<std::unique_ptr<Project>>& projects() const { return projects_; }

    const std::string& organisation() const { return organisation_; }

  private:
    void add(const ProjectSeed& seed);

    std::string organisation_ = uuid_of("organisation");
    std::vector<std::unique_ptr<Project>> projects_;
};

}  // namespace kavi::lab::infisical
