#pragma once

#include "references.hpp"
#include "vault.hpp"

namespace kavi::lab::infisical {

/// What stands for a value that the caller doesn't get to see.
constexpr auto hidden_value = "<hidden-by-infisical>";

/// The members that every form of a secret has.
Json secret_core(const Secret& secret, const Project& project, const std::string& environment);
/// As in a list or read alone: with path, tags, metadata.
Json listed_secret(const Secret& secret,
                   const Project& project,
                   const std::string& environment,
                   const std::string& path);
/// As seen through an import.
Json imported_secret(const Secret& secret, const std::string& environment);
void hide_value(Json& secret);

/// As GET folders lists it.
Json folder_json(const Folder& folder, const Environment& environment);
Json import_json(const Import& import, std::size_t position, const Folder& folder, const Project& project);
Json project_json(const Project& project, const std::string& organisation, InfisicalAge age);

}  // namespace kavi::lab::infisical
