#include <kavi/base/clock.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/stacks/decide.hpp>
#include <kavi/ops/stacks/plan.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace kavi::ops {

namespace {

using What = ServiceDecision::What;

class StackPlanner {
  public:
    explicit StackPlanner(const StackPlanRequest& request)
        : request_(request), wanted_(*request.wanted), seen_(*request.seen) {
        const auto& record = seen_.record;
        auto known = seen_.releases;
        known.push_back(record.release);
        release_ = record.release_open ? record.release : next_release(request.now, known);
    }

    plan::Plan plan() {
        add_files();
        decide_services();
        add_services();
        if (request_.services == nullptr) add_removals();
        add_release();
        for (const auto& note : wanted_.notes) plan_.notes.push_back(note);
        if (unchanged_ > 0) plan_.unchanged.emplace_back("service", unchanged_);
        return std::move(plan_);
    }

  private:
    plan::Action action(std::string kind, std::string id, std::string subject) const {
        plan::Action made;
        made.kind = std::move(kind);
        made.id = std::move(id);
        made.subject = std::move(subject);
        made.group = wanted_.server;
        made.lane = wanted_.server;
        return made;
    }

    template <typename Step>
    std::shared_ptr<Step> step() const {
        auto made = std::make_shared<Step>();
        made->stack = request_.wanted;
        made->seen = request_.seen;
        made->release = release_;
        return made;
    }

    // --- Files
    // -------------------------------------------------------------------------------------------------

    void compare_files(const std::vector<WantedFile>& wanted,
                       const std::map<std::string, SeenFile>& seen,
                       std::string_view what,
                       std::vector<plan::Change>& changes) const {
        for (const auto& file : wanted) {
            const auto* secret = std::get_if<Secret>(&file.bytes);
            const auto digest =
                hex(sha256(secret != nullptr ? secret->reveal() : std::get<std::string>(file.bytes)));
            const auto found = seen.find(file.path);
            const bool same = found != seen.end() && found->second.sha256 == digest &&
                              found->second.mode == fmt::format("{:04o}", file.mode);
            if (same) continue;
            changes.push_back({fmt::format("{} {}", what, file.path),
                               found == seen.end() ? Json(nullptr) : Json(shown(found->second.sha256)),
                               shown(digest)});
        }
    }

    /// A digest of a file is never shown as it is: the file may be a secret.
    std::string shown(const std::string& digest) const { return request_.key.fingerprint("file\n" + digest); }

    void add_files() {
        auto made = step<FilesStep>();
        auto files = action("stack-files",
                            fmt::format("stack/{}/files", wanted_.name),
                            fmt::format("files of {}", wanted_.name));
        compare_files(wanted_.files, seen_.files, "file", files.changes);
        compare_files(wanted_.secrets, seen_.secrets, "secret file", files.changes);
        for (const auto& path : seen_.record.files)
            if (!is_wanted(wanted_.files, path)) {
                made->remove.push_back(path);
                if (const auto found = seen_.files.find(path); found != seen_.files.end())
                    files.changes.push_back({"file " + path, shown(found->second.sha256), nullptr});
            }
        if (wanted_.all_secrets)
            for (const auto& [name, file] : seen_.secrets)
                if (!is_wanted(wanted_.secrets, name))
                    files.changes.push_back({"secret file " + name, shown(file.sha256), nullptr});
        if (files.changes.empty()) return;
        files.verb = seen_.files.empty() ? plan::Verb::create : plan::Verb::update;
        files.reason = fmt::format(
            "{} of {} files differ", files.changes.size(), wanted_.files.size() + wanted_.secrets.size());
        files.before = changes_json(files.changes, &plan::Change::from);
        files.expected_after = changes_json(files.changes, &plan::Change::to);
        files.payload = std::move(made);
        files_ = std::move(files);
    }

    static bool is_wanted(const std::vector<WantedFile>& files, const std::string& path) {
        return std::ranges::find(files, path, &WantedFile::path) != files.end();
    }

