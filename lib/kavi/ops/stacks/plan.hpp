#pragma once

#include <kavi/ops/stacks/steps.hpp>
#include <kavi/plan/plan.hpp>

#include <chrono>
#include <memory>
#include <set>
#include <string>

namespace kavi::ops {

struct StackPlanRequest {
    std::shared_ptr<const WantedStack> wanted;
    std::shared_ptr<const StackSeen> seen;
    const secrets::PurposeKey& key;
    const std::set<std::string>* services =
        nullptr;                                ///< only these; null: all, and what is gone from the file
    std::chrono::system_clock::time_point now;  ///< names the release; no part of the digest
};

/// What has to happen to a stack on its server. Pure. Kinds and ids:
///   "pull"           pull/<stack>/<image>     an image that isn't there and that a service below needs
///   "stack-files"    stack/<stack>/files      compose files, what travels with them, .env, secrets
///   "service"        service/<stack>/<name>   create, update (start, wait) or replace one container
///   "service-record" service/<stack>/<name>   take note of a container as it is: adopted, or an interrupted
///   run's "service-remove" service/<stack>/<name>   gone from the file; asks; volumes stay "release"
///   release/<stack>
/// All pulls come before everything else, then the files, then the services, level by level; one lane, the
/// server's. Services of one level are one batch.
plan::Plan plan_stack(const StackPlanRequest& request);

/// "docker.io/library/nginx:1.28" → "nginx:1.28", "nginx" → "nginx:latest": as the engine lists it.
std::string engine_image_name(std::string_view image);

/// The next release's id on that day.
std::string next_release(std::chrono::system_clock::time_point now, const std::vector<std::string>& known);

}  // namespace kavi::ops
