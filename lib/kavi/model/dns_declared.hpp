#pragma once

#include <kavi/model/dns.hpp>

#include <string_view>

namespace kavi::model {

/// One [[records]] entry in normal form; the zone is normal already. Used within the model only.
Normal<Record> declared_record(const DeclaredRecord& declared, std::string_view zone);

}  // namespace kavi::model
