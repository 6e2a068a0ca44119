#include "vault.hpp"

#include <kavi/base/clock.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

namespace kavi::lab::infisical {
namespace {

std::string environment_name(const std::string& slug) {
    if (slug == "dev") return "Development";
    if (slug == "staging") return "Staging";
    return slug == "prod" ? "Production" : slug;
}

bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

}  // namespace

std::string uuid_of(std::string_view text) {
    auto digits = hex(sha256(text)).substr(0, 32);
    digits[12] = '4';
    digits[16] = 'a';
    return fmt::format("{}-{}-{}-{}-{}",
                       digits.substr(0, 8),
                       digits.substr(8, 4),
                       digits.substr(12, 4),
                       digits.substr(16, 4),
                       digits.substr(20));
}

std::string fresh_uuid() {
    static std::atomic<std::uint64_t> count = 0;
    return uuid_of(fmt::format("infisical object {}", ++count));
}

std::string timestamp(std::chrono::system_clock::time_point time) {
    using std::chrono::milliseconds;
    const auto fraction = std::chrono::duration_cast<milliseconds>(time.time_since_epoch()).count() % 1000;
    const auto text = iso8601(time);
    return fmt::format("{}.{:03}Z", text.substr(0, text.size() - 1), fraction);
}

std::string stored_value(std::string_view sent) {
    const auto begin = std::ranges::find_if_not(sent, is_space);
    if (begin == sent.end()) return {};
    auto end = sent.end();
    while (is_space(*(end - 1))) --end;
    return std::string(begin, end) + (sent.back() == '\n' ? "\n" : "");
}

std::string Folder::path() const {
    if (parent == nullptr) return "/";
    const auto above = parent->path();
    return (above == "/" ? "/" : above + "/") + name;
}

Folder* Folder::child(std::string_view wanted) const {
    for (const auto& one : folders)
        if (one->name == wanted) return one.get();
    return nullptr;
}

Folder& Folder::make(std::string_view wanted) {
    if (auto* found = child(wanted)) return *found;
    auto& made = *folders.emplace_back(std::make_unique<Folder>());
    made.name = wanted;
    made.parent = this;
    return made;
}

void Folder::touch() {
    updated = timestamp();
    last_secret_modified = updated;
}

Environment* Project::environment(std::string_view wanted) const {
    for (const auto& one : environments)
        if (one->slug == wanted) return one.get();
    return nullptr;
}

Folder* Project::folder(std::string_view environment_slug, std::string_view path) const {
    auto* home = environment(environment_slug);
    if (home == nullptr) return nullptr;
    auto* at = &home->root;
    for (const auto& part : path_parts(path)) {
        at = at->child(part);
        if (at == nullptr) return nullptr;
    }
    return at;
}

Folder& Project::make_folder(std::string_view environment_slug, std::string_view path) {
    auto* home = environment(environment_slug);
    if (home == nullptr)
        throw Error(errors::internal,
                    fmt::format("project {} has no environment {}", slug, environment_slug));
    auto* at = &home->root;
    for (const auto& part : path_parts(path)) at = &at->make(part);
    return *at;
}

std::vector<std::string> path_parts(std::string_view path) {
    auto parts = split(path, '/');
    std::erase(parts, "");
    return parts;
}

std::string normal_path(std::string_view path) {
    return "/" + join(path_parts(path), "/");
}

Secret& put_secret(Folder& folder, const std::string& key, std::string_view value) {
    const auto [place, added] = folder.secrets.try_emplace(key);
    auto& secret = place->second;
    secret.key = key;
    secret.value = stored_value(value);
    if (!added) {
        ++secret.version;
        secret.updated = timestamp();
    }
    secret.values.push_back(secret.value);
    folder.touch();
    return secret;
}

Vault::Vault(const std::vector<ProjectSeed>& seeds) {
    for (const auto& seed : seeds) add(seed);
}

void Vault::add(const ProjectSeed& seed) {
    auto& project = *projects_.emplace_back(std::make_unique<Project>());
    project.slug = seed.slug;
    project.name = seed.name.empty() ? seed.slug : seed.name;
    project.id = seed.id.empty() ? uuid_of("project " + seed.slug) : seed.id;
    for (const auto& slug : seed.environments) {
        auto& made = *project.environments.emplace_back(std::make_unique<Environment>());
        made.id = uuid_of(project.id + " environment " + slug);
        made.slug = slug;
        made.name = environment_name(slug);
    }
    for (const auto& [environment, path] : seed.folders) project.make_folder(environment, path);
    for (const auto& one : seed.secrets) {
        auto& secret = put_secret(project.make_folder(one.environment, one.path), one.key, one.value);
        secret.comment = one.comment;
    }
    for (const auto& one : seed.imports) {
        project.make_folder(one.from_environment, one.from_path);
        auto& folder = project.make_folder(one.environment, one.path);
        auto& made = folder.imports.emplace_back();
        made.environment = one.from_environment;
        made.path = normal_path(one.from_path);
    }
}

Project* Vault::by_id(std::string_view id) const {
    for (const auto& one : projects_)
        if (one->id == id) return one.get();
    return nullptr;
}

Project* Vault::by_slug(std::string_view slug) const {
    for (const auto& one : projects_)
        if (one->slug == slug) return one.get();
    return nullptr;
}

}  // namespace kavi::lab::infisical