    static Json changes_json(const std::vector<plan::Change>& changes, Json plan::Change::*side) {
        auto json = Json::object();
        for (const auto& change : changes) json[change.field] = change.*side;
        return json;
    }

    // --- Services
    // ----------------------------------------------------------------------------------------------

    void decide_services() {
        for (const auto& service : wanted_.services) {
            if (request_.services != nullptr && !request_.services->contains(service.name)) continue;
            auto decision = decide_service(service, seen_, wanted_.key_id);
            if (!decision.note.empty()) plan_.notes.push_back(decision.note);
            if (decision.what == What::nothing)
                ++unchanged_;
            else
                due_.emplace_back(&service, std::move(decision));
        }
        add_pulls();
        if (files_) keep(std::move(*files_));
    }

    void add_pulls() {
        std::set<std::string> missing;
        for (const auto& [service, decision] : due_)
            if (decision.what == What::bring_up && !seen_.images.contains(engine_image_name(service->image)))
                missing.insert(service->image);
        for (const auto& image : missing) {
            auto pull = action("pull", fmt::format("pull/{}/{}", wanted_.name, image), image);
            pull.verb = plan::Verb::create;
            pull.reason = "not there yet";
            pull.before = {{"present", false}};
            pull.expected_after = {{"present", true}};
            pull.batch = fmt::format("pull/{}", wanted_.name);
            auto made = step<PullStep>();
            made->image = image;
            pull.payload = std::move(made);
            plan_.actions.push_back(std::move(pull));
        }
        for (const auto& pull : plan_.actions) ids_.push_back(pull.id);
    }

    /// The lane keeps the order of levels; edges are only what a service can't do without, so that one that fails
    /// keeps no other from coming up.
    void add_services() {
        for (const auto& [service, decision] : due_) {
            auto due = decision.what == What::bring_up ? bring_up(*service, decision)
                                                       : note_down(*service, decision);
            for (const auto& id : {fmt::format("pull/{}/{}", wanted_.name, service->image),
                                   fmt::format("stack/{}/files", wanted_.name)})
                if (has(id)) due.after.push_back(id);
            for (const auto& name : service->depends_on)
                if (has(service_id(name))) due.after.push_back(service_id(name));
            keep(std::move(due));
        }
    }

    bool has(const std::string& id) const { return std::ranges::find(ids_, id) != ids_.end(); }

    void keep(plan::Action action) {
        ids_.push_back(action.id);
        plan_.actions.push_back(std::move(action));
    }

    std::string service_id(const std::string& name) const {
        return fmt::format("service/{}/{}", wanted_.name, name);
    }

    plan::Action service_action(const char* kind,
                                const WantedService& service,
                                const ServiceDecision& decision) const {
        auto due = action(kind, service_id(service.name), service.name);
        due.verb = decision.verb;
        due.reason = decision.reason;
        due.changes = decision.changes;
        const auto found = seen_.containers.find(service.name);
        const auto record = seen_.record.services.find(service.name);
        due.before = {
            {"container", found == seen_.containers.end() ? Json(nullptr) : Json(found->second.id)},
            {"state", found == seen_.containers.end() ? "" : found->second.state},
            {"inputs",
             record == seen_.record.services.end() ? Json(nullptr) : Json(record->second.made.inputs)}};
        auto inputs = Json::object();
        for (const auto& [key, input] : service.inputs)
            inputs[key] = input.digest ? Json(*input.digest) : Json(nullptr);
        due.expected_after = {{"image", service.image}, {"inputs", std::move(inputs)}};
        auto made = step<ServiceStep>();
        made->service = service;
        made->recreate = decision.recreate;
        made->adopted = decision.adopted;
        if (found != seen_.containers.end()) made->container = found->second.id;
        due.payload = std::move(made);
        return due;
    }

