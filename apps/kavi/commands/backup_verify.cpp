#include "../verify_on_server.hpp"
#include "commands.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/backup/verify_listing.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace kavi::app {

namespace {

struct VerifyOptions {
    std::vector<std::string> items;
    std::optional<std::string> server;
    std::optional<std::string> store;
    int level = 1;
    std::optional<std::string> run;
    std::optional<std::string> at;
};

/// What verifying works with.
struct VerifyTools {
    const VerifyOptions& options;
    Session& session;
    EstateSession& estate;
    BackupAccess& backups;
    RestoreAccess& restores;
    ops::When when;
};

/// Verifies in one store what one server has there.
class StoreCheck {
  public:
    StoreCheck(VerifyTools tools, ops::Catalog catalog)
        : tools_(std::move(tools)), catalog_(std::move(catalog)), level_(reachable_level()) {}

    void run() {
        choose_items();
        std::set<std::string> runs;
        if (!tools_.when.run.empty() || tools_.when.at)
            for (const auto& chosen : chosen_) runs.insert(chosen.run->run);
        const auto& items = tools_.options.items;
        add(ops::verify_listing(catalog_, runs, {items.begin(), items.end()}));
        if (level_ == 1) add(checksums());
        if (level_ >= 2)
            add(verify_on_server(
                tools_.restores, tools_.estate.loaded(), catalog_, chosen_, level_, tools_.session));
    }

    int level() const { return level_; }

    const std::vector<ops::VerifyFinding>& findings() const { return findings_; }

    std::size_t artefacts() const {
        std::size_t count = 0;
        for (const auto& chosen : chosen_) count += chosen.artefacts.size();
        return count;
    }

    const ops::Catalog& catalog() const { return catalog_; }

    const std::vector<ops::Chosen>& chosen() const { return chosen_; }

    /// Notes what was verified, for status and the list. A store that can't take the note is only told of.
    void note() {
        try {
            auto& store = tools_.backups.store(catalog_.store, StoreUse::prune);
            for (const auto& chosen : chosen_) write_note(store, chosen);
        } catch (const Error& error) {
            if (error.code() == errors::interrupted) throw;
            tools_.session.output.warn(
                fmt::format("what was verified can't be noted in {}: {}", catalog_.store, error.message()));
        }
    }

  private:
    std::set<std::string> wanted_items() const {
        const auto declared = tools_.backups.items(catalog_.server);
        std::set<std::string> items(declared.begin(), declared.end());
        if (!tools_.options.items.empty()) {
            std::erase_if(items, [&](const auto& item) {
                return std::ranges::find(tools_.options.items, item) == tools_.options.items.end();
            });
            return items;
        }
        for (const auto& run : catalog_.runs)
            for (const auto& artefact : run.manifest.artefacts) items.insert(artefact.item);
        return items;
    }

    void choose_items() {
        for (const auto& item : wanted_items()) {
            try {
                chosen_.push_back(tools_.when.run.empty() ? ops::choose(catalog_, item, {}, tools_.when.at)
                                                          : ops::choose_run(catalog_, tools_.when.run, item));
            } catch (const Error& error) {
                if (error.code() != errors::backup_missing) throw;
                // Without being asked for it, an item that this one run doesn't have is no fault of the
                // run's.
                if (tools_.options.items.empty() && !tools_.when.run.empty()) continue;
                findings_.push_back({tools_.when.run, item, "", error.message(), error.causes()});
            }
        }
    }

    std::vector<ops::VerifyFinding> checksums() {
        std::size_t done = 0;
        const auto all = artefacts();
        return ops::verify_checksums(
            tools_.backups.store(catalog_.store),
            catalog_,
            chosen_,
            [&](const ops::Artefact& artefact) {
                tools_.session.output.detail(fmt::format(
                    "  {} of {}: {} ({})", ++done, all, artefact.file, ops::size_text(artefact.bytes)));
            },
            tools_.session.stop);
    }

