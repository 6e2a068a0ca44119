#pragma once

#include <kavi/base/json.hpp>
#include <kavi/model/baseline.hpp>
#include <kavi/plan/plan.hpp>

#include <string>

namespace kavi::ops {

/// What actions of kind "baseline" and "mount" carry.
struct BaselineStep final : plan::Payload {
    std::string server;
    std::string item;
    Json spec;
};

/// Mends for what differs: "baseline/<server>/<item>", kind "baseline", the server's lane. `facts` are the
/// host's (baseline_facts_parts); null for a server that isn't made yet, which gets all items: those that
/// hold by then are skipped. With baseline = "report" differences become notes; with "none" nothing is looked
/// at. A change of who may log in to a server that exists must be confirmed with the word "operators".
plan::Plan plan_baseline(const model::Estate& estate, const model::Server& server, const Json& facts);

/// The same for storages that the server mounts: "mount/<server>/<storage>", kind "mount".
plan::Plan plan_mounts(const model::Estate& estate, const model::Server& server, const Json& facts);

}  // namespace kavi::ops
