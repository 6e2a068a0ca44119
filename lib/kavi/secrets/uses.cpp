#include <kavi/secrets/secrets.hpp>

#include <fmt/format.h>

#include <set>

namespace kavi::secrets {

using model::Estate;
using model::SecretRef;

namespace {

/// Collects the uses of a section.
class Uses {
  public:
    void add(const std::optional<SecretRef>& ref, std::string where) {
        if (ref) found.push_back({*ref, std::move(where)});
    }

    /// A text that may be a reference: an SSH key is "agent", a path or one.
    void add_text(std::string_view text, std::string where) { add(SecretRef::parse(text), std::move(where)); }

    void add_all(const std::map<std::string, SecretRef>& refs, std::string_view where) {
        for (const auto& [name, ref] : refs) add(ref, fmt::format("{}.{}", where, name));
    }

    std::vector<Use> found;
};

void add_storage(Uses& uses, const model::Storage& storage) {
    const auto where = fmt::format("storage.{}", storage.name);
    uses.add_all(storage.keys, where + ".keys");
    uses.add(storage.access_key, where + ".access_key");
    uses.add(storage.secret_key, where + ".secret_key");
}

}  // namespace

std::vector<Use> uses_of(const Estate& estate) {
    Uses uses;
    uses.add(estate.hetzner_token, "hetzner.token");
    uses.add(estate.cloudflare_token, "cloudflare.token");
    for (const auto& [name, server] : estate.servers)
        uses.add_text(server.ssh.key, fmt::format("servers.{}.ssh.key", name));
    for (const auto& [name, stack] : estate.stacks) {
        uses.add(stack.env, fmt::format("stacks.{}.env", name));
        uses.add_all(stack.secrets, fmt::format("stacks.{}.secrets", name));
    }
    for (const auto& [name, storage] : estate.storages) add_storage(uses, storage);
    for (const auto& [name, key] : estate.escrow) uses.add(key.secret, fmt::format("escrow.{}.secret", name));
    if (estate.notify) uses.add(estate.notify->url, "notify.url");
    return std::move(uses.found);
}

std::vector<std::string> folders_needed(std::span<const Use> uses) {
    std::set<std::string> folders{mirrored_fingerprint_key.folder};
    for (const auto& use : uses)
        if (use.ref.source == SecretRef::Source::secret) folders.insert(use.ref.folder);
    return {folders.begin(), folders.end()};
}

}  // namespace kavi::secrets
