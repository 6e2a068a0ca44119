#pragma once

#include <kavi/ops/backup/catalog.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kavi::ops {

/// How old what one store has of an item is, and how long ago somebody looked whether it is any good.
struct BackupAge {
    std::string item;
    std::string store;
    std::optional<std::chrono::sys_seconds>
        newest;           ///< the newest whole backup; nullopt: none among what was read
    std::string trouble;  ///< why the newest run of all hasn't got it: "redis: no answer"; empty: it has
    std::map<int, std::chrono::sys_seconds> verified;  ///< by level: the last success
    std::optional<int> failed;  ///< the level of the last verification, where that found something
};

/// One for each item, in their order. Pure.
std::vector<BackupAge> backup_ages(const Catalog& catalog, const std::vector<std::string>& items);

}  // namespace kavi::ops
