#pragma once

#include "../session.hpp"

#include <kavi/base/secret.hpp>
#include <kavi/model/estate.hpp>

#include <optional>
#include <string>

/// How a secret's value and its name come in.
namespace kavi::app {

/// From the file, else from standard input, else asked without echo in a terminal; never from an argument. A
/// single line loses its line end, a text of several lines (a key file) stays as it is. Throws errors::usage
/// where nothing came.
Secret read_value(Session& session, const std::optional<std::string>& file, std::string_view name);

/// "NAME", "/folder/NAME", "secret:/folder/NAME", "sealed:/NAME". A bare name lies in the sealed copy with
/// --sealed, else in the folder `path`. Throws errors::usage.
model::SecretRef named_secret(std::string_view text, std::string_view path, bool sealed);

}  // namespace kavi::app
