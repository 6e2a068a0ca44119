#include "../render/plan.hpp"
#include "../render/progress.hpp"
#include "../restore_access.hpp"
#include "../restore_drill.hpp"
#include "../restore_here.hpp"
#include "commands.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/restore/kept.hpp>
#include <kavi/ops/restore/plan.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <memory>

namespace kavi::app {

namespace {

struct RestoreOptions {
    std::vector<std::string> items;
    std::optional<std::string> at, run, database, table, into, server, store;
    std::vector<std::string> paths;
    bool drill = false, drop_kept = false;
    ChangeOptions change;
};

/// Where `--into` leads.
struct Into {
    std::string database, server,
        folder;  ///< folder: of the server, where there is one, else of this machine

    bool here() const { return server.empty() && !folder.empty(); }
};

Into parse_into(const std::optional<std::string>& text, const model::Estate& estate) {
    if (!text) return {};
    constexpr std::string_view database = "db:";
    if (text->starts_with(database))
        return {.database = text->substr(database.size()), .server = {}, .folder = {}};
    const auto colon = text->find(':');
    const auto server = text->substr(0, colon);
    if (!estate.servers.contains(server)) return {.database = {}, .server = {}, .folder = *text};
    return {.database = {},
            .server = server,
            .folder = colon == std::string::npos ? "" : text->substr(colon + 1)};
}

class Restore {
  public:
    Restore(const RestoreOptions& options, Session& session)
        : options_(options),
          session_(session),
          estate_(session, "kavi restore", options.change.lock_wait.value_or(std::chrono::milliseconds(0))),
          backups_(session, estate_),
          access_(session, estate_, backups_),
          into_(parse_into(options.into, estate_.estate())) {}

    Result run() {
        check();
        if (options_.drop_kept) return drop_kept();
        when();
        if (options_.drill)
            return deep_verify(
                session_,
                estate_,
                backups_,
                {.items = options_.items, .when = when_, .server = options_.server, .store = options_.store});
        if (into_.here()) return here();
        for (const auto& server : servers()) plan_server(server);
        return apply();
    }

  private:
    void check() const {
        check_modes();
        if (options_.run && options_.at) throw Error(errors::usage, "--run and --at can't go together");
        if (options_.items.empty() &&
            (options_.database || options_.table || !options_.paths.empty() || options_.into))
            throw Error(errors::usage, "name the item that this is of");
        if (options_.items.size() > 1 && (options_.database || options_.table || !options_.paths.empty()))
            throw Error(errors::usage, "--database, --table and --path are of one item");
    }

    void check_modes() const {
        const bool partly = options_.into || options_.database || options_.table || !options_.paths.empty();
        if (options_.drill && (partly || options_.drop_kept || options_.change.dry_run))
            throw Error(errors::usage,
                        "--drill restores whole items, into throw-away containers, and changes nothing else");
        if (options_.drop_kept && (partly || options_.at || options_.run))
            throw Error(errors::usage, "--drop-kept takes items and --server, and nothing else");
    }

    void when() {
        if (options_.at) when_ = ops::parse_when(*options_.at, backups_.now(), backups_.zone());
        if (!options_.run) return;
        if (!ops::run_time(*options_.run))
            throw Error(errors::usage, fmt::format("'{}' is no run", printable(*options_.run)))
                .fix("kavi backup list shows them");
        when_ = {.run = *options_.run};
    }

    std::vector<std::string> servers() const {
        auto all = backups_.servers(options_.items);
        // Images are of every server that runs any.
        for (const auto& name : options_.items)
            if (is_images(name))
                for (const auto& [stack, declared] : estate_.estate().stacks)
                    if (std::ranges::find(all, declared.server) == all.end()) all.push_back(declared.server);
        if (options_.server) {
            require_name("backup of", *options_.server, all);
            all = {*options_.server};
        }
        if (!into_.server.empty() && all.size() > 1)
            throw Error(errors::usage, "--into SERVER takes items of one server");
        return all;
    }

    bool is_images(const std::string& item) const {
        const auto found = estate_.estate().backup.items.find(item);
        return found != estate_.estate().backup.items.end() &&
               found->second.kind == model::BackupItem::Kind::images;
    }

    const ops::Catalog& catalog(const std::string& server) {
        const auto stores = backups_.stores(options_.store);
        return catalogs_.emplace_back(backups_.catalog(stores.front(), server));
    }

    /// Items that the command names and that are of this server.
    std::vector<ops::RestoreWish> wishes(const std::string& server) const {
        std::vector<ops::RestoreWish> all;
        for (const auto& name : options_.items) {
            if (!is_images(name) &&
                server_of_item(estate_.loaded(), estate_.estate().backup.items.at(name)) != server)
                continue;
            all.push_back({.item = name,
                           .database = options_.database.value_or(""),
                           .table = options_.table.value_or(""),
                           .into_database = into_.database,
                           .paths = options_.paths,
                           .into_folder = into_.folder});
        }
        return all;
    }

    ops::RestoreRequest request(const std::string& server) {
        return {.loaded = estate_.loaded(),
                .catalog = catalog(server),
                .server = into_.server.empty() ? server : into_.server,
                .wishes = wishes(server),
                .at = when_.at,
                .run = when_.run,
                .now = backups_.now()};
    }

