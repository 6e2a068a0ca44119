#pragma once

#include <kavi/model/estate_file.hpp>

#include <set>
#include <span>
#include <string>

/// What is checked once the estate file is read: names against each other, and what a value of its own type
/// can't tell.
namespace kavi::model {

/// Where the file says the value of a path, else the nearest table around it that it has.
Position value_at(const Origins& origins, std::string_view path);
/// The same for the key.
Position key_at(const Origins& origins, std::string_view path);

/// Tables, by path, in which reading found something wrong: what else they say may only follow from that.
using FlawedTables = std::set<std::string>;

/// Every name but those of services, which compose files define too.
void check_names(const Estate& estate, std::span<const NameUse> uses, Problems& problems);

/// Where a secret is named, [secrets] says where to ask.
void check_secrets_said(const Origins& origins, std::span<const NameUse> uses, Problems& problems);

/// All that this file alone can show to be wrong, but in flawed tables.
void check_estate(const Estate& estate,
                  const Origins& origins,
                  const FlawedTables& flawed,
                  Problems& problems);

/// What the estate file and the compose files say together.
void check_stacks(const LoadedEstate& loaded, std::span<const NameUse> services, Problems& problems);

/// Volumes and binds that no backup covers (warnings).
void check_coverage(const LoadedEstate& loaded, const FileReader& read, Problems& problems);

}  // namespace kavi::model
