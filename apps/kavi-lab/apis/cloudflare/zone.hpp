#pragma once

#include "record.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace kavi::lab::cloudflare {

/// A zone's records with the rules between them. Changes inside transact() happen all or not at all.
class Zone {
  public:
    Zone(std::string name, Plan plan, std::int64_t quota);

    const std::string& id() const { return id_; }

    const std::string& name() const { return name_; }

    const Plan& plan() const { return plan_; }

    std::int64_t quota() const { return quota_; }

    void raise_quota(std::int64_t to) { quota_ = std::max(quota_, to); }

    /// Records in the order of their creation.
    const std::map<std::uint64_t, Record>& records() const { return records_; }

    /// Throws Problem 81044.
    const Record& at(const std::string& id) const;
    std::vector<const Record*> named(const std::string& name) const;

    // Each throws a Problem where the rules forbid it, and gives the record as it is (or was).
    Record create(const Json& body);
    Record write(const std::string& id, const Json& body, Write how);
    Record remove(const std::string& id);

    /// Runs the changes; whatever flies out of them undoes them all.
    void transact(const std::function<void()>& changes);

    Json settings;  ///< name → {value, modified_on}
    std::string created;

  private:
    struct Undo {
        std::uint64_t place;
        bool existed;
        Record before;
    };

    std::uint64_t place_of(const std::string& id) const;
    void put(std::uint64_t place, Record record);
    void erase(std::uint64_t place);
    void remember(std::uint64_t place);
    void check_neighbours(const Record& record, std::uint64_t except) const;
    void check_names_size(const Record& record, std::uint64_t except) const;

    std::string id_, name_;
    Plan plan_;
    std::int64_t quota_;
    std::map<std::uint64_t, Record> records_;
    std::unordered_map<std::string, std::uint64_t> by_id_;
    std::unordered_multimap<std::string, std::uint64_t> by_name_;
    std::uint64_t last_place_ = 0;
    std::vector<Undo>* undo_ = nullptr;  ///< while a transaction runs
};

/// "2026-11-24T10:15:00.123456Z", now.
std::string timestamp();
/// 32 hexadecimal digits.
std::string new_identifier();

}  // namespace kavi::lab::cloudflare
