#pragma once

#include <kavi/base/json.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

/// What kavi did to a stack, as it lies on the stack's server: /var/lib/kavi/stacks/<stack>.json. Truth about
/// "unchanged" is this record, bound to the container's id. It holds keyed fingerprints only, no secret.
namespace kavi::ops {

/// What a container was made of.
struct Made {
    std::string image;  ///< as the compose file names it
    /// Keyed fingerprint by FingerprintInput::digest_key(); "": it couldn't be known (a sealed secret, in
    /// CI).
    std::map<std::string, std::string> inputs;
    std::string key;  ///< id of the fingerprints' key
    std::string release;

    friend bool operator==(const Made&, const Made&) = default;
};

struct ServiceRecord {
    std::string container;  ///< its id; empty: none was brought up yet
    Made made;
    std::optional<Made> pending;  ///< what was about to be brought up when the run ended
    bool adopted = false;         ///< the container is another's work, taken over as it was
    std::string kept;             ///< set: after a failed update it runs from this kept release's files

    friend bool operator==(const ServiceRecord&, const ServiceRecord&) = default;
};

struct StackRecord {
    std::map<std::string, ServiceRecord> services;
    std::vector<std::string> files;  ///< that kavi placed, relative to the stack's folder
    std::string release;             ///< the latest: "2026-11-25.1"
    bool release_open = false;       ///< begun, and not yet in the list of releases
    std::string release_before;      ///< the latest that was finished before it: what lies in previous/

    friend bool operator==(const StackRecord&, const StackRecord&) = default;
};

Json to_json(const StackRecord& record);

/// What isn't there or has another type counts as absent: the worst that comes of it is one restart too many.
StackRecord read_stack_record(const Json& json);

}  // namespace kavi::ops
