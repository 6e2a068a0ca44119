#pragma once

#include "../http/call.hpp"

#include <kavi/base/json.hpp>

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kavi::lab::hetzner {

using Labels = std::map<std::string, std::string>;

/// Reads an object's members strictly, as the official document types them: a number is no string, null is no
/// absence. Every complaint is a Problem (invalid_input) that names the field.
class Fields {
  public:
    explicit Fields(const Json& object, std::string prefix = {});

    /// Refuses members that aren't listed (where the document closes the object).
    const Fields& only(std::initializer_list<std::string_view> names) const;
    bool has(const std::string& name) const;
    bool is_null(const std::string& name) const;

    std::string text(const std::string& name) const;
    std::optional<std::string> text_if(const std::string& name) const;
    std::int64_t integer(const std::string& name) const;
    std::optional<std::int64_t> integer_if(const std::string& name) const;
    /// The same; null counts as absent (where the document allows null).
    std::optional<std::int64_t> integer_or_null(const std::string& name) const;
    std::optional<std::string> text_or_null(const std::string& name) const;
    bool boolean(const std::string& name) const;
    std::optional<bool> boolean_if(const std::string& name) const;
    /// One of these words.
    std::string choice(const std::string& name, std::initializer_list<std::string_view> words) const;
    std::optional<std::string> choice_if(const std::string& name,
                                         std::initializer_list<std::string_view> words) const;
    std::vector<std::string> texts(const std::string& name) const;
    std::vector<std::int64_t> integers(const std::string& name) const;
    /// The members of a list of objects; absent: none.
    std::vector<Fields> objects(const std::string& name) const;
    std::optional<Fields> object_if(const std::string& name) const;
    /// Checked labels; absent: nullopt.
    std::optional<Labels> labels_if(const std::string& name = "labels") const;

    std::string field(const std::string& name) const { return prefix_ + name; }

  private:
    const Json* find(const std::string& name) const;
    const Json& need(const std::string& name) const;

    Json object_;
    std::string prefix_;
};

/// The request's JSON object. Throws 400 json_error where it isn't one or isn't announced as JSON.
Fields body_of(const Call& call);
/// Refuses a body where the operation takes none: not even "{}".
void no_body(const Call& call);
/// The path's {name} as an id; anything else isn't found.
std::int64_t id_of(const Call& call, const std::string& name = "id");

}  // namespace kavi::lab::hetzner
