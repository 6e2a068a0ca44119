#include "references.hpp"

#include <kavi/base/text.hpp>

#include <algorithm>
#include <cctype>
#include <set>

namespace kavi::lab::infisical {
namespace {

constexpr std::size_t depth_limit = 10;

using Place = std::pair<std::string, std::string>;  // environment, path

struct Met {
    const Import* declared;
    const Folder* folder;
};

/// The imports of these folders that weren't met before; they are met now.
std::vector<Met> unmet(const Project& project,
                       const std::vector<const Folder*>& importing,
                       std::set<Place>& met) {
    std::vector<Met> found;
    for (const auto* folder : importing)
        for (const auto& one : folder->imports) {
            if (met.contains({one.environment, one.path})) continue;
            if (const auto* source = project.folder(one.environment, one.path))
                found.push_back({&one, source});
        }
    for (const auto& one : found) met.insert({one.declared->environment, one.declared->path});
    return found;
}

void append_own(std::vector<Imported::Seen>& seen, const Met& from) {
    for (const auto& [key, secret] : from.folder->secrets)
        seen.push_back({&secret, from.folder, from.declared->environment});
}

void append_deeper(std::vector<Imported::Seen>& seen,
                   const Project& project,
                   const Folder& folder,
                   std::set<Place>& met,
                   std::size_t depth) {
    if (depth > depth_limit) return;
    for (const auto& deeper : unmet(project, {&folder}, met)) {
        append_own(seen, deeper);
        append_deeper(seen, project, *deeper.folder, met, depth + 1);
    }
}

bool is_reference_letter(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.' || c == '@';
}

/// The length of "${…}" that begins here; 0: none does.
std::size_t reference_length(std::string_view text) {
    if (!text.starts_with("${")) return 0;
    std::size_t end = 2;
    while (end < text.size() && is_reference_letter(text[end])) ++end;
    return end > 2 && end < text.size() && text[end] == '}' ? end + 1 : 0;
}

bool has_reference(std::string_view text) {
    for (auto at = text.find("${"); at != text.npos; at = text.find("${", at + 1))
        if (reference_length(text.substr(at)) > 0) return true;
    return false;
}

/// An old flag's effect: a text of several lines that came of references is quoted and put on one.
std::string on_one_line(const Secret& secret, std::string expanded) {
    const bool flagged = secret.skip_multiline == true && has_reference(secret.value);
    if (!flagged || expanded.find('\n') == std::string::npos) return expanded;
    std::string quoted = "\"";
    for (const char c : expanded) quoted += c == '\n' ? "\\n" : std::string(1, c);
    return quoted + "\"";
}

std::string identity_of(const Folder& folder, const std::string& key) {
    return folder.id + "/" + key;
}

}  // namespace

std::vector<Imported> imported(const Project& project, const std::vector<const Folder*>& importing) {
    std::set<Place> met;
    std::vector<Imported> imports;
    for (const auto& one : unmet(project, importing, met)) {
        imports.push_back({one.declared, one.folder, {}});
        append_own(imports.back().seen, one);
    }
    for (auto& one : imports) append_deeper(one.seen, project, *one.folder, met, 1);
    return imports;
}

const Imported::Seen* find_imported(const std::vector<Imported>& imports, std::string_view key) {
    for (auto one = imports.rbegin(); one != imports.rend(); ++one)
        for (const auto& seen : one->seen)
            if (seen.secret->key == key) return &seen;
    return nullptr;
}

std::string Expander::own(const Secret& secret, const Folder& folder, bool through_imports) const {
    std::vector<std::string> path;
    bool missing = false;
    return on_one_line(secret, expand(secret.value, {{&folder}, through_imports}, path, missing));
}

std::string Expander::seen(const Imported::Seen& seen, const Folder& importing) const {
    std::vector<std::string> path;
    bool missing = false;
    auto expanded = expand(seen.secret->value, {{&importing, seen.folder}, false}, path, missing);
    return missing ? seen.secret->value : on_one_line(*seen.secret, std::move(expanded));
}

std::optional<std::string> Expander::first_missing(const std::string& text, const Folder& folder) const {
    for (auto at = text.find("${"); at != std::string::npos; at = text.find("${", at + 1)) {
        const auto length = reference_length(std::string_view(text).substr(at));
        if (length == 0) continue;
        const auto name = text.substr(at + 2, length - 3);
        if (!find(split(name, '.'), {{&folder}, true})) return name;
    }
    return std::nullopt;
}

std::string Expander::expand(const std::string& text,
                             const Scope& scope,
                             std::vector<std::string>& path,
                             bool& missing) const {
    std::string expanded;
    for (std::size_t at = 0; at < text.size();) {
        const auto length = reference_length(std::string_view(text).substr(at));
        if (length == 0) {
            expanded += text[at++];
            continue;
        }
        expanded += expand_one(text.substr(at, length), scope, path, missing);
        at += length;
    }
    return expanded;
}

std::string Expander::expand_one(const std::string& reference,
                                 const Scope& scope,
                                 std::vector<std::string>& path,
                                 bool& missing) const {
    const auto parts = split(std::string_view(reference).substr(2, reference.size() - 3), '.');
    const auto found = find(parts, scope);
    if (!found) {
        missing = missing || parts.size() == 1;
        return {};
    }
    if (path.size() >= depth_limit || std::ranges::find(path, found->identity) != path.end())
        return reference;
    path.push_back(found->identity);
    auto expanded = expand(found->value, found->scope, path, missing);
    path.pop_back();
    return expanded;
}

std::optional<Expander::Found> Expander::find(const std::vector<std::string>& parts,
                                              const Scope& scope) const {
    if (parts.size() == 1) return find_local(parts.front(), scope);
    std::string path;
    for (std::size_t i = 1; i + 1 < parts.size(); ++i) path += "/" + parts[i];
    const auto* folder = project_.folder(parts.front(), path);
    if (folder == nullptr) return std::nullopt;
    return find_local(parts.back(), {{folder}, false});
}

std::optional<Expander::Found> Expander::find_local(const std::string& key, const Scope& scope) const {
    for (const auto* folder : scope.folders) {
        const auto found = folder->secrets.find(key);
        if (found != folder->secrets.end())
            return Found{found->second.value, scope, identity_of(*folder, key)};
    }
    if (!scope.through_imports) return std::nullopt;
    const auto imports = imported(project_, {scope.folders.front()});
    const auto* seen = find_imported(imports, key);
    if (seen == nullptr) return std::nullopt;
    auto inner = scope;
    inner.folders.push_back(seen->folder);
    return Found{seen->secret->value, std::move(inner), identity_of(*seen->folder, key)};
}

}  // namespace kavi::lab::infisical
