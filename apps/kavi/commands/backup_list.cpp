#include "../backup_access.hpp"
#include "commands.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

namespace kavi::app {

namespace {

struct ListOptions {
    std::vector<std::string> items;
    std::optional<std::string> server;
    std::optional<std::string> store;
    bool all = false;
};

constexpr std::size_t usual_runs = 20;

/// An item as one run has it.
struct ItemInRun {
    std::string item, kind;
    std::vector<std::string> parts;
    std::uint64_t bytes = 0, plain_bytes = 0;
    bool whole = false;
};

std::vector<ItemInRun> items_in(const ops::StoredRun& run, const std::vector<std::string>& wanted) {
    std::vector<ItemInRun> items;
    for (const auto& artefact : run.manifest.artefacts) {
        if (!wanted.empty() && std::ranges::find(wanted, artefact.item) == wanted.end()) continue;
        auto found = std::ranges::find(items, artefact.item, &ItemInRun::item);
        if (found == items.end())
            found = items.insert(items.end(),
                                 {artefact.item, artefact.kind, {}, 0, 0, run.has_whole(artefact.item)});
        if (!artefact.part.empty()) found->parts.push_back(artefact.part);
        found->bytes += artefact.bytes;
        found->plain_bytes += artefact.plain_bytes;
    }
    return items;
}

/// The best level at which this run was verified, or that damage was found: by the last look at each item and
/// level.
std::string verified_text(const ops::Catalog& catalog, const std::string& run) {
    std::map<std::pair<std::string, int>, bool> last;
    for (const auto& note : catalog.verified)
        if (note.run == run) last[{note.item, note.level}] = note.ok;
    int best = -1;
    for (const auto& [item_and_level, ok] : last) {
        const auto& [item, level] = item_and_level;
        if (!ok) return fmt::format("{} is damaged (level {})", item, level);
        best = std::max(best, level);
    }
    return best < 0 ? "" : fmt::format("verified {}", best);
}

/// What one store has of one server, in words and as JSON.
class Listing {
  public:
    Listing(const ops::Catalog& catalog,
            const ListOptions& options,
            BackupAccess& access,
            const Stream& stream)
        : catalog_(catalog), options_(options), zone_(access.zone()), now_(access.now()), stream_(stream) {}

    std::string text() const {
        auto text = headline() + "\n";
        for (const auto& run : catalog_.all_runs()) {
            if (const auto* good = catalog_.find(run)) text += run_text(*good);
            const auto refused = std::ranges::find(catalog_.refused, run, &ops::RefusedRun::run);
            if (refused != catalog_.refused.end())
                text +=
                    line(run, "-", "") + complaint(fmt::format("doesn't count: {}", refused->why.message()));
        }
        if (!catalog_.unread.empty())
            text += fmt::format("  … and {} older (--all)\n", catalog_.unread.size());
        for (const auto& fault : catalog_.faults)
            text += complaint(fmt::format("run {}: {}", fault.run, fault.message));
        for (const auto& gap : catalog_.gaps)
            text += fmt::format("  between {} and {} {} run{} gone: pruned, or taken away\n",
                                gap.before,
                                gap.after,
                                gap.missing,
                                gap.missing == 1 ? " is" : "s are");
        for (const auto& run : catalog_.unfinished)
            text += fmt::format("  {} never came to an end: no backup\n", run);
        return text;
    }

    OrderedJson json() const {
        auto runs = OrderedJson::array(), refused = OrderedJson::array(), gaps = OrderedJson::array();
        for (const auto& run : catalog_.runs) runs.push_back(run_json(run));
        for (const auto& run : catalog_.refused)
            refused.push_back({{"run", run.run}, {"code", run.why.code().id}, {"why", run.why.message()}});
        for (const auto& gap : catalog_.gaps)
            gaps.push_back({{"before", gap.before}, {"after", gap.after}, {"missing", gap.missing}});
        return {{"store", catalog_.store},
                {"server", catalog_.server},
                {"runs", std::move(runs)},
                {"refused", std::move(refused)},
                {"unread", catalog_.unread},
                {"unfinished", catalog_.unfinished},
                {"gaps", std::move(gaps)},
                {"faults", catalog_.faults.size()}};
    }

  private:
    std::string headline() const {
        const auto count = catalog_.all_runs().size();
        auto text =
            fmt::format("{} in {} · {} run{}", catalog_.server, catalog_.store, count, count == 1 ? "" : "s");
        if (!catalog_.runs.empty())
            text += fmt::format(", the newest {} old", ops::age_text(now_ - catalog_.runs.front().time));
        return text;
    }

    std::string line(const std::string& run, std::string_view size, std::string_view what) const {
        const auto time = *ops::run_time(run);
        auto text = fmt::format("  {}  {}  {:>7}  {:>7}  {}",
                                run,
                                ops::local_text(time, zone_),
                                ops::age_text(now_ - time),
                                size,
                                what);
        if (stream_.terminal) text = cut(text, stream_.width);
        while (text.ends_with(' ')) text.pop_back();
        return text + "\n";
    }

