#pragma once

#include <kavi/model/record.hpp>

#include <string>
#include <string_view>

namespace kavi::model {

/// Parameters of HTTPS and SVCB records (RFC 9460) in order of their keys, "alpn=h3,h2 port=8443"; values
/// with blanks or quotes are quoted. Used within the model only.
Normal<std::string> normal_parameters(std::string_view text);

}  // namespace kavi::model
