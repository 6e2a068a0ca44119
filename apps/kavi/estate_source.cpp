#include "estate_source.hpp"

#include "network.hpp"
#include "secrets_access.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/recover/estate_copy.hpp>
#include <kavi/seal/sshsig.hpp>
#include <kavi/store/target.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

namespace kavi::app {

namespace {

int port_of(std::string_view text, std::string_view place) {
    int port = 0;
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (wrong == std::errc() && end == text.data() + text.size() && port > 0 && port < 65536) return port;
    throw Error(errors::usage, fmt::format("--from {}: '{}' is no port", place, text));
}

store::StoreTarget target_of(const EstateSource& source, const Session& session) {
    const std::string_view place = source.place;
    store::StoreTarget target{.name = source.place};
    const auto at = place.find('@');
    if (at == std::string_view::npos) {
        target.kind = store::StoreKind::local;
        target.folder = source.place;
        return target;
    }
    target.user = place.substr(0, at);
    auto rest = place.substr(at + 1);
    if (const auto slash = rest.find('/'); slash != std::string_view::npos) {
        target.folder = rest.substr(slash + 1);
        rest = rest.substr(0, slash);
    }
    const auto colon = rest.find(':');
    target.host = rest.substr(0, colon);
    target.port = colon == std::string_view::npos ? 23 : port_of(rest.substr(colon + 1), place);
    if (!source.host_key)
        throw Error(errors::usage, fmt::format("the host key of {} isn't known here", target.host))
            .fix("give it with --host-key SHA256:… (kavi.toml has it as [storage.NAME] host_key; Hetzner publishes it)");
    target.host_key = *source.host_key;
    target.key_path = source.key ? source.key : session.environment.find("KAVI_SSH_KEY");
    if (!target.key_path)
        throw Error(errors::credentials_missing, fmt::format("there is no key to log in to {} with", target.host))
            .fix("give the private key's file with --key FILE, or set KAVI_SSH_KEY");
    return target;
}

/// The estate whose copies lie in the store.
std::string estate_in(store::Store& store, const std::optional<std::string>& wanted) {
    std::set<std::string> found;
    for (const auto& file : store.list("")) {
        const auto words = split(file.path, '/');
        if (words.size() > 2 && words[1] == ops::estate_copy_server) found.insert(words[0]);
    }
    if (wanted && found.contains(*wanted)) return *wanted;
    if (!wanted && found.size() == 1) return *found.begin();
    const std::vector<std::string> names(found.begin(), found.end());
    Error error(errors::backup_missing,
                found.empty() ? fmt::format("no estate's files lie at {}", store.name())
                              : fmt::format("the files of {} estates lie at {}", names.size(), store.name()));
    error.because(found.empty() ? "'kavi backup' and 'kavi deploy' store them beside the backups" : join(names, ", "));
    throw error.fix(found.empty() ? "name the folder too: USER@HOST:PORT/FOLDER" : "name one with --estate");
}

/// The signers of the newest copy whose fingerprint was typed out.
ops::ManifestSigners confirmed_signers(store::Store& store, const ops::Catalog& seen, const std::vector<std::string>& confirmed) {
    ops::ManifestSigners signers;
    for (const auto& refused : seen.refused) {
        const auto folder = ops::run_folder(seen.estate, seen.server, refused.run);
        const auto manifest = store::read_small(store, folder + "/manifest.json");
        const auto signature = store::read_small(store, folder + "/manifest.json.sig");
        const auto key = seal::verify_sshsig(signature, ops::backup_namespace, manifest);
        if (key && std::ranges::find(confirmed, key->fingerprint()) != confirmed.end()) signers.push_back(*key);
    }
    return signers;
}

ops::Catalog catalog_of(store::Store& store, const std::string& estate, Session& session, const std::vector<std::string>& confirmed) {
    ops::CatalogRequest request{
        .estate = estate, .server = std::string(ops::estate_copy_server), .signers = own_ssh_keys(session), .newest = 3};
    auto seen = ops::read_catalog(store, request);
    if (!seen.runs.empty() || confirmed.empty()) return seen;
    for (auto& key : confirmed_signers(store, seen, confirmed)) request.signers.push_back(std::move(key));
    return ops::read_catalog(store, request);
}

}  // namespace

bool is_estate_source(std::string_view place) {
    return place.find('@') != std::string_view::npos || place.find('/') != std::string_view::npos;
}

std::filesystem::path fetch_estate(Session& session, const EstateSource& source) {
    Network network(session);
    const auto store = store::open_store(
        target_of(source, session), {.ssh = network.ssh(), .http = network.plain_http(), .clock = session.clock}, session.stop);
    const auto estate = estate_in(*store, source.estate);
    const auto seen = catalog_of(*store, estate, session, source.confirmed);
    const auto identities = load_identities(session);
    if (identities.empty())
        throw Error(errors::credentials_missing, "there is no identity to open the estate's files with")
            .fix("set KAVI_IDENTITY to the file of your age identity, or KAVI_SSH_KEY to your ssh-ed25519 key");
    const auto fetched = ops::fetch_estate_copy(*store, seen, identities, source.into, session.stop);
    session.output.talk(fmt::format("the files of estate {} as of {} lie in {}", estate, fetched.time, source.into));
    return fetched.config_file;
}

}  // namespace kavi::app
