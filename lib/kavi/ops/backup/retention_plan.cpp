#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/backup/retention_plan.hpp>
#include <kavi/ops/backup/when.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

namespace kavi::ops {

namespace {

/// The runs that have a folder below the server's, finished or not.
std::set<std::string> run_folders(const std::string& folder,
                                  const std::vector<store::StoredFile>& files,
                                  const std::vector<store::StoredFile>& parts) {
    std::set<std::string> runs;
    for (const auto* list : {&files, &parts})
        for (const auto& file : *list) {
            const auto inner =
                std::string_view(file.path).substr(std::min(folder.size() + 1, file.path.size()));
            const auto name = inner.substr(0, inner.find('/'));
            if (run_time(name)) runs.emplace(name);
        }
    return runs;
}

class Adder {
  public:
    Adder(plan::Plan& plan, const Catalog& catalog)
        : plan_(plan), catalog_(catalog), folder_(backup_folder(catalog.estate, catalog.server)) {
        for (const auto& file : catalog.files) sizes_[file.path] = file.bytes;
    }

    void add_run(const std::string& run, const std::string& reason) {
        auto step = new_step();
        step->paths = files_of_run(catalog_, run);
        add(run, reason, std::move(step));
    }

    void add_files(const std::vector<std::string>& paths) {
        if (paths.empty()) return;
        auto step = new_step();
        step->paths = paths;
        step->only_with = run_folders(folder_, catalog_.files, catalog_.parts);
        add("files", "no backup that stays names them", std::move(step));
    }

    void add_parts(const std::vector<store::StoredFile>& parts) {
        if (parts.empty()) return;
        auto step = new_step();
        step->parts = parts;
        add("parts", "cut off, never finished", std::move(step));
    }

  private:
    std::shared_ptr<PruneStep> new_step() const {
        auto step = std::make_shared<PruneStep>();
        step->store = catalog_.store;
        step->folder = folder_;
        return step;
    }

    void add(const std::string& what, const std::string& reason, std::shared_ptr<PruneStep> step) {
        std::uint64_t bytes = 0;
        for (const auto& path : step->paths) bytes += sizes_[path];
        for (const auto& part : step->parts) bytes += part.bytes;
        const auto count = step->paths.size() + step->parts.size();
        plan_.actions.push_back(
            {.id = fmt::format("prune/{}/{}/{}", catalog_.store, catalog_.server, what),
             .verb = plan::Verb::remove,
             .kind = "prune",
             .group = fmt::format("{} in {}", catalog_.server, catalog_.store),
             .subject = what,
             .reason = reason,
             .effect = fmt::format("{} in {} file{}", size_text(bytes), count, count == 1 ? "" : "s"),
             .destroys = true,
             .question = plan::Question::yes_no,
             .before = {{"files", count}, {"bytes", bytes}},
             .lane = "store/" + catalog_.store,
             .payload = std::move(step)});
    }

    plan::Plan& plan_;
    const Catalog& catalog_;
    std::string folder_;
    std::map<std::string, std::uint64_t> sizes_;
};

const PruneStep& step_of(const plan::Action& action) {
    return dynamic_cast<const PruneStep&>(*action.payload);
}

/// "9 backups" for all stores and servers together.
void count_backups(plan::Plan& plan, int count) {
    constexpr std::string_view word = "backup";
    const auto found = std::ranges::find(plan.unchanged, word, &std::pair<std::string, int>::first);
    if (found == plan.unchanged.end())
        plan.unchanged.emplace_back(word, count);
    else
        found->second += count;
}

void stop_if_asked(const std::stop_token& stop) {
    if (stop.stop_requested()) throw Error(errors::interrupted, "interrupted");
}

void remove_parts(store::Store& store, const PruneStep& step, const std::stop_token& stop) {
    if (step.parts.empty()) return;
    const auto now = store.unfinished(step.folder);
    for (const auto& part : step.parts) {
        stop_if_asked(stop);
        if (std::ranges::find(now, part) != now.end()) store.remove(part.path);
    }
}

}  // namespace

void add_prune(plan::Plan& plan, const Catalog& catalog, const Retention& retention) {
    Adder adder(plan, catalog);
    // Oldest first: what a cut leaves is what the rules like best.
    for (auto fate = retention.runs.rbegin(); fate != retention.runs.rend(); ++fate)
        if (!fate->kept) adder.add_run(fate->run, "no rule keeps it");
    for (auto run = retention.unfinished.rbegin(); run != retention.unfinished.rend(); ++run)
        adder.add_run(*run, "was cut off, and is no backup");
    adder.add_files(retention.files);
    adder.add_parts(retention.parts);
    const auto stay = retention.runs.size() - retention.going();
    if (stay > 0) count_backups(plan, static_cast<int>(stay));
    for (const auto& note : retention.notes)
        plan.notes.push_back(fmt::format("{} in {}: {}", catalog.server, catalog.store, note));
}

run::Look PruneHandler::look(const plan::Action& action, std::stop_token) {
    const auto& step = step_of(action);
    if (step.only_with.empty()) return {};
    auto& store = open_(step.store);
    for (const auto& run : run_folders(step.folder, store.list(step.folder), store.unfinished(step.folder)))
        if (!step.only_with.contains(run))
            return {run::Standing::other, fmt::format("run {} has begun since", run)};
    return {};
}

void PruneHandler::apply(std::span<const plan::Action* const> batch, std::stop_token stop) {
    for (const auto* action : batch) {
        const auto& step = step_of(*action);
        auto& store = open_(step.store);
        for (const auto& path : step.paths) {
            stop_if_asked(stop);
            store.remove(path);
        }
        remove_parts(store, step, stop);
    }
}

}  // namespace kavi::ops