    void plan_server(const std::string& server) {
        auto actions = ops::plan_restore(request(server));
        std::ranges::move(actions, std::back_inserter(plan_.actions));
    }

    Result apply() {
        const auto progress = make_progress(session_.output, session_.clock);
        ops::RestoreHandler handler(access_.tools(*progress));
        const run::Handlers handlers{{"restore", &handler}};
        auto result = change(session_,
                             options_.change,
                             {.command = "Restore",
                              .headline = fmt::format("estate {} · restore", estate_.estate().name),
                              .nothing = "nothing to restore",
                              .plan = plan_,
                              .handlers = handlers,
                              .listener = *progress,
                              .record = estate_.record(),
                              .before_apply = [this] { static_cast<void>(access_.identities()); }});
        tell(handler, result);
        return result;
    }

    static void tell(const ops::RestoreHandler& handler, Result& result) {
        auto restored = OrderedJson::array();
        bool kept = false;
        for (const auto& [id, one] : handler.results()) {
            restored.push_back({{"id", id},
                                {"bytes", one.bytes},
                                {"seconds", one.seconds},
                                {"rows", one.rows},
                                {"kept", one.kept},
                                {"restarted", one.restarted},
                                {"warnings", one.warnings}});
            const auto subject = id.substr(std::min(id.size(), std::string_view("restore/").size()));
            std::string line = fmt::format("  {}: {}", subject, ops::size_text(one.bytes));
            if (one.rows > 0) line += fmt::format(", {} rows as in the manifest", one.rows);
            if (!one.restarted.empty()) line += fmt::format("; {} restarted", join(one.restarted, ", "));
            result.text += line + "\n";
            if (!one.kept.empty()) result.text += fmt::format("    what it replaced: {}\n", one.kept);
            for (const auto& warning : one.warnings) result.text += fmt::format("    note: {}\n", warning);
            kept = kept || !one.kept.empty();
        }
        if (kept) result.text += "  once all is well: kavi restore --drop-kept\n";
        if (!restored.empty()) result.data["restored"] = std::move(restored);
    }

    Result here() {
        auto result = Result{.data = {{"files", OrderedJson::array()}}};
        for (const auto& server : servers())
            restore_here(request(server),
                         {.session = session_,
                          .backups = backups_,
                          .access = access_,
                          .estate = estate_.estate().name,
                          .folder = into_.folder},
                         result);
        return result;
    }

    Result drop_kept() {
        const auto progress = make_progress(session_.output, session_.clock);
        const auto names = options_.server ? std::vector{*options_.server} : backups_.servers(options_.items);
        for (const auto& server : names) {
            access_.learn(server);
            const auto found = ops::find_kept(estate_.hosts().at(server, session_.stop),
                                              estate_.loaded(),
                                              server,
                                              options_.items,
                                              session_.stop);
            ops::plan_drop_kept(plan_, server, found);
        }
        ops::DropKeptHandler handler([this](const std::string& server, std::stop_token stop) -> host::Host& {
            return estate_.hosts().at(server, stop);
        });
        const run::Handlers handlers{{"drop-kept", &handler}};
        return change(
            session_,
            options_.change,
            {.command = "Drop",
             .headline = fmt::format("estate {} · what earlier restores replaced", estate_.estate().name),
             .nothing = "no restore has left anything behind",
             .plan = plan_,
             .handlers = handlers,
             .listener = *progress,
             .record = estate_.record()});
    }

    const RestoreOptions& options_;
    Session& session_;
    EstateSession estate_;
    BackupAccess backups_;
    RestoreAccess access_;
    Into into_;
    ops::When when_;
    std::deque<ops::Catalog> catalogs_;
    plan::Plan plan_;
};

}  // namespace

Run define_restore(Arguments& arguments) {
    auto options = std::make_shared<RestoreOptions>();
    arguments.positional("ITEM", options->items, "items of [backup.items] (default: all)")
        .completes(Names::item);
    arguments.option("--at",
                     "WHEN",
                     options->at,
                     "the newest backup at or before this time: \"yesterday 18:00\", 2026-11-24, \"3h ago\"");
    arguments.option("--run", "RUN", options->run, "of this run");
    arguments.option("--database", "NAME", options->database, "this database alone");
    arguments.option("--table", "TABLE", options->table, "this table alone: with --into db:NAME");
    arguments.option(
        "--path", "PATH", options->paths, "this file or folder of the item alone (may be given again)");
    arguments.option("--into",
                     "WHERE",
                     options->into,
                     "db:NAME (another database), SERVER or SERVER:/FOLDER, or a folder of this machine");
    arguments.option("--server", "SERVER", options->server, "this server's alone").completes(Names::server);
    arguments.option("--store", "STORE", options->store, "from this store").completes(Names::storage);
    arguments.flag(
        "--drill", options->drill, "restore into throw-away containers, count, measure, and note it");
    arguments.flag("--drop-kept", options->drop_kept, "remove what earlier restores replaced");
    declare(arguments, options->change);
    return [options](Session& session) { return Restore(*options, session).run(); };
}

}  // namespace kavi::app
