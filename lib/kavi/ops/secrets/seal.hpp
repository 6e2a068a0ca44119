#pragma once

#include <kavi/plan/plan.hpp>
#include <kavi/run/executor.hpp>
#include <kavi/secrets/infisical_source.hpp>
#include <kavi/secrets/sealed_store.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

/// `kavi secrets seal` and everything else that writes sealed copies: what is there → plan → write.
namespace kavi::ops {

/// What a person changes in the sealed copy (`secrets set --sealed`). "sealed:/NAME", or
/// "secret:/folder/NAME" in an estate whose only source the sealed copy is.
struct SealedEdit {
    std::map<model::SecretRef, Secret> set;
    std::set<model::SecretRef> unset;
};

struct SealObservation {
    secrets::SealedCopies copies;                   ///< of all places
    std::optional<secrets::FolderSecrets> folders;  ///< Infisical's; nullopt: it has none to give now
    std::string source;                             ///< "Infisical (infrastructure/prod)"
    std::optional<Error> why_down;                  ///< Infisical was asked and didn't answer
    std::map<std::string, std::string> backup_signers = {};  ///< by server: a key that signs its backups, as just seen there
};

/// Reads Infisical's folders that the estate needs. `infisical` may be null. A dead Infisical is a value;
/// what else it throws flies.
SealObservation observe_seal(const model::Estate& estate,
                             secrets::InfisicalSource* infisical,
                             secrets::SealedCopies copies,
                             std::stop_token stop);

struct SealPlan {
    plan::Plan plan;  ///< its notes say what is still missing
    std::vector<std::string> warnings;
    bool seals_anew = false;  ///< a new copy is to be signed, not only an old one carried on
};

/// Decides. Missing secrets that can be random are made (their values are in payloads only); nothing else
/// changed and every reachable place up to date: an empty plan. Throws errors::sealed_unreadable where a copy
/// lies in a place that no identity at hand opens: a new one would lose what is in it.
SealPlan plan_seal(const model::Estate& estate,
                   const SealObservation& seen,
                   const SealedEdit& edit,
                   std::chrono::system_clock::time_point now);

/// Carries out plans of plan_seal.
class SealHandler final : public run::Handler {
  public:
    struct Tools {
        secrets::SealedPlaces& places;
        /// Asked for once something is to be sealed.
        std::function<std::unique_ptr<secrets::Signer>()> signer;
        /// Null: no Infisical to mirror the fingerprint key to.
        api::Infisical* infisical = nullptr;
        std::string project_id, environment;
    };

    explicit SealHandler(Tools tools) : tools_(std::move(tools)) {}

    void apply(std::span<const plan::Action* const> batch, std::stop_token stop) override;

    /// Places that couldn't be written to: a warning, the copy lies in the others.
    const std::vector<std::string>& warnings() const noexcept { return warnings_; }

    static constexpr std::string_view kind = "secrets";

  private:
    void write_place(const plan::Action& action, std::stop_token stop);

    Tools tools_;
    std::string sealed_file_;  // made once, the same for all places
    std::vector<std::string> warnings_;
};

}  // namespace kavi::ops
