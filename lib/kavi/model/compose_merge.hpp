#pragma once

#include <kavi/model/problem.hpp>
#include <kavi/model/tree.hpp>

#include <string>
#include <string_view>
#include <vector>

/// Compose files as trees: how Compose types and prints scalars, and how it lays one file over another.
/// Source of the rules: compose-go 2's override package.
namespace kavi::model {

/// A scalar as Compose prints it once YAML has given it a type: a plain 1.10 is "1.1", 010 is "8", and
/// 2001-12-31 becomes a moment.
std::string typed_text(const Value& value);

/// "KEY=VALUE" texts, from a list of them or from a table; a null value gives "KEY".
std::vector<Value> as_sequence(const Value& value);

/// Lays `over` on `base`, both whole files. What can't be laid over each other is a problem.
Value merge_compose(Value base, const Value& over, Problems& problems);

/// Of entries that say the same thing twice (one environment variable, one mount target, …) the last stays.
void keep_last_entries(Value& service);

}  // namespace kavi::model
