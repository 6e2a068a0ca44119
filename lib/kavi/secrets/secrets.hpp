#pragma once

#include <kavi/base/error.hpp>
#include <kavi/base/secret.hpp>
#include <kavi/model/dotenv.hpp>
#include <kavi/model/estate.hpp>

#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

/// The estate's secrets by the names that kavi.toml gives them, wherever they lie.
namespace kavi::secrets {

using FolderSecrets = std::map<std::string, model::NamedSecrets>;  ///< by folder: "/infra"

/// Where folders of secrets come from: Infisical, or a sealed copy of them.
class SecretsSource {
  public:
    virtual ~SecretsSource() = default;

    /// The wanted folders that exist, each whole: imports and references resolved. A folder that isn't there
    /// is left out. Throws errors::secrets_unavailable (unreachable, 5xx), credentials_missing,
    /// credentials_refused, rights_missing, secret_missing (unknown project or environment, a reference that
    /// leads nowhere).
    virtual FolderSecrets folders(std::span<const std::string> wanted, std::stop_token stop) = 0;

    /// A folder and all below it, likewise; empty where it isn't there.
    virtual FolderSecrets tree(const std::string& root, std::stop_token stop) = 0;

    /// All folders there are, for "did you mean"; asked only once something is missing. May be empty.
    virtual std::vector<std::string> folder_names(std::stop_token stop) = 0;

    /// For people: "Infisical (infrastructure/prod)", "the sealed copy of 2026-11-24 13:20 UTC".
    virtual std::string description() const = 0;
};

/// One place of the estate file that names a secret or, as a stack's env does, a folder (ref.name is empty).
struct Use {
    model::SecretRef ref;
    std::string where;  ///< "stacks.production.secrets.POSTGRES_PASSWORD"
};

/// Every use of a secret in the estate file, in the order of the file's sections.
std::vector<Use> uses_of(const model::Estate& estate);

/// The Infisical folders that `uses` need, and /kavi (the fingerprint key's), each once, sorted.
std::vector<std::string> folders_needed(std::span<const Use> uses);

/// A key made from the fingerprint key for one purpose, and the name of that key. Fingerprints of different
/// purposes can't be compared, and none leads back to the value.
struct PurposeKey {
    std::string id;  ///< 8 hex digits; stands beside each digest made with it
    Secret key;      ///< 32 bytes

    /// "3f…": HMAC-SHA-256 of the bytes as 32 hex digits.
    std::string fingerprint(std::string_view bytes) const;
};

/// HKDF-SHA-256 of the fingerprint key; `purpose` is "stack", "pin", "dns", ….
PurposeKey derive_purpose_key(const Secret& fingerprint_key, std::string_view purpose);

inline const model::SecretRef sealed_fingerprint_key{
    model::SecretRef::Source::sealed, "/", "KAVI_FINGERPRINT_KEY"};
inline const model::SecretRef mirrored_fingerprint_key{
    model::SecretRef::Source::secret, "/kavi", "FINGERPRINT_KEY"};

/// What was read, as a value: asked of nobody any more. Copyable secrets, so hand out references.
class SecretVault {
  public:
    struct Parts {
        std::string description;                    ///< the source's, for messages
        FolderSecrets folders;                      ///< those that were asked for and exist
        std::vector<std::string> folder_names;      ///< all there are, where they were asked for
        std::optional<model::NamedSecrets> sealed;  ///< nullopt: the sealed copy couldn't be opened
        std::string why_not_sealed;                 ///< then: "this identity isn't one of its recipients"
        std::vector<Use> uses;                      ///< for messages
    };

    explicit SecretVault(Parts parts) : parts_(std::move(parts)) {}

    /// Where the folders were read.
    const std::string& description() const noexcept { return parts_.description; }

    /// False where no sealed copy could be opened (as in CI): then no "sealed:" secret is known, and get()
    /// says why.
    bool sealed_opened() const noexcept { return parts_.sealed.has_value(); }