    void add(std::vector<ops::VerifyFinding> found) {
        findings_.insert(
            findings_.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
    }

    bool has_finding(const ops::Chosen& chosen) const {
        return std::ranges::any_of(findings_, [&](const ops::VerifyFinding& finding) {
            return finding.run == chosen.run->run &&
                   (finding.item.empty() || finding.item == chosen.artefacts.front().item);
        });
    }

    void write_note(store::Store& store, const ops::Chosen& chosen) const {
        const ops::VerifiedNote note{.run = chosen.run->run,
                                     .item = chosen.artefacts.front().item,
                                     .level = level_,
                                     .ok = !has_finding(chosen),
                                     .at = tools_.backups.now()};
        const auto path = ops::backup_folder(catalog_.estate, catalog_.server) + "/" + ops::note_file(note);
        store::write_small(
            store, path, fmt::format("{{\"kavi.verified\":1,\"artefacts\":{}}}\n", chosen.artefacts.size()));
    }

    /// Levels 2 and 3 are a server's, in a store that it reaches.
    int reachable_level() const {
        const auto wanted = tools_.options.level;
        if (wanted < 2) return wanted;
        const auto& storage = tools_.estate.estate().storages.at(catalog_.store);
        const bool local = storage.kind == model::Storage::Kind::local;
        if (!local && tools_.estate.estate().servers.contains(catalog_.server)) return wanted;
        tools_.session.output.warn(
            fmt::format("{} in {} is verified at level 1: {}",
                        catalog_.server,
                        catalog_.store,
                        local ? "no server reaches that store" : "it is no server that could open it"));
        return 1;
    }

    VerifyTools tools_;
    ops::Catalog catalog_;
    int level_;
    std::vector<ops::Chosen> chosen_;
    std::vector<ops::VerifyFinding> findings_;
};

OrderedJson finding_json(const StoreCheck& check, const ops::VerifyFinding& finding) {
    return {{"store", check.catalog().store},
            {"server", check.catalog().server},
            {"run", finding.run},
            {"item", finding.item},
            {"file", finding.file},
            {"message", finding.message},
            {"causes", finding.causes}};
}

void report(const StoreCheck& check, Result& result) {
    const auto& catalog = check.catalog();
    result.text +=
        fmt::format("{} in {} · level {} · {} run{} listed, {} artefact{} of {} item{} verified{}\n",
                    catalog.server,
                    catalog.store,
                    check.level(),
                    catalog.all_runs().size(),
                    catalog.all_runs().size() == 1 ? "" : "s",
                    check.artefacts(),
                    check.artefacts() == 1 ? "" : "s",
                    check.chosen().size(),
                    check.chosen().size() == 1 ? "" : "s",
                    check.findings().empty() ? ": all well" : "");
    for (const auto& finding : check.findings()) {
        Error error(errors::integrity,
                    fmt::format("{} in {}: {}", catalog.server, catalog.store, finding.message));
        for (const auto& cause : finding.causes) error.because(cause);
        result.errors.push_back(std::move(error));
        result.data["findings"].push_back(finding_json(check, finding));
        result.exit = Exit::integrity;
    }
}

ops::When when_of(const VerifyOptions& options, BackupAccess& access) {
    if (options.run && options.at) throw Error(errors::usage, "--run and --at can't go together");
    if (options.run) {
        if (!ops::run_time(*options.run))
            throw Error(errors::usage, fmt::format("'{}' is no run", printable(*options.run)))
                .fix("kavi backup list shows them");
        return {.run = *options.run};
    }
    return options.at ? ops::parse_when(*options.at, access.now(), access.zone()) : ops::When();
}

Result verify(const VerifyOptions& options, Session& session) {
    EstateSession estate(session, "kavi backup verify");
    BackupAccess access(session, estate);
    RestoreAccess restores(session, estate, access);
    const VerifyTools tools{options, session, estate, access, restores, when_of(options, access)};
    Result result{.data = {{"level", options.level}, {"findings", OrderedJson::array()}}};
    for (const auto& store : access.stores(options.store))
        for (const auto& owner : access.owners(options.server, options.items)) {
            StoreCheck check(tools, access.catalog(store, owner));
            check.run();
            if (check.level() > 0) check.note();
            report(check, result);
        }
    return result;
}

}  // namespace

Run define_backup_verify(Arguments& arguments) {
    auto options = std::make_shared<VerifyOptions>();
    auto level = std::make_shared<std::string>("1");
    arguments.positional("ITEM", options->items, "items of [backup.items] (default: all)")
        .completes(Names::item);
    arguments
        .option("--level",
                "LEVEL",
                *level,
                "0 the listing against the manifests, 1 checksums, 2 opened and listed, 3 restored into a "
                "throw-away container")
        .one_of({"0", "1", "2", "3"})
        .otherwise("1");
    arguments.option("--run", "RUN", options->run, "of this run");
    arguments.option("--at",
                     "WHEN",
                     options->at,
                     "of the newest run at or before this time: \"yesterday 18:00\", 2026-11-24, \"3h ago\"");
    arguments.option("--server", "SERVER", options->server, "this server's").completes(Names::server);
    arguments.option("--store", "STORE", options->store, "in this store alone").completes(Names::storage);
    return [options, level](Session& session) {
        options->level = level->front() - '0';
        return verify(*options, session);
    };
}

}  // namespace kavi::app
