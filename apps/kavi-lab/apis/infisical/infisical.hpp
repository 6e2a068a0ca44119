#pragma once

#include "../http/api.hpp"
#include "../http/router.hpp"
#include "../lab_apis.hpp"
#include "identities.hpp"
#include "problem.hpp"
#include "vault.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace kavi::lab::infisical {

/// What a role may do.
enum class Right { list, read, write };

/// Infisical's API, the part that has to do with a machine identity that reads and writes secrets.
class Infisical final : public Api {
  public:
    Infisical(const InfisicalSeed& seed, std::function<bool()> reachable);

    std::string name() const override { return "infisical"; }

    std::string prefix() const override { return ""; }

    Answer answer(Call& call) override;
    Answer error(int status, const std::string& code) override;

    bool reachable() override { return !reachable_ || reachable_(); }

    /// `count` secrets in /scale of the first project's prod, the same for the same number.
    void add_generated(std::size_t count);

    // What the routes' files use, under the lock.
    Vault& vault() { return vault_; }

    Identities& identities() { return identities_; }

    const InfisicalSeed& seed() const { return seed_; }

    /// The project of that id, in which the caller is. Throws Problem.
    Project& project(const Call& call, const std::string& id);
    Project& project_by_slug(const Call& call, const std::string& slug);
    /// Throws 403 PermissionDenied where the caller's role in the project doesn't allow it.
    void check_right(const Call& call,
                     const Project& project,
                     Right right,
                     const std::string& verb,
                     const std::string& subject);
    /// Who is calling (its token counted once for each request).
    const Identity& caller(const Call& call);

    /// The first identity's credentials.
    const Identity* first_identity() const;

  private:
    struct Window {
        std::chrono::steady_clock::time_point begin;
        std::int64_t used = 0;
    };

    Answer routed(Call& call, Pairs& limits);
    void admit(const Call& call, const std::string& route, Pairs& headers);
    void member_or_throw(const Call& call, const Project& project);

    InfisicalSeed seed_;
    std::function<bool()> reachable_;
    std::mutex mutex_;
    Vault vault_;
    Identities identities_;
    Router router_;
    const Identity* caller_ = nullptr;  ///< of the request under way
    std::map<std::string, Window> windows_;
};

/// The request's JSON object; an empty body is an empty object. Throws Problem.
Json body_of(const Call& call);
/// The string member that must be there. Throws Problem (422).
std::string required(const Json& body, const std::string& field);
/// "true" or "false" of the query. Throws Problem (422).
bool switch_of(const Call& call, const std::string& name, bool otherwise);

// Each file adds its routes.
void add_auth_routes(Router& router, Infisical& infisical);
void add_secret_list_routes(Router& router, Infisical& infisical);
void add_secret_write_routes(Router& router, Infisical& infisical);
void add_secret_batch_routes(Router& router, Infisical& infisical);
void add_folder_routes(Router& router, Infisical& infisical);
void add_import_routes(Router& router, Infisical& infisical);
void add_project_routes(Router& router, Infisical& infisical);

}  // namespace kavi::lab::infisical