    /// Null: it isn't there, or it is sealed and no sealed copy could be opened.
    const Secret* find(const model::SecretRef& ref) const;

    /// Throws errors::secret_missing with the nearest name and where the estate file uses it;
    /// errors::sealed_unreadable for a "sealed:" one while no sealed copy is open.
    const Secret& get(const model::SecretRef& ref) const;

    /// All of a folder, for a stack's env. Throws errors::secret_missing.
    const model::NamedSecrets& folder(std::string_view folder) const;

    /// The folders at and below `root` that were read, sorted.
    std::vector<std::string> folders_below(std::string_view root) const;

    /// Everything among `uses` that isn't there, one error each, so that all are said at once. Uses of
    /// "sealed:" are left out while no sealed copy is open.
    std::vector<Error> missing(std::span<const Use> uses) const;

    bool has_fingerprint_key() const;

    /// Throws errors::secret_missing, saying how the fingerprint key is made.
    PurposeKey key(std::string_view purpose) const;

  private:
    const Secret* fingerprint_key() const;
    Error missing_secret(const model::SecretRef& ref) const;
    Error missing_folder(std::string_view folder) const;
    std::string used_by(const model::SecretRef& ref) const;

    Parts parts_;
};

/// What the rule "Infisical is down" depends on (docs/architecture.md).
struct Situation {
    model::SecretsConfig::Provider provider = model::SecretsConfig::Provider::infisical;
    bool infisical_answers = true;  ///< false: unreachable or 5xx
    bool sealed_flag = false;       ///< --sealed
    bool ci = false;
    bool copy_readable = false;  ///< a sealed copy was opened and its signature holds
    bool recovering = false;     ///< `kavi recover`
    bool would_change = false;   ///< the plan isn't empty (known only after planning)
};

enum class Choice {
    infisical,
    sealed,
    refuse,       ///< errors::sealed_needed (7)
    unavailable,  ///< errors::secrets_unavailable (9)
};

Choice choose_source(const Situation& situation);

/// What came of opening the sealed copies (sealed_store.hpp opens them).
struct SealedContent {
    std::optional<model::NamedSecrets>
        sealed;                         ///< by name, without "sealed:/"; nullopt: none could be opened
    FolderSecrets folders;              ///< the copy of Infisical's folders
    std::string description;            ///< "the sealed copy of 2026-11-24 13:20 UTC"
    std::string why_not;                ///< where `sealed` is nullopt
    std::vector<std::string> warnings;  ///< a place that couldn't be reached, an older copy
};

struct OpenRequest {
    const model::Estate& estate;
    SecretsSource* infisical = nullptr;  ///< null with provider = "sealed" and with --sealed
    const SealedContent& sealed;
    bool sealed_flag = false;
    bool ci = false;
    bool recovering = false;
    std::vector<Use> uses;             ///< what is needed; their folders are fetched, all at once
    std::vector<std::string> folders;  ///< further folders to fetch
    std::vector<std::string> trees;    ///< and folders with all below them
    bool fingerprint_key = true;       ///< false: no fingerprint is needed, so its folder isn't asked for
};

/// The secrets for one run, and what they allow.
struct OpenedSecrets {
    SecretVault vault;
    Choice source = Choice::infisical;  ///< infisical or sealed
    std::vector<std::string> warnings;
    Situation situation;
    std::optional<Error> why_down;  ///< where Infisical was asked and didn't answer

    /// To be called once the plan is known and isn't empty. Throws errors::sealed_needed where a sealed copy
    /// stands in for a dead Infisical and nobody said --sealed.
    void allow_change() const;
};

/// Reads what is needed: from Infisical, or by the rule above from the sealed copy. Throws
/// errors::secrets_unavailable where neither can be used, and Infisical's other errors as they are.
OpenedSecrets open_secrets(const OpenRequest& request, std::stop_token stop);

}  // namespace kavi::secrets
