#pragma once

#include <kavi/base/error.hpp>
#include <kavi/store/store.hpp>

#include <optional>
#include <string>

/// What all stores say alike.
namespace kavi::store {

Error missing_file(const std::string& store, const std::string& path);
Error file_exists(const std::string& store, const std::string& path);
/// With figures where the store gives them.
Error no_space(const std::string& store, const std::optional<Space>& space);

}  // namespace kavi::store
