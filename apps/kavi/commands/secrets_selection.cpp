#include "secrets_selection.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace kavi::app {

namespace {

using model::NamedSecrets;

/// One path's secrets; with `recursive` those of all folders below it.
NamedSecrets of_path(const secrets::SecretVault& vault, const std::string& path, bool recursive) {
    if (!recursive) return vault.folder(path);
    NamedSecrets all;
    std::map<std::string, std::string> from;
    const auto folders = vault.folders_below(path);
    if (folders.empty()) return vault.folder(path);  // says what is missing
    for (const auto& folder : folders) {
        for (const auto& [name, value] : vault.folder(folder)) {
            const auto [there, added] = all.emplace(name, value);
            if (added) from[name] = folder;
            if (added || there->second == value) continue;
            Error error(errors::secret_unfit,
                        fmt::format("{} has different values in {} and {}", name, from[name], folder));
            throw error.fix("name the folders one by one with --path: a later one wins over an earlier one");
        }
    }
    return all;
}

void keep_only(NamedSecrets& secrets, const std::vector<std::string>& only, std::string_view description) {
    if (only.empty()) return;
    std::vector<std::string> names;
    for (const auto& [name, value] : secrets) names.push_back(name);
    for (const auto& name : only) {
        if (secrets.contains(name)) continue;
        Error error(errors::secret_missing,
                    fmt::format("the secret {} isn't among those of {}", name, description));
        if (const auto near = nearest(name, names)) error.because(fmt::format("did you mean {}?", *near));
        throw error.fix("kavi secrets pull lists what a folder holds; --path names another folder");
    }
    std::erase_if(secrets, [&](const auto& one) { return std::ranges::find(only, one.first) == only.end(); });
}

NamedSecrets prefixed(NamedSecrets secrets, const std::string& prefix) {
    if (prefix.empty()) return secrets;
    NamedSecrets renamed;
    for (auto& [name, value] : secrets) renamed.emplace(prefix + name, std::move(value));
    return renamed;
}

std::vector<std::string> paths_of(const SecretsSelection& selection) {
    std::vector<std::string> paths;
    for (const auto& path : selection.paths) paths.push_back(api::normal_folder(path));
    if (paths.empty()) paths.emplace_back("/");
    return paths;
}

secrets::OpenedSecrets open_paths(Session& session,
                                  SecretsAccess& access,
                                  const model::Estate& estate,
                                  const std::vector<std::string>& paths,
                                  bool recursive) {
    const auto content = access.read_copies(false).content();
    secrets::OpenRequest request{.estate = estate,
                                 .infisical = session.options.sealed ? nullptr : access.source(),
                                 .sealed = content,
                                 .sealed_flag = session.options.sealed,
                                 .ci = session.output.voice().ci != CiKind::none,
                                 .uses = {},
                                 .fingerprint_key = false};
    (recursive ? request.trees : request.folders) = paths;
    auto opened = secrets::open_secrets(request, session.stop);
    for (const auto& warning : opened.warnings) session.output.warn(warning);
    return opened;
}

}  // namespace

void declare(Arguments& arguments, SecretsSelection& selection) {
    arguments
        .option("--path",
                "FOLDER",
                selection.paths,
                "a folder of secrets; of several the later wins over the earlier")
        .otherwise("/");
    arguments.flag("--recursive", selection.recursive, "the folders below too");
    arguments.option("--only", "NAME", selection.only, "this secret, not all").completes(Names::secret);
    arguments.option("--prefix", "TEXT", selection.prefix, "put this in front of each name");
    arguments.flag(
        "--lenient", selection.lenient, "take references that lead nowhere as the server gives them");
}

Selected select_secrets(Session& session, const SecretsSelection& selection) {
    const auto context = load_estate_context(session);
    Network network(session);
    SecretsAccess access(session, context.loaded, network.http(), {.lenient = selection.lenient});
    const auto paths = paths_of(selection);
    const auto opened = open_paths(session, access, context.loaded.estate, paths, selection.recursive);
    NamedSecrets all;
    for (const auto& path : paths)
        for (auto& [name, value] : of_path(opened.vault, path, selection.recursive))
            all.insert_or_assign(name, std::move(value));
    keep_only(all, selection.only, opened.vault.description());
    return {prefixed(std::move(all), selection.prefix), opened.vault.description()};
}

void require_variables(const NamedSecrets& secrets) {
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    for (const auto& [name, value] : secrets) {
        const bool good =
            !name.empty() && std::ranges::all_of(name, fits) && !(name[0] >= '0' && name[0] <= '9');
        if (!good)
            throw Error(errors::secret_unfit,
                        fmt::format("{} can't be the name of a variable", printable(name)))
                .fix("rename it, or leave it out with --only");
        if (value.reveal().find('\0') != std::string_view::npos)
            throw Error(errors::secret_unfit,
                        fmt::format("{} holds a NUL, which no variable can carry", name))
                .fix("leave it out with --only");
    }
}

}  // namespace kavi::app
