#pragma once

#include "../hetzner/catalog.hpp"
#include "../hetzner/fields.hpp"
#include "../hetzner/problem.hpp"
#include "../hetzner/project.hpp"
#include "../http/api.hpp"
#include "../http/router.hpp"
#include "../lab_apis.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Storage Boxes as api.hetzner.com/v1 has them (hetzner-storage.openapi.json).
namespace kavi::lab::storage {

using hetzner::Fields;
using hetzner::Labels;
using hetzner::Time;

struct BoxType {
    std::int64_t id;
    std::string_view name, description;
    int snapshot_limit, subaccounts_limit;
    std::int64_t size;  ///< bytes
    double monthly;
};

std::span<const BoxType> box_types();
/// By name or by an id in text.
const BoxType* find_box_type(std::string_view name_or_id);
Json to_json(const BoxType& type);

struct Access {
    bool reachable_externally = false, samba = false, ssh = false, webdav = false;
    bool last = false;  ///< a box: the snapshots' folder is visible; a sub-account: it may only read

    /// Takes over what the object names; `last_name` is zfs_enabled or readonly.
    void change(const Fields& fields, const std::string& last_name);
    Json json(const std::string& last_name) const;
};

struct Subaccount {
    std::int64_t id = 0;
    std::string name, home, description, username;
    Access access;
    Labels labels;
    Time created;
};

struct Snapshot {
    std::int64_t id = 0;
    std::string name, description;
    Labels labels;
    bool automatic = false;
    std::int64_t bytes = 0;
    Time created;
};

struct Box {
    std::int64_t id = 0;
    std::string name, type, location, status = "initializing";
    std::string username, server;  ///< empty while it is made
    Access access;
    Json plan = nullptr;
    bool protect = false, locked = false;
    Labels labels;
    std::optional<std::filesystem::path> folder;  ///< its disk, where it has a real one
    std::map<std::int64_t, Subaccount> subaccounts;
    std::map<std::int64_t, Snapshot> snapshots;
    Time created;
};

/// The Storage Box API; its resources are public to the files that serve them, all under project().mutex.
class Storage final : public Api {
  public:
    Storage(hetzner::Project& project, const HetznerSeed& seed);

    std::string name() const override { return "storage"; }

    std::string prefix() const override { return "/v1"; }

    Answer answer(Call& call) override;
    Answer error(int status, const std::string& code) override;

    hetzner::Project& project() { return project_; }

    std::map<std::int64_t, Box> boxes;

    /// The box of the path's {id}. Throws not_found.
    Box& box_of(const Call& call);
    /// The same for a change: throws `locked` while another one is under way.
    Box& changing(const Call& call);
    /// Locks the box and starts the action; `work` runs without the lock on the tables, `then` under it when
    /// all went well. Gives the action's JSON.
    Json start(Box& box,
               const std::string& command,
               hetzner::Resources also,
               std::function<void()> work,
               std::function<void(Box&)> then);

  private:
    void add(const StorageBoxSeed& seed);

    hetzner::Project& project_;
    Router router_;
};

Json to_json(const Box& box);
Json to_json(const Subaccount& subaccount, const Box& box);
Json to_json(const Snapshot& snapshot, const Box& box);

/// Throws invalid_input where the text isn't a password that Hetzner takes.
void check_password(const std::string& password);

// What stands behind a box that has a folder.
std::int64_t bytes_below(const std::filesystem::path& folder);
std::vector<std::string> folders_in(const std::filesystem::path& folder);
/// Where a snapshot's copy lies, beside the box's disk.
std::filesystem::path copy_of(const Box& box, const std::string& snapshot);
/// Copies all below `from`, owners and times too. Throws std::runtime_error.
void copy_tree(const std::filesystem::path& from, const std::filesystem::path& to);
void empty_folder(const std::filesystem::path& folder);

// Each file adds its routes.
void add_type_routes(Router& router);
void add_box_routes(Router& router, Storage& storage);
void add_box_action_routes(Router& router, Storage& storage);
void add_subaccount_routes(Router& router, Storage& storage);
void add_snapshot_routes(Router& router, Storage& storage);

}  // namespace kavi::lab::storage
