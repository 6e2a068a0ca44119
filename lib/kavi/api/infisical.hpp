#pragma once

#include <kavi/base/error.hpp>
#include <kavi/base/secret.hpp>
#include <kavi/net/transport.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// A client of Infisical's HTTP API: v4, and v3 raw where the server is older. What was seen on the wire of
/// two servers, of June 2025 and July 2026, is what it is built on.
namespace kavi::api {

/// A machine identity's Universal Auth.
struct InfisicalUniversalAuth {
    std::string client_id;
    Secret client_secret;
};

/// An access token or service token that somebody else got.
struct InfisicalToken {
    Secret token;
};

using InfisicalCredentials = std::variant<InfisicalUniversalAuth, InfisicalToken>;

struct InfisicalProject {
    std::string id;
    std::string slug;                       ///< empty where only the id was asked for
    std::vector<std::string> environments;  ///< slugs; empty where not asked for
};

struct InfisicalSecret {
    std::string key;
    Secret value;
    std::string folder;  ///< empty within an import
    std::string environment;
    std::int64_t version = 0;
    bool hidden = false;           ///< the reader may not see the value; `value` is a placeholder
    bool personal = false;         ///< a user's own override
    bool quoted_newlines = false;  ///< the flag skipMultilineEncoding
};

/// One import of a folder, with what it imports in turn.
struct InfisicalImport {
    std::string environment, folder;
    std::vector<InfisicalSecret> secrets;
};

struct InfisicalListing {
    std::vector<InfisicalSecret>
        secrets;  ///< the folder's own (with recursive: its sub-folders' too), by key
    std::vector<InfisicalImport> imports;  ///< in order of position
    std::string etag;
};

/// What a list is asked for. Every switch goes out explicitly: the versions' defaults differ.
struct InfisicalQuery {
    std::string folder = "/";
    bool expand = true;
    bool recursive = false;
    std::string etag = {};  ///< of an earlier answer to the same query
};

/// Thread-safe: lists may be asked for side by side. Logs in with the first call that needs it.
class Infisical {
  public:
    /// `base_url` with or without a trailing slash or "/api". `transport` repeats what may be repeated.
    Infisical(net::Transport& transport, std::string base_url, InfisicalCredentials credentials);

    /// By slug or id. Throws errors::secret_missing with the nearest slug, and what every call throws:
    /// errors::secrets_unavailable (unreachable, 5xx, 429 for too long, not Infisical), credentials_refused,
    /// rights_missing, infisical_refused, interrupted.
    InfisicalProject project(std::string_view slug_or_id, std::stop_token stop);

    /// nullopt: there is no such folder (or environment: the server doesn't tell them apart; an old server,
    /// which answers with an empty list, is taken at that word too).
    std::optional<InfisicalListing> list(const std::string& project_id,
                                         const std::string& environment,
                                         const InfisicalQuery& query,
                                         std::stop_token stop);

    /// As list(), but an answer that is unchanged since `query.etag` is nullopt in `second`.
    struct Fresh {
        bool unchanged = false;
        std::optional<InfisicalListing> listing;
    };

    Fresh list_if_changed(const std::string& project_id,
                          const std::string& environment,
                          const InfisicalQuery& query,
                          std::stop_token stop);

    /// All folders of the environment, "/" among them, sorted.
    std::vector<std::string> folders(const std::string& project_id,
                                     const std::string& environment,
                                     std::stop_token stop);

    /// Creates or updates in one call; comment, tags and metadata of what exists stay. The folder is made
    /// where it is missing. All or nothing, but for a server without the batch (2025), which gets them one by
    /// one.
    void set(const std::string& project_id,
             const std::string& environment,
             const std::string& folder,
             const std::map<std::string, Secret>& secrets,
             std::stop_token stop);

    /// Throws errors::secret_missing where one isn't there; then none is deleted.
    void unset(const std::string& project_id,
               const std::string& environment,
               const std::string& folder,
               const std::vector<std::string>& keys,
               std::stop_token stop);

    /// Revokes the token that the login gave. Nothing that goes wrong here is worth an error; a token that
    /// was handed in is left alone.
    void log_out(std::stop_token stop) noexcept;

    const std::string& base_url() const noexcept { return base_url_; }

  private:
    struct Call;
    net::Response send(const Call& call, const Secret* token, std::stop_token stop);
    net::Response authorised(const Call& call, std::stop_token stop);
    net::Response need(const Call& call, std::stop_token stop);
    Secret token(std::stop_token stop);
    Secret renewed(const Secret& stale, std::stop_token stop);
    Secret log_in(const InfisicalUniversalAuth& auth, std::stop_token stop);
    net::Response list_response(const std::string& project_id,
                                const std::string& environment,
                                const InfisicalQuery& query,
                                std::stop_token stop);
    std::vector<InfisicalProject> projects(std::stop_token stop);
    void make_folder(const std::string& project_id,
                     const std::string& environment,
                     const std::string& folder,
                     std::stop_token stop);
    void set_one_by_one(const std::string& project_id,
                        const std::string& environment,
                        const std::string& folder,
                        const std::map<std::string, Secret>& secrets,
                        std::stop_token stop);
    void check_scope(const InfisicalListing& listing,
                     const std::string& environment,
                     const std::string& folder) const;

    net::Transport& transport_;
    std::string base_url_;
    InfisicalCredentials credentials_;
    std::mutex token_mutex_;
    std::optional<Secret> token_;
    std::atomic<bool> old_server_ = false;  // v4 isn't there
};

/// The values that a folder has in the end: its own (personal over shared), then imports from the last to the
/// first, each only for keys not there yet. Throws errors::rights_missing where a value is hidden.
std::map<std::string, Secret> merged(InfisicalListing listing);

/// "/infra" for "infra", "/infra/", "//infra"; "/" for "".
std::string normal_folder(std::string_view folder);

/// What the server makes of a value when it is stored: no white space at both ends, but one final newline
/// stays.
std::string stored_form(std::string_view value);

}  // namespace kavi::api
