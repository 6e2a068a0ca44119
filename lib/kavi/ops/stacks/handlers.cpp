#include <kavi/base/error_codes.hpp>
#include <kavi/ops/stacks/handlers.hpp>
#include <kavi/ops/stacks/plan.hpp>
#include <kavi/ops/stacks/work.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace kavi::ops {

namespace {

using Batch = std::span<const plan::Action* const>;

class PullHandler final : public run::Handler {
  public:
    explicit PullHandler(StackWork& work) : work_(work) {}

    void apply(Batch batch, std::stop_token stop) override {
        auto images = Json::array();
        for (const auto* action : batch) images.push_back(step_of<PullStep>(*action).image);
        const auto result = work_.call(step_of<PullStep>(*batch.front()),
                                       {.name = "image/pull", .parameters = {{"images", images}}},
                                       batch,
                                       stop);
        run::BatchFailure failure;
        for (const auto* action : batch)
            if (const auto& why = member_or_null(member_or_null(result, "failures"), step_of<PullStep>(*action).image); why.is_object())
                failure.failed.emplace(action->id, host::error_of(why));
        if (!failure.failed.empty()) throw failure;
    }

  private:
    StackWork& work_;
};

class FilesHandler final : public run::Handler {
  public:
    explicit FilesHandler(StackWork& work) : work_(work) {}

    void apply(Batch batch, std::stop_token stop) override {
        for (const auto* action : batch) put(step_of<FilesStep>(*action), batch, stop);
    }

  private:
    void put(const FilesStep& step, Batch batch, std::stop_token stop) {
        auto& record = work_.begin(step, stop);
        // Both the old and the new ones are kavi's until the release is whole.
        std::set<std::string> files(record.files.begin(), record.files.end());
        for (const auto& file : step.stack->files) files.insert(file.path);
        record.files.assign(files.begin(), files.end());
        work_.write_record(step, stop);
        work_.call(step, operation(step, record), batch, stop);
    }

    static host::Operation operation(const FilesStep& step, const StackRecord& record) {
        std::set<std::string> keep{record.release_before, std::string(adopted_release)};
        for (const auto& [name, service] : record.services) keep.insert(service.kept);
        host::Operation put{.name = "stack/put",
                            .parameters = {{"stack", step.stack->name},
                                           {"directory", step.stack->directory},
                                           {"secrets_folder", step.stack->secrets_folder},
                                           {"remove", step.remove},
                                           {"all_secrets", step.stack->all_secrets},
                                           {"keep_as", record.release_before},
                                           {"kept", record.files},
                                           {"keep", keep}}};
        put.parameters["files"] = add_frames(put, "file", step.stack->files);
        put.parameters["secrets"] = add_frames(put, "secret", step.stack->secrets);
        return put;
    }

    static Json add_frames(host::Operation& put,
                           std::string_view kind,
                           const std::vector<WantedFile>& files) {
        auto list = Json::array();
        for (const auto& file : files) {
            const auto frame = fmt::format("{}{}", kind, list.size());
            list.push_back(
                {{"path", file.path}, {"mode", fmt::format("{:04o}", file.mode)}, {"frame", frame}});
            put.frames.push_back({frame, file.bytes});
        }
        return list;
    }

    StackWork& work_;
};

class ServiceHandler final : public run::Handler {
  public:
    explicit ServiceHandler(StackWork& work) : work_(work) {}

    void apply(Batch batch, std::stop_token stop) override {
        const auto& first = step_of<ServiceStep>(*batch.front());
        auto& record = work_.begin(first, stop);
        auto services = Json::array();
        for (const auto* action : batch) {
            const auto& step = step_of<ServiceStep>(*action);
            auto& service = record.services[step.service.name];
            if (service.container.empty()) remember(step, service);
            service.pending = made_of(step, &service);
            services.push_back(service_json(step.service, step.recreate));
        }
        work_.write_record(first, stop);
        const auto result = work_.call(first, up(stack_json(first), std::move(services)), batch, stop);
        take_result(batch, result, stop);
    }