    plan::Action bring_up(const WantedService& service, const ServiceDecision& decision) {
        auto due = service_action("service", service, decision);
        due.effect = decision.verb == plan::Verb::replace ? "restarts" : "starts";
        due.batch = fmt::format("service/{}/{}", wanted_.name, service.level);
        makes_release_ = true;
        return due;
    }

    plan::Action note_down(const WantedService& service, const ServiceDecision& decision) const {
        auto due = service_action("service-record", service, decision);
        due.effect = "nothing restarts";
        due.batch = fmt::format("service-record/{}", wanted_.name);
        return due;
    }

    // --- What is gone, and the release
    // --------------------------------------------------------------------------

    void add_removals() {
        const auto gate = ids_;
        for (const auto& [name, container] : seen_.containers) {
            const bool known =
                std::ranges::find(wanted_.services, name, &WantedService::name) != wanted_.services.end();
            if (known || name.empty() || wanted_.in_profiles.contains(name)) continue;
            auto gone = action("service-remove", service_id(name), name);
            gone.verb = plan::Verb::remove;
            gone.reason = "gone from the compose file";
            gone.effect = container.volumes.empty()
                              ? "stops for good"
                              : fmt::format("stops for good; kept: volume {}", join(container.volumes, ", "));
            gone.question = plan::Question::yes_no;
            gone.before = {{"container", container.id}};
            gone.after = gate;
            auto made = step<RemoveStep>();
            made->service = name;
            gone.payload = std::move(made);
            keep(std::move(gone));
            makes_release_ = true;
        }
    }

    void add_release() {
        const bool files = plan_.find(fmt::format("stack/{}/files", wanted_.name)) != nullptr;
        if (!makes_release_ && !files && !seen_.record.release_open) return;
        auto release = action(
            "release", fmt::format("release/{}", wanted_.name), fmt::format("release of {}", wanted_.name));
        release.verb = plan::Verb::run;
        release.reason = seen_.record.release_open ? "an interrupted run left it open" : "something changes";
        release.before = {{"release", seen_.record.release}};
        release.after = ids_;
        auto made = step<ReleaseStep>();
        made->listed = std::ranges::find(seen_.releases, release_) != seen_.releases.end();
        release.payload = std::move(made);
        keep(std::move(release));
    }

    const StackPlanRequest& request_;
    const WantedStack& wanted_;
    const StackSeen& seen_;
    std::string release_;
    plan::Plan plan_;
    std::optional<plan::Action> files_;
    std::vector<std::pair<const WantedService*, ServiceDecision>> due_;
    std::vector<std::string> ids_;  ///< of all actions so far
    int unchanged_ = 0;
    bool makes_release_ = false;
};

}  // namespace

plan::Plan plan_stack(const StackPlanRequest& request) {
    return StackPlanner(request).plan();
}

std::string engine_image_name(std::string_view image) {
    for (const std::string_view prefix : {"docker.io/", "index.docker.io/"})
        if (image.starts_with(prefix)) image.remove_prefix(prefix.size());
    if (image.starts_with("library/")) image.remove_prefix(8);
    const auto slash = image.rfind('/');
    const auto colon = image.find(':', slash == std::string_view::npos ? 0 : slash);
    if (const auto at = image.find('@'); at != std::string_view::npos)
        return fmt::format("{}{}", image.substr(0, std::min(colon, at)), image.substr(at));
    return colon == std::string_view::npos ? fmt::format("{}:latest", image) : std::string(image);
}

std::string next_release(std::chrono::system_clock::time_point now, const std::vector<std::string>& known) {
    const auto day = iso8601(now).substr(0, 10);
    int last = 0;
    for (const auto& release : known) {
        if (!release.starts_with(day + ".")) continue;
        int number = 0;
        std::from_chars(release.data() + day.size() + 1, release.data() + release.size(), number);
        last = std::max(last, number);
    }
    return fmt::format("{}.{}", day, last + 1);
}

}  // namespace kavi::ops
