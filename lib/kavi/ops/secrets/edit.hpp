#pragma once

#include <kavi/api/infisical.hpp>
#include <kavi/plan/plan.hpp>
#include <kavi/run/executor.hpp>
#include <kavi/secrets/secrets.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

/// Changing secrets in Infisical: `secrets set`, `unset`.
namespace kavi::ops {

/// One folder as it is, values unexpanded, and what it is to be.
struct FolderEdit {
    std::string folder;
    model::NamedSecrets present;
    std::map<std::string, Secret> set;
    std::set<std::string> unset;
    std::string where;  ///< "Infisical (infrastructure/prod)"
    /// For fingerprints in the plan; absent: none are shown.
    std::optional<secrets::PurposeKey> key;
};

/// What differs, as one action a secret; values that the server stores alike are no difference. Throws
/// errors::secret_missing where something to be deleted isn't there.
plan::Plan plan_edit(const FolderEdit& edit);

/// Carries out plans of plan_edit; all creations and updates of a folder go in one call, all deletions in
/// another.
class EditHandler final : public run::Handler {
  public:
    EditHandler(api::Infisical& infisical, std::string project_id, std::string environment)
        : infisical_(infisical), project_id_(std::move(project_id)), environment_(std::move(environment)) {}

    void apply(std::span<const plan::Action* const> batch, std::stop_token stop) override;

    static constexpr std::string_view kind = "infisical";

  private:
    api::Infisical& infisical_;
    std::string project_id_, environment_;
};

}  // namespace kavi::ops
