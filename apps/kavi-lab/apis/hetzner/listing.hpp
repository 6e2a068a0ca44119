#pragma once

#include "../http/call.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace kavi::lab::hetzner {

/// How one list is filtered, sorted and paged.
struct ListRules {
    std::string key;                           ///< "servers": the member that holds the list
    std::vector<std::string> sortable;         ///< fields that sort= may name
    std::vector<std::string> filters{"name"};  ///< parameters that must equal the field of that name
    bool labels = true;                        ///< label_selector= works
    bool paged = true;
};

/// {"<key>": [...], "meta": {"pagination": …}} of the items that the request's parameters leave.
Answer list_answer(const Call& call, Json items, const ListRules& rules);

}  // namespace kavi::lab::hetzner
