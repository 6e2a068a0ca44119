#pragma once

#include <kavi/plan/plan.hpp>
#include <kavi/run/executor.hpp>
#include <kavi/secrets/sealed_store.hpp>

#include <chrono>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

/// Escrow of the keys that everything depends on: each has several locations, and each location's copy is
/// opened and compared without anybody seeing the key.
namespace kavi::ops {

enum class EscrowState {
    good,     ///< opened, and the same; or attested not long ago
    present,  ///< there, but not opened: this identity isn't one of its recipients (CI)
    missing,
    differs,  ///< another key, or it can't be opened though it should
    unreachable,
    stale,  ///< attested more than a year ago, or without a date
};

std::string_view name_of(EscrowState state);  ///< "good", "present, not opened", …

struct EscrowFinding {
    std::string key;       ///< "infisical-encryption-key"
    std::string location;  ///< as the estate file has it
    EscrowState state = EscrowState::missing;
    std::string detail;  ///< why, or what to do
};

struct EscrowReport {
    std::vector<EscrowFinding> findings;

    /// 12 where a copy differs, 8 where one is missing, stale or unreachable, else 0.
    Exit exit() const;
};

struct EscrowTools {
    const model::Estate& estate;
    const secrets::SecretVault&
        vault;  ///< holds the keys themselves, where this identity can open the sealed copy
    secrets::SealedPlaces& places;
    std::span<const seal::Identity> identities;
};

EscrowReport verify_escrow(const EscrowTools& tools,
                           std::chrono::system_clock::time_point now,
                           std::stop_token stop);

/// Writes what is missing: one action a location. Copies that differ are left alone: somebody has to look.
/// Throws errors::sealed_unreadable where the key itself isn't at hand.
plan::Plan plan_escrow(const EscrowTools& tools, const EscrowReport& report);

class EscrowHandler final : public run::Handler {
  public:
    explicit EscrowHandler(secrets::SealedPlaces& places) : places_(places) {}

    void apply(std::span<const plan::Action* const> batch, std::stop_token stop) override;

    static constexpr std::string_view kind = "escrow";

  private:
    secrets::SealedPlaces& places_;
};

}  // namespace kavi::ops
