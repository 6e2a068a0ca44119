#include <kavi/model/tree.hpp>

#include <algorithm>

namespace kavi::model {

const Member* Value::find_member(std::string_view key) const {
    const auto found = std::ranges::find(members, key, &Member::key);
    return found == members.end() ? nullptr : &*found;
}

const Value* Value::find(std::string_view key) const {
    const auto* member = find_member(key);
    return member == nullptr ? nullptr : &member->value;
}

std::string_view kind_name(Value::Kind kind) {
    switch (kind) {
        case Value::Kind::null:
            return "nothing";
        case Value::Kind::boolean:
            return "true or false";
        case Value::Kind::integer:
            return "a whole number";
        case Value::Kind::number:
            return "a number";
        case Value::Kind::text:
            return "text";
        case Value::Kind::list:
            return "a list";
        case Value::Kind::table:
            return "a table";
        case Value::Kind::other:
            break;
    }
    return "a date or time";
}

}  // namespace kavi::model