    /// Back to what ran before, from the files that were kept; or stopped, where the estate says so.
    std::optional<std::string> compensate(const plan::Action& action) override {
        const auto& step = step_of<ServiceStep>(action);
        const auto& name = step.service.name;
        if (step.service.on_failure == model::OnFailure::stop) {
            work_.call(
                step,
                {.name = "service/stop", .parameters = {{"project", step.stack->project}, {"service", name}}},
                {},
                {});
            return fmt::format("{} is stopped: its on_failure is \"stop\"", name);
        }
        auto& record = work_.record(step, {});
        auto& service = record.services[name];
        const auto before = record.release_before;
        if (before.empty() || service.container.empty() || action.changes.empty()) return std::nullopt;
        restore(step, before, service);
        if (before == adopted_release) return fmt::format("{} runs again as kavi found it", name);
        return fmt::format("{} runs again as of release {}", name, before);
    }

  private:
    /// Another's container: of what it was made of only the image is known.
    static void remember(const ServiceStep& step, ServiceRecord& service) {
        const auto found = step.seen->containers.find(step.service.name);
        if (found == step.seen->containers.end()) return;
        service.container = found->second.id;
        service.made.image = found->second.image;
        service.adopted = true;
    }

    static Json service_json(const WantedService& service, bool recreate) {
        return {{"name", service.name},
                {"timeout", service.timeout.count()},
                {"recreate", recreate},
                {"one_shot", service.one_shot}};
    }

    static Json stack_json(const StackStep& step) {
        return {{"project", step.stack->project},
                {"directory", step.stack->directory},
                {"files", step.stack->compose_files},
                {"variables", {{"KAVI_SECRETS", step.stack->secrets_folder}}}};
    }

    static host::Operation up(Json stack, Json services) {
        return {.name = "service/up",
                .parameters = {{"stack", std::move(stack)}, {"services", std::move(services)}}};
    }

    void take_result(Batch batch, const Json& result, std::stop_token stop) {
        run::BatchFailure failure;
        bool changed = false;
        for (const auto* action : batch) {
            const auto& step = step_of<ServiceStep>(*action);
            const auto& found = member_or_null(member_or_null(result, "services"), step.service.name);
            if (found.is_object()) {
                auto& service = work_.record(step, stop).services[step.service.name];
                service = {.container = string_or(found, "id"), .made = *service.pending};
                changed = true;
            } else {
                failure.failed.emplace(action->id, why(result, step.service.name));
            }
        }
        if (changed) work_.write_record(step_of<ServiceStep>(*batch.front()), stop);
        if (!failure.failed.empty()) throw failure;
    }

    static Error why(const Json& result, const std::string& service) {
        const auto& failure = member_or_null(member_or_null(result, "failures"), service);
        if (failure.is_object()) return host::error_of(failure);
        return Error(errors::remote_failed, fmt::format("the server said nothing of {}", service));
    }

    void restore(const ServiceStep& step, const std::string& release, ServiceRecord& service) {
        const auto folder = StackWork::kept_folder(step, release);
        auto stack = stack_json(step);
        stack["directory"] = folder + "/files";
        stack["variables"]["KAVI_SECRETS"] = folder + "/secrets";
        const auto result =
            work_.call(step, up(std::move(stack), Json::array({service_json(step.service, true)})), {}, {});
        const auto& found = member_or_null(member_or_null(result, "services"), step.service.name);
        if (!found.is_object()) throw why(result, step.service.name);
        service = {.container = string_or(found, "id"), .made = service.made, .kept = release};
        work_.write_record(step, {});
    }

    StackWork& work_;
};

/// Takes note of containers as they are.
class RecordHandler final : public run::Handler {
  public:
    explicit RecordHandler(StackWork& work) : work_(work) {}

    void apply(Batch batch, std::stop_token stop) override {
        for (const auto* action : batch) {
            const auto& step = step_of<ServiceStep>(*action);
            auto& service = work_.record(step, stop).services[step.service.name];
            auto made = made_of(step, &service);
            made.release = service.pending ? service.pending->release : service.made.release;
            service = {.container = step.container, .made = std::move(made), .adopted = step.adopted};
        }
        work_.write_record(step_of<ServiceStep>(*batch.front()), stop);
    }

  private:
    StackWork& work_;
};

class RemoveHandler final : public run::Handler {
  public:
    explicit RemoveHandler(StackWork& work) : work_(work) {}

