#pragma once

#include <kavi/api/hetzner_types.hpp>
#include <kavi/base/secret.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Which host keys a server of Hetzner's may show, kept as labels on the server itself.
namespace kavi::ops {

/// How far a new server has come: `boot` with the one-time key that cloud-init gave it, `rotating` while it
/// may show either key, `ready` with the key that it made itself.
enum class TrustPhase { boot, rotating, ready };

std::string_view name_of(TrustPhase phase);

struct Trust {
    TrustPhase phase = TrustPhase::boot;
    /// SHA-256 digests of host keys, 32 raw bytes: K1 (boot), K1 and K2 (rotating), K2 (ready).
    std::vector<std::string> pins;
    std::chrono::sys_seconds time;  ///< when these labels were written

    friend bool operator==(const Trust&, const Trust&) = default;
};

/// Labels of a server, with a MAC over everything that makes them mean what they say: the estate, the server,
/// phase, pins and time. `id` is the server's, or nullopt for a server that doesn't exist yet (phase boot):
/// its MAC names the server by name, and holds only for a server that was created about then. Labels that the
/// phase doesn't need are empty optionals: to be removed.
std::map<std::string, std::optional<std::string>> trust_labels(const Trust& trust,
                                                               std::string_view estate,
                                                               std::string_view server,
                                                               std::optional<std::int64_t> id,
                                                               const Secret& pin_key);

/// What a server's labels say. nullopt: there are none of these (it was never kavi's to trust). Anything else
/// that isn't whole and authentic throws errors::integrity: a stolen API token must not be able to plant a
/// key. Labels of phase boot are refused, too, where the server wasn't created within an hour of them.
std::optional<Trust> read_trust(const api::HetznerServer& server,
                                std::string_view estate,
                                const Secret& pin_key);

}  // namespace kavi::ops
