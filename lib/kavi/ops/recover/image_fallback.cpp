#include <kavi/base/error_codes.hpp>
#include <kavi/ops/recover/image_fallback.hpp>
#include <kavi/ops/stacks/plan.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::ops {

namespace {

/// "pull/production/postgres:16" → "postgres:16".
std::string_view image_of(std::string_view id) {
    for (int slashes = 0; slashes < 2; ++slashes) id.remove_prefix(std::min(id.size(), id.find('/') + 1));
    return id;
}

}  // namespace

PullOrLoad::PullOrLoad(run::Handler& pull, run::Handler& restore, std::vector<plan::Action> archives)
    : pull_(pull), restore_(restore) {
    constexpr std::string_view before = "images/";
    for (auto& archive : archives)
        if (archive.subject.starts_with(before)) archives_.emplace(archive.subject.substr(before.size()), std::move(archive));
}

void PullOrLoad::apply(std::span<const plan::Action* const> batch, std::stop_token stop) {
    run::BatchFailure failure;
    try {
        pull_.apply(batch, stop);
    } catch (run::BatchFailure& some) {
        failure = std::move(some);
    } catch (const Error& error) {
        if (error.code() == errors::interrupted) throw;
        for (const auto* action : batch) failure.failed.emplace(action->id, error);
    }
    for (const auto* action : batch) {
        const auto failed = failure.failed.find(action->id);
        if (failed == failure.failed.end()) continue;
        try {
            if (load(*action, stop)) failure.failed.erase(failed);
        } catch (const Error& error) {
            if (error.code() == errors::interrupted) throw;
            failed->second.because(fmt::format("nor could its archive be loaded: {}", error.message()));
        }
    }
    if (!failure.failed.empty()) throw failure;
}

bool PullOrLoad::load(const plan::Action& action, std::stop_token stop) {
    const auto archive = archives_.find(engine_image_name(image_of(action.id)));
    if (archive == archives_.end()) return false;
    const plan::Action* const one[] = {&archive->second};
    restore_.apply(one, std::move(stop));
    return true;
}

}  // namespace kavi::ops
