#pragma once

#include <kavi/plan/plan.hpp>
#include <kavi/secrets/sealed_bundle.hpp>

#include <memory>

/// Payloads between plan_seal and SealHandler.
namespace kavi::ops {

/// The copy for one place.
struct PlaceStep final : plan::Payload {
    model::Place place;
    std::shared_ptr<const secrets::SealedBundle> bundle;  ///< to be sealed anew; null: `bytes` as they are
    std::string bytes;
};

/// The fingerprint key for Infisical.
struct MirrorStep final : plan::Payload {
    Secret key;
};

}  // namespace kavi::ops