    std::string complaint(std::string_view what) const {
        const auto width = stream_.terminal ? stream_.width - 4 : 100000;
        return "    " + paint(Tone::bad, wrap(fmt::format("! {}", what), width, 6), stream_.colour) + "\n";
    }

    std::string run_text(const ops::StoredRun& run) const {
        const auto items = items_in(run, options_.items);
        const bool concerns = options_.items.empty() || !items.empty() || !failures_of(run).empty();
        if (!concerns) return {};
        std::uint64_t bytes = 0;
        std::vector<std::string> names;
        for (const auto& item : items) {
            bytes += item.bytes;
            names.push_back(item_text(item));
        }
        auto what = join(names, ", ");
        if (const auto verified = verified_text(catalog_, run.run); !verified.empty())
            what = verified + " · " + what;
        auto text = line(run.run, ops::size_text(bytes), what);
        for (const auto& failure : failures_of(run)) text += complaint(failure);
        return text;
    }

    /// "databases (infisical, kuanary)" where the item was asked for, else "databases 2".
    std::string item_text(const ItemInRun& item) const {
        if (item.parts.empty()) return item.item;
        if (options_.items.empty()) return fmt::format("{} {}", item.item, item.parts.size());
        return fmt::format("{} ({})", item.item, join(item.parts, ", "));
    }

    bool wanted(const std::string& item) const {
        return options_.items.empty() || std::ranges::find(options_.items, item) != options_.items.end();
    }

    std::vector<std::string> failures_of(const ops::StoredRun& run) const {
        std::vector<std::string> failures;
        for (const auto& failure : run.manifest.failures)
            if (wanted(failure.item))
                failures.push_back(fmt::format("{}{}{} failed: {}",
                                               failure.item,
                                               failure.part.empty() ? "" : " ",
                                               failure.part,
                                               printable(failure.message)));
        for (const auto& artefact : run.manifest.artefacts)
            if (const auto flaw = run.flaws.find(artefact.file);
                flaw != run.flaws.end() && wanted(artefact.item))
                failures.push_back(fmt::format("{} {}", artefact.file, flaw->second));
        return failures;
    }

    OrderedJson run_json(const ops::StoredRun& run) const {
        auto items = OrderedJson::array();
        for (const auto& item : items_in(run, options_.items))
            items.push_back({{"item", item.item},
                             {"kind", item.kind},
                             {"parts", item.parts},
                             {"bytes", item.bytes},
                             {"plain_bytes", item.plain_bytes},
                             {"whole", item.whole}});
        auto verified = OrderedJson::array();
        for (const auto& note : catalog_.verified)
            if (note.run == run.run && wanted(note.item))
                verified.push_back(
                    {{"item", note.item}, {"level", note.level}, {"ok", note.ok}, {"at", iso8601(note.at)}});
        return {{"run", run.run},
                {"started", run.manifest.started},
                {"finished", run.manifest.finished},
                {"age_seconds", (now_ - run.time).count()},
                {"sequence", run.manifest.sequence},
                {"kavi", run.manifest.kavi},
                {"items", std::move(items)},
                {"failures", failures_of(run)},
                {"warnings", run.manifest.warnings},
                {"verified", std::move(verified)}};
    }

    const ops::Catalog& catalog_;
    const ListOptions& options_;
    const ops::TimeZone& zone_;
    std::chrono::sys_seconds now_;
    const Stream& stream_;
};

Result list(const ListOptions& options, Session& session) {
    EstateSession estate(session, "kavi backup list");
    BackupAccess access(session, estate);
    const auto stores = access.stores(options.store);
    const auto owners = access.owners(options.server, options.items);
    Result result{.data = {{"catalogs", OrderedJson::array()}}};
    for (const auto& store : stores)
        for (const auto& server : owners) {
            try {
                const auto newest = options.all ? std::nullopt : std::optional(usual_runs);
                const auto catalog = access.catalog(store, server, newest);
                const Listing listing(catalog, options, access, session.output.out());
                result.text += (result.text.empty() ? "" : "\n") + listing.text();
                result.data["catalogs"].push_back(listing.json());
            } catch (const Error& error) {
                if (error.code() == errors::interrupted || stores.size() == 1) throw;
                result.errors.push_back(error);
                result.exit = Exit::partial;
            }
        }
    return result;
}

}  // namespace

Run define_backup_list(Arguments& arguments) {
    auto options = std::make_shared<ListOptions>();
    arguments.positional("ITEM", options->items, "items of [backup.items] (default: all)")
        .completes(Names::item);
    arguments.option("--server", "SERVER", options->server, "this server's").completes(Names::server);
    arguments.option("--store", "STORE", options->store, "in this store alone").completes(Names::storage);
    arguments.flag("--all", options->all, "all runs, not the newest 20");
    return [options](Session& session) { return list(*options, session); };
}

}  // namespace kavi::app
