#include <kavi/base/error_codes.hpp>
#include <kavi/base/parallel.hpp>
#include <kavi/base/text.hpp>
#include <kavi/secrets/infisical_source.hpp>
#include <kavi/secrets/references.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace kavi::secrets {

using model::NamedSecrets;

/// One folder as read: its values in the end, and the references that its own secrets hold.
struct InfisicalSource::Folder {
    std::string name;
    std::vector<std::string> own_keys;
    NamedSecrets values;
    std::vector<std::pair<std::string, Reference>> references;  // by the key that holds it
};

namespace {

std::vector<std::pair<std::string, Reference>> references_of(const api::InfisicalListing& listing) {
    std::vector<std::pair<std::string, Reference>> found;
    for (const auto& secret : listing.secrets)
        for (auto& reference : references_in(secret.value.reveal()))
            found.emplace_back(secret.key, std::move(reference));
    return found;
}

/// Undoes what an old flag makes of texts with references and newlines.
void unquote(api::InfisicalListing& listing) {
    for (auto& secret : listing.secrets) {
        if (!secret.quoted_newlines) continue;
        auto text = without_quoted_newlines(secret.value.reveal());
        secret.value = Secret::take(text);
    }
}

std::string line_of(const std::string& folder, const std::string& key, const std::string& reference) {
    return fmt::format("{}/{} refers to {}", folder == "/" ? "" : folder, key, reference);
}

}  // namespace

std::string InfisicalSource::description() const {
    return fmt::format("Infisical ({}/{})", options_.project, options_.environment);
}

const api::InfisicalProject& InfisicalSource::project(std::stop_token stop) {
    const std::lock_guard lock(mutex_);
    if (!project_) {
        project_ = infisical_.project(options_.project, stop);
        if (!project_->environments.empty()) check_environment(std::move(stop));
    }
    return *project_;
}

void InfisicalSource::check_environment(std::stop_token) {
    const auto& known = project_->environments;
    if (std::ranges::find(known, options_.environment) != known.end()) return;
    Error error(
        errors::secret_missing,
        fmt::format("the project {} has no environment '{}'", options_.project, options_.environment));
    if (const auto near = nearest(options_.environment, known))
        error.because(fmt::format("did you mean '{}'?", *near));
    throw error.fix(fmt::format("write one of these as [secrets] environment: {}", join(known, ", ")));
}

/// The folder's values come unexpanded first: one request for most folders, and the only way to see
/// references that the server turns into nothing. Only a folder that holds references is asked for again.
std::optional<InfisicalSource::Folder> InfisicalSource::read(const std::string& folder,
                                                             std::stop_token stop) {
    const auto& id = project_->id;
    auto raw = infisical_.list(id, options_.environment, {.folder = folder, .expand = false}, stop);
    if (!raw) return std::nullopt;
    Folder result{folder, {}, {}, references_of(*raw)};
    for (const auto& secret : raw->secrets) result.own_keys.push_back(secret.key);
    if (!result.references.empty()) {
        raw = infisical_.list(id, options_.environment, {.folder = folder, .expand = true}, stop);
        if (!raw) return std::nullopt;
        unquote(*raw);
    }
    result.values = api::merged(std::move(*raw));
    return result;
}

bool InfisicalSource::leads_somewhere(const std::string& environment,
                                      const std::string& folder,
                                      const std::string& key,
                                      std::stop_token stop) {
    auto known = keys_.find({environment, folder});
    if (known == keys_.end()) {
        std::vector<std::string> keys;
        if (const auto listing = infisical_.list(
                project_->id, environment, {.folder = folder, .expand = false}, std::move(stop)))
            for (const auto& secret : listing->secrets) keys.push_back(secret.key);
        known = keys_.emplace(std::pair(environment, folder), std::move(keys)).first;
    }
    return std::ranges::find(known->second, key) != known->second.end();
}

