#pragma once

#include <kavi/ops/stacks/observe.hpp>
#include <kavi/ops/stacks/wanted.hpp>
#include <kavi/plan/plan.hpp>

#include <memory>
#include <string>
#include <vector>

/// What a stack's actions carry for their handlers.
namespace kavi::ops {

struct StackStep : plan::Payload {
    std::shared_ptr<const WantedStack> stack;
    std::shared_ptr<const StackSeen> seen;
    std::string release;  ///< that this run makes: "2026-11-25.1"
};

struct PullStep final : StackStep {
    std::string image;
};

struct FilesStep final : StackStep {
    std::vector<std::string> remove;  ///< placed by kavi, not wanted any more
};

struct ServiceStep final : StackStep {
    WantedService service;
    bool recreate = false;  ///< Compose can't see what changed
    std::string container;  ///< to be recorded as it is
    bool adopted = false;   ///< recorded: another's work
};

struct RemoveStep final : StackStep {
    std::string service;
};

struct ReleaseStep final : StackStep {
    bool listed = false;  ///< it is in the list already, an interrupted run left it open
};

}  // namespace kavi::ops
