#include "place.hpp"
#include "references.hpp"
#include "views.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace kavi::lab::infisical {
namespace {

struct Switches {
    bool expand, imports, recursive, view;
};

Switches switches_of(const Call& call, Form form) {
    const bool otherwise = form == Form::v4;
    return {.expand = switch_of(call, "expandSecretReferences", otherwise),
            .imports = switch_of(call, form == Form::v4 ? "includeImports" : "include_imports", otherwise),
            .recursive = switch_of(call, "recursive", false),
            .view = switch_of(call, "viewSecretValue", true)};
}

/// One folder of a list and what its secrets' secretPath says.
struct Listed {
    const Folder* folder;
    std::string path;
};

void append_below(std::vector<Listed>& list, const Folder& folder) {
    for (const auto& child : folder.folders) {
        list.push_back({child.get(), child->path()});
        append_below(list, *child);
    }
}

/// "key=owner,value=infra|key=…": all of them must be there.
bool has_metadata(const Secret& secret, const std::string& filter) {
    return std::ranges::all_of(split(filter, '|'), [&](const std::string& wanted) {
        std::string key, value;
        for (const auto& pair : split(wanted, ',')) {
            if (pair.starts_with("key=")) key = pair.substr(4);
            if (pair.starts_with("value=")) value = pair.substr(6);
        }
        return std::ranges::any_of(secret.metadata, [&](const Json& entry) {
            return (key.empty() || string_or(entry, "key") == key) &&
                   (value.empty() || string_or(entry, "value") == value);
        });
    });
}

bool has_tag(const Secret& secret, const Project& project, const std::vector<std::string>& slugs) {
    return std::ranges::any_of(project.tags, [&](const Tag& tag) {
        return std::ranges::find(slugs, tag.slug) != slugs.end() &&
               std::ranges::find(secret.tags, tag.id) != secret.tags.end();
    });
}

bool is_wanted(const Secret& secret, const Project& project, const Call& call) {
    const auto tags = call.parameter("tagSlugs");
    if (tags && !tags->empty() && !has_tag(secret, project, split(*tags, ','))) return false;
    const auto metadata = call.parameter("metadataFilter");
    return !metadata || metadata->empty() || has_metadata(secret, *metadata);
}

/// A list by tags shows of each secret's tags only those that were asked for.
void keep_asked_tags(const Call& call, Json& secret) {
    const auto asked = call.parameter("tagSlugs");
    if (!asked || asked->empty()) return;
    const auto slugs = split(*asked, ',');
    Json kept = Json::array();
    for (const auto& tag : secret["tags"])
        if (std::ranges::find(slugs, string_or(tag, "slug")) != slugs.end()) kept.push_back(tag);
    secret["tags"] = std::move(kept);
}

Json own_secrets(const Call& call,
                 const Place& place,
                 const std::vector<Listed>& folders,
                 const Switches& switches,
                 Form form) {
    const Expander expander(*place.project);
    std::vector<Json> secrets;
    for (const auto& [folder, path] : folders)
        for (const auto& [key, secret] : folder->secrets) {
            if (!is_wanted(secret, *place.project, call)) continue;
            auto json = listed_secret(secret, *place.project, place.environment, path);
            if (switches.expand) json["secretValue"] = expander.own(secret, *folder, form == Form::v4);
            if (!switches.view) hide_value(json);
            keep_asked_tags(call, json);
            secrets.push_back(std::move(json));
        }
    return secrets;
}

/// By name, as the database's collation has it; the older server has no order at all.
void put_in_order(Json& secrets, InfisicalAge age) {
    const auto* field = age == InfisicalAge::june_2025 ? "id" : "secretKey";
    std::ranges::stable_sort(
        secrets.get_ref<Json::array_t&>(), {}, [&](const Json& one) { return string_or(one, field); });
}

Json import_list(const Place& place,
                 const std::vector<Listed>& folders,
                 const Switches& switches,
                 Form form) {
    const Expander expander(*place.project);
    std::vector<const Folder*> importing;
    for (const auto& one : folders) importing.push_back(one.folder);
    Json list = Json::array();
    for (const auto& one : imported(*place.project, importing)) {
        Json secrets = Json::array();
        for (const auto& seen : one.seen) {
            auto json = imported_secret(*seen.secret, seen.environment);
            json["secretValue"] = form == Form::v4 ? expander.seen(seen, *place.folder)
                                                   : expander.own(*seen.secret, *seen.folder, false);
            if (!switches.view) hide_value(json);
            secrets.push_back(std::move(json));
        }
        list.push_back({{"secretPath", one.declared->path},
                        {"environment", one.declared->environment},
                        {"folderId", one.folder->id},
                        {"secrets", std::move(secrets)}});
    }
    return list;
}

/// The tag is a hash of what this caller sees.
Answer tagged(const Json& body, const Identity& caller) {
    auto answer = Answer::json(200, body);
    auto tag = base64(sha256(caller.id + answer.body), false);
    std::ranges::replace(tag, '+', '-');
    std::ranges::replace(tag, '/', '_');
    answer.headers.emplace_back("etag", "\"" + tag + "\"");
    return answer;
}

Answer list(Infisical& infisical, const Call& call, Form form) {
    infisical.caller(call);
    const auto switches = switches_of(call, form);
    const auto place = place_of_query(infisical, call, form);
    const auto age = infisical.seed().age;
    if (place.folder == nullptr && age == InfisicalAge::june_2025)
        return Answer::json(200, {{"secrets", Json::array()}, {"imports", Json::array()}});
    if (place.folder == nullptr)
        throw not_found(fmt::format("Folder with path '{}' in environment '{}' was not found. Please ensure "
                                    "the environment slug and secret path is correct.",
                                    place.path,
                                    place.environment),
                        "SecretPathNotFound");
    std::vector<Listed> folders{{place.folder, place.path}};
    if (switches.recursive) append_below(folders, *place.folder);
    auto secrets = own_secrets(call, place, folders, switches, form);
    put_in_order(secrets, age);
    Json body{{"secrets", std::move(secrets)}, {"imports", Json::array()}};
    if (switches.imports) body["imports"] = import_list(place, folders, switches, form);
    if (age == InfisicalAge::june_2025) return Answer::json(200, body);
    return tagged(body, infisical.caller(call));
}

/// The value of the version that was asked for.
void choose_version(Secret& secret, const Call& call) {
    const auto text = call.parameter("version");
    if (!text) return;
    std::size_t version = 0;
    std::from_chars(text->data(), text->data() + text->size(), version);
    if (version == 0 || version > secret.values.size())
        throw not_found("Secret with name '" + secret.key + "' not found");
    secret.value = secret.values[version - 1];
    secret.version = static_cast<std::int64_t>(version);
}

Answer get(Infisical& infisical, const Call& call, Form form) {
    infisical.caller(call);
    const auto switches = switches_of(call, form);
    const auto place = place_of_query(infisical, call, form);
    if (place.folder == nullptr) throw no_folder(place, "GetSecretByName");
    const auto& key = call.params.at("key");
    const auto unknown = not_found("Secret with name '" + key + "' not found");
    if (call.parameter("type") == "personal") throw unknown;
    const auto own = place.folder->secrets.find(key);
    const auto imports =
        switches.imports ? imported(*place.project, {place.folder}) : std::vector<Imported>{};
    const auto* seen = own == place.folder->secrets.end() ? find_imported(imports, key) : nullptr;
    if (own == place.folder->secrets.end() && seen == nullptr) throw unknown;
    const auto& folder = seen == nullptr ? *place.folder : *seen->folder;
    auto secret = seen == nullptr ? own->second : *seen->secret;
    choose_version(secret, call);
    auto json = listed_secret(secret,
                              *place.project,
                              seen == nullptr ? place.environment : seen->environment,
                              seen == nullptr ? place.path : folder.path());
    if (switches.expand)
        json["secretValue"] = Expander(*place.project).own(secret, folder, form == Form::v4 && !seen);
    if (!switches.view) hide_value(json);
    if (call.parameter("version"))
        for (const auto* absent : {"isRotatedSecret", "rotationId", "secretMetadata", "tags"})
            json.erase(absent);
    if (infisical.seed().age == InfisicalAge::june_2025)
        for (const auto* absent : {"isRotatedSecret", "rotationId", "secretPath"}) json.erase(absent);
    return Answer::json(200, {{"secret", std::move(json)}});
}

}  // namespace

void add_secret_list_routes(Router& router, Infisical& infisical) {
    for (const auto form : forms_of(infisical.seed().age)) {
        const auto route = secrets_route(form);
        router.add("GET", route, [&infisical, form](Call& call) { return list(infisical, call, form); });
        router.add(
            "GET", route + "/{key}", [&infisical, form](Call& call) { return get(infisical, call, form); });
    }
}

}  // namespace kavi::lab::infisical
