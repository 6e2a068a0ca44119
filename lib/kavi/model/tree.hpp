#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What TOML and YAML have in common: a tree of values that know where they were written. Only toml_tree.cpp
/// and yaml_tree.cpp know the libraries that parse.
namespace kavi::model {

class Problems;

/// A place in a file that was read. Lines and columns count from 1, columns in code points; width is how many
/// of them the key or value covers on its line.
struct Position {
    int file = -1;  ///< index into Problems' sources; -1: nowhere (a default)
    int line = 0;
    int column = 0;
    int width = 1;
};

struct Member;

struct Value {
    enum class Kind { null, boolean, integer, number, text, list, table, other };

    Kind kind = Kind::null;
    Position at;
    std::string text;    ///< text: the string; YAML's scalars are all text (as written), but for null
    bool plain = false;  ///< YAML: written without quotes, so that readers with types see a number in 1.10
    bool boolean = false;
    std::int64_t integer = 0;
    double number = 0;            ///< also set for integers
    std::vector<Value> items;     ///< list
    std::vector<Member> members;  ///< table, in the order of the file

    /// The member of that key, or null.
    const Value* find(std::string_view key) const;
    const Member* find_member(std::string_view key) const;
};

struct Member {
    std::string key;
    Position at;  ///< of the key
    Value value;
};

/// "text", "a number", "a list", … for messages.
std::string_view kind_name(Value::Kind kind);

/// Reads TOML. What isn't TOML is added to `problems` and gives an empty table. `file` is the source's index
/// there. Texts over 1 MiB and lines over 16 KiB are refused before they are parsed.
Value read_toml(int file, Problems& problems);

/// Reads YAML: anchors, aliases and `<<` are resolved; tags, several documents, doubled keys and what grows
/// beyond measure are problems.
Value read_yaml(int file, Problems& problems);

}  // namespace kavi::model
