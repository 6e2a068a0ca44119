#pragma once

#include <kavi/seal/age.hpp>
#include <kavi/secrets/secrets.hpp>
#include <kavi/secrets/signer.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// A sealed copy as a value and as a file.
///
/// The file is an age file. Its plaintext is {"kavi.sealed": 1, "signature": "-----BEGIN SSH
/// SIGNATURE-----…", "bundle": "<the bytes that are signed>"}; the bundle is JSON again. In an emergency,
/// without kavi:
///   age -d -i IDENTITY secrets.sealed.age | jq -rj .bundle
/// age alone says nothing about the sender: anybody can seal for somebody else. So a copy counts only when an
/// operator signed it, inside.
namespace kavi::secrets {

inline constexpr std::string_view sealed_namespace = "kavi.sealed@kua.cl";

/// Somebody a copy was sealed for.
struct SealedOperator {
    std::string name;
    std::string ssh;  ///< an authorized_keys line; may be empty
    std::string age;  ///< may be empty

    friend bool operator==(const SealedOperator&, const SealedOperator&) = default;
};

struct SealedBundle {
    std::string estate;
    std::int64_t sequence = 0;  ///< goes up with each new copy
    std::string created;        ///< "2026-11-24T13:20:00Z"
    std::string source;  ///< where the folders come from: "Infisical (infrastructure/prod)"; may be empty
    std::vector<SealedOperator> operators;
    model::NamedSecrets sealed;  ///< "sealed:/NAME" by NAME
    FolderSecrets folders;  ///< the copy of Infisical's, or all of them where the estate has no Infisical
    /// By server: the keys that may have signed its backups, "ssh-ed25519 …". None is ever taken out, since old backups
    /// stay signed with it.
    std::map<std::string, std::vector<std::string>> backup_signers = {};

    /// "the sealed copy of 2026-11-24 13:20 UTC".
    std::string description() const;
};

/// Adds the keys that the bundle doesn't name yet. Lines that are no ssh-ed25519 public key are left out. Whether any was new.
bool add_backup_signers(SealedBundle& bundle, const std::map<std::string, std::string>& keys);

/// Whether two bundles hold the same: all but sequence and time.
bool same_content(const SealedBundle& a, const SealedBundle& b);

/// The operators of the estate file, in order of their names.
std::vector<SealedOperator> operators_of(const model::Estate& estate);

/// Who the copy is sealed for: each operator's age recipient. Throws errors::config_invalid where there are
/// none.
std::vector<seal::Recipient> recipients_of(const std::vector<SealedOperator>& operators);

/// Proof that the operators were written by somebody who has the fingerprint key.
std::string operators_mac(const std::vector<SealedOperator>& operators, const Secret& fingerprint_key);

/// Signs and seals. Throws errors::secret_unfit for a value that isn't UTF-8, and what signing throws.
std::string seal_bundle(const SealedBundle& bundle, Signer& signer, std::stop_token stop);

/// Who may have signed a copy that is believed.
struct Anchors {
    std::string estate;  ///< the bundle must be of this estate; empty: any (no estate file at hand)
    std::vector<seal::SshPublicKey> keys;  ///< operators' keys
    std::optional<std::string> confirmed;  ///< a fingerprint that the person typed out: "SHA256:…"
};

Anchors anchors_of(const model::Estate& estate);

struct OpenedBundle {
    SealedBundle bundle;
    seal::SshPublicKey signer;
};

/// Opens and checks. Throws seal::AgeError (it can't be opened with these identities, or is damaged),
/// errors::integrity (nobody of the anchors signed it, its operators aren't authentic, another estate's).
/// `name` is the place, for messages.
OpenedBundle open_bundle(std::string_view file,
                         std::span<const seal::Identity> identities,
                         const Anchors& anchors,
                         std::string_view name);

}  // namespace kavi::secrets
