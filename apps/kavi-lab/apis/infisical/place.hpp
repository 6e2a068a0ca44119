#pragma once

#include "infisical.hpp"

namespace kavi::lab::infisical {

/// The two forms of the secrets' routes.
enum class Form { v3, v4 };

/// Where a request reads or writes.
struct Place {
    Project* project;
    std::string environment;
    std::string path;  ///< as sent, but for slashes at the end
    Folder* folder;    ///< none: it or the environment isn't there
};

/// The place that the query names. Throws Problem; a missing folder isn't an error yet.
Place place_of_query(Infisical& infisical, const Call& call, Form form);
/// The place that the body names, in which the caller may write. Throws Problem: a missing folder's error is
/// called `error`.
Place place_of_body(Infisical& infisical,
                    const Call& call,
                    const Json& body,
                    Form form,
                    const std::string& verb,
                    const std::string& error);
/// 404 about the folder in the words of single secrets.
Problem no_folder(const Place& place, const std::string& error);
/// "/api/v4/secrets" or "/api/v3/secrets/raw".
std::string secrets_route(Form form);
/// The forms that the instance's age has.
std::vector<Form> forms_of(InfisicalAge age);

}  // namespace kavi::lab::infisical
