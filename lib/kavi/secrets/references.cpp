#include <kavi/base/text.hpp>
#include <kavi/secrets/references.hpp>

#include <algorithm>

namespace kavi::secrets {

namespace {

bool in_reference(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '@';
}

Reference reference_of(std::string_view name) {
    Reference reference;
    reference.text = "${" + std::string(name) + "}";
    auto parts = split(name, '.');
    reference.key = parts.back();
    parts.pop_back();
    reference.other_project = name.starts_with('@');
    if (parts.empty()) return reference;
    reference.environment = parts.front();
    for (std::size_t i = 1; i < parts.size(); ++i) reference.folder += "/" + parts[i];
    if (reference.folder.empty()) reference.folder = "/";
    return reference;
}

}  // namespace

std::vector<Reference> references_in(std::string_view value) {
    std::vector<Reference> found;
    for (auto at = value.find("${"); at != std::string_view::npos; at = value.find("${", at + 2)) {
        const auto rest = value.substr(at + 2);
        const auto end = std::ranges::find_if_not(rest, in_reference);
        const auto length = static_cast<std::size_t>(end - rest.begin());
        if (length > 0 && end != rest.end() && *end == '}')
            found.push_back(reference_of(rest.substr(0, length)));
    }
    return found;
}

std::string without_quoted_newlines(std::string_view value) {
    if (value.size() < 2 || !value.starts_with('"') || !value.ends_with('"') ||
        value.find('\n') != std::string_view::npos)
        return std::string(value);
    std::string text;
    const auto inner = value.substr(1, value.size() - 2);
    for (std::size_t i = 0; i < inner.size(); ++i) {
        if (inner.substr(i, 2) == "\\n") {
            text += '\n';
            ++i;
        } else {
            text += inner[i];
        }
    }
    return text;
}

}  // namespace kavi::secrets