    void apply(Batch batch, std::stop_token stop) override {
        for (const auto* action : batch) {
            const auto& step = step_of<RemoveStep>(*action);
            auto& record = work_.begin(step, stop);
            work_.write_record(step, stop);
            work_.call(step,
                       {.name = "service/remove",
                        .parameters = {{"project", step.stack->project}, {"service", step.service}}},
                       batch,
                       stop);
            record.services.erase(step.service);
            work_.write_record(step, stop);
        }
    }

  private:
    StackWork& work_;
};

/// Lists the release, then closes it in the record: killed in between, the next run finds it listed and only
/// closes it.
class ReleaseHandler final : public run::Handler {
  public:
    explicit ReleaseHandler(StackWork& work) : work_(work) {}

    void apply(Batch batch, std::stop_token stop) override {
        for (const auto* action : batch) finish(step_of<ReleaseStep>(*action), stop);
    }

  private:
    void finish(const ReleaseStep& step, std::stop_token stop) {
        auto& record = work_.begin(step, stop);
        if (!step.listed) list(step, stop);
        if (const auto& commit = work_.tools().commit)
            work_.call(step,
                       {.name = "record/write",
                        .parameters = {{"path", "deployed.json"},
                                       {"value",
                                        {{"commit", *commit}, {"who", work_.tools().who}, {"time", now()}}}}},
                       {},
                       stop);
        record.release_open = false;
        record.files.clear();
        for (const auto& file : step.stack->files) record.files.push_back(file.path);
        std::ranges::sort(record.files);
        forget_gone(step, record);
        work_.write_record(step, stop);
    }

    std::string now() const { return iso8601(work_.tools().clock.now()); }

    void list(const ReleaseStep& step, std::stop_token stop) {
        const auto& tools = work_.tools();
        Json entry{{"release", step.release},
                   {"time", now()},
                   {"commit", tools.commit ? Json(*tools.commit) : Json(nullptr)},
                   {"operator", tools.who},
                   {"plan", tools.plan_digest},
                   {"images", images(step, stop)}};
        work_.call(step,
                   {.name = "record/append",
                    .parameters = {{"path", fmt::format("releases/{}.jsonl", step.stack->name)},
                                   {"value", std::move(entry)}}},
                   {},
                   stop);
    }

    /// What each service's container runs: asked of the engine, since tags move.
    Json images(const ReleaseStep& step, std::stop_token stop) {
        const auto facts = work_.call(
            step, {.name = "facts", .parameters = {{"parts", {{"docker", Json::object()}}}}}, {}, stop);
        std::map<std::string, Json> digests;
        for (const auto& image : member_or_null(member_or_null(facts, "docker"), "images"))
            digests[string_or(image, "id")] = member_or_null(image, "digests");
        auto all = Json::object();
        for (const auto& container : member_or_null(member_or_null(facts, "docker"), "containers")) {
            if (string_or(container, "project") != step.stack->project) continue;
            const auto id = string_or(container, "image_id");
            all[string_or(container, "service")] = {
                {"image", string_or(container, "image")},
                {"id", id},
                {"digests", digests.contains(id) ? digests[id] : Json::array()}};
        }
        return all;
    }

    /// Records of services that the file doesn't have any more and that have no container either.
    static void forget_gone(const ReleaseStep& step, StackRecord& record) {
        std::erase_if(record.services, [&](const auto& entry) {
            const auto& name = entry.first;
            return !step.stack->in_profiles.contains(name) && !step.seen->containers.contains(name) &&
                   std::ranges::find(step.stack->services, name, &WantedService::name) ==
                       step.stack->services.end();
        });
    }

    StackWork& work_;
};

}  // namespace

struct StackHandlers::Parts {
    explicit Parts(StackTools tools) : work(std::move(tools)) {}

    StackWork work;
    PullHandler pull{work};
    FilesHandler files{work};
    ServiceHandler service{work};
    RecordHandler note{work};
    RemoveHandler remove{work};
    ReleaseHandler release{work};
};

StackHandlers::StackHandlers(StackTools tools) : parts_(std::make_unique<Parts>(std::move(tools))) {}

StackHandlers::~StackHandlers() = default;

void StackHandlers::add_to(run::Handlers& handlers) const {
    handlers["pull"] = &parts_->pull;
    handlers["stack-files"] = &parts_->files;
    handlers["service"] = &parts_->service;
    handlers["service-record"] = &parts_->note;
    handlers["service-remove"] = &parts_->remove;
    handlers["release"] = &parts_->release;
}

}  // namespace kavi::ops