std::vector<std::string> InfisicalSource::dead_references(const std::vector<Folder>& folders,
                                                          std::stop_token stop) {
    for (const auto& folder : folders) keys_[{options_.environment, folder.name}] = folder.own_keys;
    std::set<std::string> dead;
    for (const auto& folder : folders) {
        for (const auto& [key, reference] : folder.references) {
            const bool alive =
                reference.other_project ||
                (reference.environment
                     ? leads_somewhere(*reference.environment, reference.folder, reference.key, stop)
                     : folder.values.contains(reference.key));
            if (!alive) dead.insert(line_of(folder.name, key, reference.text));
        }
        for (const auto& [key, value] : folder.values)
            for (const auto& left : references_in(value.reveal()))
                dead.insert(line_of(folder.name, key, left.text));
    }
    return {dead.begin(), dead.end()};
}

FolderSecrets InfisicalSource::folders(std::span<const std::string> wanted, std::stop_token stop) {
    project(stop);
    auto outcomes = map_parallel(
        wanted, options_.workers, stop, [this](const std::string& folder, std::stop_token inner) {
            return read(api::normal_folder(folder), std::move(inner));
        });
    std::vector<Folder> found;
    for (auto& outcome : outcomes) {
        if (std::holds_alternative<std::monostate>(outcome))
            throw Error(errors::interrupted, "interrupted while reading secrets");
        if (auto& folder = value_of(outcome)) found.push_back(std::move(*folder));
    }
    return checked(std::move(found), std::move(stop));
}

FolderSecrets InfisicalSource::checked(std::vector<Folder> folders, std::stop_token stop) {
    const auto dead =
        options_.strict ? dead_references(folders, std::move(stop)) : std::vector<std::string>();
    if (!dead.empty()) {
        Error error(errors::secret_missing, "secrets in Infisical refer to secrets that aren't there");
        for (const auto& line : dead) error.because(line);
        throw error.fix(
            "mend the references in Infisical, or set what they refer to with 'kavi secrets set'");
    }
    FolderSecrets result;
    for (auto& folder : folders) result.emplace(std::move(folder.name), std::move(folder.values));
    return result;
}

/// One request (two where there are references) for the whole tree, as long as no folder in it has imports: a
/// recursive answer doesn't say which folder imports what. nullopt: one has.
std::optional<std::vector<InfisicalSource::Folder>> InfisicalSource::read_tree(const std::string& root,
                                                                               std::stop_token stop) {
    api::InfisicalQuery query{.folder = root, .expand = false, .recursive = true};
    auto listing = infisical_.list(project_->id, options_.environment, query, stop);
    if (!listing) return std::vector<Folder>();
    if (!listing->imports.empty()) return std::nullopt;
    std::map<std::string, Folder> folders;
    bool references = false;
    for (const auto& secret : listing->secrets) {
        auto& folder = folders.try_emplace(secret.folder, Folder{secret.folder, {}, {}, {}}).first->second;
        folder.own_keys.push_back(secret.key);
        for (auto& reference : references_in(secret.value.reveal()))
            folder.references.emplace_back(secret.key, std::move(reference));
        references = references || !folder.references.empty();
    }
    query.expand = true;
    if (references) listing = infisical_.list(project_->id, options_.environment, query, std::move(stop));
    if (references && listing) unquote(*listing);
    std::map<std::string, api::InfisicalListing> parts;
    if (listing)
        for (auto& secret : listing->secrets) parts[secret.folder].secrets.push_back(std::move(secret));
    std::vector<Folder> result;
    for (auto& [name, folder] : folders) {
        folder.values = api::merged(std::move(parts[name]));
        result.push_back(std::move(folder));
    }
    return result;
}

FolderSecrets InfisicalSource::tree(const std::string& root, std::stop_token stop) {
    project(stop);
    const auto normal = api::normal_folder(root);
    if (auto whole = read_tree(normal, stop)) return checked(std::move(*whole), std::move(stop));
    std::vector<std::string> wanted;
    const auto start = normal == "/" ? std::string("/") : normal + "/";
    for (auto& name : folder_names(stop))
        if (name == normal || name.starts_with(start)) wanted.push_back(std::move(name));
    return folders(wanted, std::move(stop));
}

std::vector<std::string> InfisicalSource::folder_names(std::stop_token stop) {
    project(stop);
    return infisical_.folders(project_->id, options_.environment, std::move(stop));
}

}  // namespace kavi::secrets
