#pragma once

#include "estate_types.hpp"

#include <kavi/model/estate.hpp>

/// The forms of text that the estate file knows, as types for its table.
namespace kavi::model {

using TextType = TypePtr<std::string>;

TextType any_text(std::string words = "text");
/// Text whose content is public even if it looks like a credential (DKIM keys in records).
TextType public_text(std::string words);

TextType estate_name();
TextType time_zone();
TextType time_of_day();
TextType schedule();
TextType url();
TextType ipv4_address();
TextType ipv6_address();
TextType network();  ///< a CIDR
TextType host_name();
TextType absolute_path();
TextType relative_path();
TextType project_name();
TextType user_name();
TextType location_code();
TextType ssh_public_key();
TextType age_recipient();
TextType host_key();
TextType ssh_key_source();
TextType record_type();
TextType escrow_location();
TextType drill_place();

/// The name of something else in the estate: checked once everything is read.
TextType name_of(NameUse::Kind kind, std::string words);

TypePtr<SecretRef> secret_ref();
TypePtr<SecretRef> sealed_ref();
TypePtr<SecretRef> secret_folder();
TypePtr<Place> place();
TypePtr<std::chrono::seconds> duration();

/// Text, or a number or switch taken as text: the value of a variable.
TextType variable_value();

Keys server_names();
Keys names(std::string words);
Keys host_names(std::string words);
Keys variable_names();
Keys file_names();
Keys any_keys(std::string words, std::string placeholder);
Keys these_keys(std::vector<std::string> known);

bool is_port_range(std::string_view text);
bool is_host_name(std::string_view text);
bool is_ipv4(std::string_view text);
bool is_ipv6(std::string_view text);
bool is_cidr(std::string_view text);
bool is_name(std::string_view text);

/// "26h", "15m", "31d": the largest unit that it is a whole number of.
std::string duration_text(std::chrono::seconds duration);

}  // namespace kavi::model
