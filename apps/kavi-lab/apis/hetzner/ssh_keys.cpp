#include "cloud.hpp"
#include "listing.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace kavi::lab::hetzner {
namespace {

constexpr std::array key_types{"ssh-ed25519",
                               "ssh-rsa",
                               "ecdsa-sha2-nistp256",
                               "ecdsa-sha2-nistp384",
                               "ecdsa-sha2-nistp521",
                               "sk-ssh-ed25519@openssh.com",
                               "sk-ecdsa-sha2-nistp256@openssh.com"};

std::string checked_name(const Fields& fields) {
    auto name = fields.text("name");
    if (name.empty()) throw invalid_input("name", "name must not be empty");
    return name;
}

Answer create(Cloud& cloud, const Call& call) {
    const auto fields = body_of(call);
    SshKey key{.name = checked_name(fields), .public_key = std::string(trim(fields.text("public_key")))};
    const auto fingerprint = md5_fingerprint(key.public_key);
    if (!fingerprint) throw invalid_input("public_key", "SSH key format is invalid");
    key.fingerprint = *fingerprint;
    key.labels = fields.labels_if().value_or(Labels{});
    need_unique_name(cloud.ssh_keys, key.name, "SSH key");
    for (const auto& [id, one] : cloud.ssh_keys)
        if (one.fingerprint == key.fingerprint)
            throw not_unique("public_key", "SSH key with the same fingerprint already exists");
    key.id = cloud.project().next_id();
    key.created = std::chrono::system_clock::now();
    cloud.ssh_keys[key.id] = key;
    return Answer::json(201, {{"ssh_key", cloud.to_json(key)}});
}

Answer update(Cloud& cloud, const Call& call) {
    auto& key = by_id(cloud.ssh_keys, id_of(call), "SSH key");
    const auto fields = body_of(call);
    if (fields.has("name")) {
        const auto name = checked_name(fields);
        need_unique_name(cloud.ssh_keys, name, "SSH key", key.id);
        key.name = name;
    }
    if (const auto labels = fields.labels_if()) key.labels = *labels;
    return Answer::json(200, {{"ssh_key", cloud.to_json(key)}});
}

Answer remove(Cloud& cloud, const Call& call) {
    no_body(call);
    cloud.ssh_keys.erase(by_id(cloud.ssh_keys, id_of(call), "SSH key").id);
    return Answer::empty(204);
}

}  // namespace

std::optional<std::string> md5_fingerprint(const std::string& public_key) {
    const auto words = split(trim(public_key), ' ');
    if (words.size() < 2 || std::ranges::find(key_types, words[0]) == key_types.end()) return std::nullopt;
    const auto blob = decode_base64(words[1]);
    if (!blob || blob->size() < 32) return std::nullopt;
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    std::size_t size = 0;
    if (EVP_Q_digest(nullptr, "MD5", nullptr, blob->data(), blob->size(), digest.data(), &size) != 1)
        return std::nullopt;
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text += fmt::format("{}{:02x}", i ? ":" : "", digest[i]);
    return text;
}

void add_ssh_key_routes(Router& router, Cloud& cloud) {
    router.add("GET", "/ssh_keys", [&cloud](const Call& call) {
        return list_answer(
            call,
            all_json(cloud, cloud.ssh_keys),
            {.key = "ssh_keys", .sortable = {"id", "name"}, .filters = {"name", "fingerprint"}});
    });
    router.add("POST", "/ssh_keys", [&cloud](const Call& call) { return create(cloud, call); });
    router.add("GET", "/ssh_keys/{id}", [&cloud](const Call& call) {
        return Answer::json(200, {{"ssh_key", cloud.to_json(by_id(cloud.ssh_keys, id_of(call), "SSH key"))}});
    });
    router.add("PUT", "/ssh_keys/{id}", [&cloud](const Call& call) { return update(cloud, call); });
    router.add("DELETE", "/ssh_keys/{id}", [&cloud](const Call& call) { return remove(cloud, call); });
}

}  // namespace kavi::lab::hetzner
