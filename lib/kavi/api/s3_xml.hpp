#pragma once

#include <string>
#include <string_view>
#include <vector>

/// As much XML as S3's answers need: elements by name, without attributes, never nested in one of the same
/// name.
namespace kavi::api {

/// What stands between <name> and </name>, each time, as it is.
std::vector<std::string_view> xml_elements(std::string_view document, std::string_view name);
/// The first one's text, entities resolved; "" where there is none.
std::string xml_text(std::string_view document, std::string_view name);
/// Text fit to stand between two tags.
std::string xml_escape(std::string_view text);

}  // namespace kavi::api
