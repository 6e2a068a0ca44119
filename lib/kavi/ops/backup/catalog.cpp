#include <kavi/base/clock.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/ops/backup/catalog.hpp>
#include <kavi/ops/backup/when.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

namespace kavi::ops {

namespace {

constexpr std::string_view manifest_name = "manifest.json";
constexpr std::string_view signature_name = "manifest.json.sig";
constexpr std::string_view images_folder = "images";
constexpr std::uint64_t largest_manifest = 16u << 20;

/// "20261125T060000Z-4f2a" of "20261125T060000Z-4f2a/manifest.json"; empty: the file lies in no run's folder.
std::string_view run_of(std::string_view file) {
    const auto folder = file.substr(0, file.find('/'));
    return folder.size() < file.size() && run_time(folder) ? folder : std::string_view{};
}

/// Below the server's folder.
std::string_view inner(const std::string& path, std::string_view folder) {
    return path.size() > folder.size() + 1 ? std::string_view(path).substr(folder.size() + 1)
                                           : std::string_view{};
}

/// Puts what was seen of a server together.
class Maker {
  public:
    Maker(CatalogSeen seen, const ManifestSigners& signers)
        : seen_(std::move(seen)), signers_(signers), folder_(backup_folder(seen_.estate, seen_.server)) {}

    Catalog make() {
        catalog_ = {.store = seen_.store, .estate = seen_.estate, .server = seen_.server};
        for (const auto& file : seen_.files) sizes_[std::string(inner(file.path, folder_))] = file.bytes;
        sort_runs();
        find_flaws();
        find_unnamed();
        look_at_chain();
        look_for_lost_manifests();
        // Within one second, damage found is what counts.
        std::ranges::sort(
            catalog_.verified, {}, [](const VerifiedNote& note) { return std::pair(note.at, !note.ok); });
        catalog_.files = std::move(seen_.files);
        catalog_.parts = std::move(seen_.parts);
        return std::move(catalog_);
    }

  private:
    void sort_runs() {
        std::set<std::string, std::greater<>> folders;
        for (const auto& [file, bytes] : sizes_)
            if (const auto run = run_of(file); !run.empty()) folders.emplace(run);
        for (const auto& part : seen_.parts)
            if (const auto run = run_of(inner(part.path, folder_)); !run.empty()) folders.emplace(run);
        for (const auto& run : folders) {
            if (!sizes_.contains(fmt::format("{}/{}", run, manifest_name)))
                catalog_.unfinished.push_back(run);
            else if (const auto bytes = seen_.manifests.find(run); bytes == seen_.manifests.end())
                catalog_.unread.push_back(run);
            else
                open(run, bytes->second);
        }
    }

    void open(const std::string& run, const ManifestBytes& bytes) {
        const auto source = fmt::format("the manifest of run {}", run);
        try {
            if (!bytes.manifest)
                throw Error(errors::integrity, source + " went away while it was being read");
            if (!bytes.signature) throw Error(errors::backup_untrusted, source + " isn't signed");
            auto manifest = open_manifest(*bytes.manifest, *bytes.signature, signers_, source);
            require_place(manifest, run, source);
            catalog_.runs.push_back({.run = run,
                                     .time = *run_time(run),
                                     .manifest = std::move(manifest),
                                     .digest = manifest_digest(*bytes.manifest)});
        } catch (const Error& error) {
            catalog_.refused.push_back({run, error});
        }
    }

    /// A good manifest that somebody put into another run's or server's folder isn't that one's.
    void require_place(const Manifest& manifest, const std::string& run, const std::string& source) const {
        const auto said = run_folder(manifest.estate, manifest.server, manifest.run);
        const auto place = run_folder(seen_.estate, seen_.server, run);
        if (said == place) return;
        throw Error(errors::integrity, fmt::format("{} belongs elsewhere", source))
            .because(fmt::format("it is that of {}, and lies in {}", said, place));
    }

    void find_flaws() {
        for (auto& run : catalog_.runs)
            for (const auto& artefact : run.manifest.artefacts) {
                const auto found = sizes_.find(artefact.file);
                if (found == sizes_.end())
                    run.flaws[artefact.file] = "is missing";
                else if (found->second != artefact.bytes)
                    run.flaws[artefact.file] =
                        fmt::format("has {} bytes, its manifest says {}", found->second, artefact.bytes);
            }
    }

    /// What can't be judged is left out: files of runs that weren't read or are refused, and shared images
    /// while there is such a run, since it may name them.
    void find_unnamed() {
        std::set<std::string, std::less<>> named, unjudged(catalog_.unread.begin(), catalog_.unread.end());
        for (const auto& run : catalog_.refused) unjudged.insert(run.run);
        const bool all_known = unjudged.empty();
        unjudged.insert(catalog_.unfinished.begin(), catalog_.unfinished.end());
        for (const auto& run : catalog_.runs) {
            named.insert(fmt::format("{}/{}", run.run, manifest_name));
            named.insert(fmt::format("{}/{}", run.run, signature_name));
            for (const auto& artefact : run.manifest.artefacts) named.insert(artefact.file);
        }
        for (const auto& [file, bytes] : sizes_) {
            if (auto note = parse_note_file(file)) {
                catalog_.verified.push_back(std::move(*note));
            } else if (!named.contains(file) && !unjudged.contains(run_of(file)) &&
                       (all_known || !file.starts_with(fmt::format("{}/", images_folder)))) {
                catalog_.unnamed.push_back(fmt::format("{}/{}", folder_, file));
            }
        }
    }

    void look_at_chain() {
        for (auto i = catalog_.runs.size(); i-- > 1;) {
            const auto &older = catalog_.runs[i], &newer = catalog_.runs[i - 1];
            const auto step = newer.manifest.sequence - older.manifest.sequence;
            if (step < 1)
                catalog_.faults.push_back({newer.run,
                                           fmt::format("its sequence {} doesn't follow {} of run {}",
                                                       newer.manifest.sequence,
                                                       older.manifest.sequence,
                                                       older.run)});
            else if (step == 1 && newer.manifest.previous != older.digest)
                catalog_.faults.push_back(
                    {newer.run,
                     fmt::format("it names another manifest before it than that of run {}", older.run)});
            else if (step > 1)
                catalog_.gaps.push_back({older.run, newer.run, step - 1});
        }
    }

    /// A folder without a manifest is a run that was cut off, but for signs that it had one.
    void look_for_lost_manifests() {
        for (auto run = catalog_.unfinished.rbegin(); run != catalog_.unfinished.rend(); ++run) {
            const bool counted = std::ranges::any_of(
                catalog_.gaps, [&](const ChainGap& gap) { return gap.before < *run && *run < gap.after; });
            if (sizes_.contains(fmt::format("{}/{}", *run, signature_name)))
                catalog_.faults.push_back(
                    {*run, "its manifest is missing, and the signature of it is there"});
            else if (counted)
                catalog_.faults.push_back(
                    {*run, "its manifest is missing, and the sequence of the others counts it"});
        }
        std::ranges::stable_sort(catalog_.faults, {}, &ChainFault::run);
    }

    CatalogSeen seen_;
    const ManifestSigners& signers_;
    std::string folder_;
    Catalog catalog_;
    std::map<std::string, std::uint64_t, std::less<>> sizes_;  // by the path below folder_
};

/// One that is larger than any manifest is cut there: no signature fits it.
std::optional<std::string> read_if_there(store::Store& store, const std::string& path) {
    try {
        std::string bytes;
        store.read(
            path, [&](std::string_view piece) { bytes += piece; }, 0, largest_manifest);
        return bytes;
    } catch (const Error& error) {
        if (error.code() != errors::store_missing) throw;
        return std::nullopt;
    }
}

std::string named(std::string_view item, std::string_view part) {
    return part.empty() ? std::string(item) : fmt::format("{} of {}", part, item);
}

bool concerns(std::string_view item,
              std::string_view part,
              std::string_view its_item,
              std::string_view its_part) {
    return its_item == item && (part.empty() || its_part.empty() || its_part == part);
}

std::vector<Artefact> artefacts_of(const Manifest& manifest, std::string_view item, std::string_view part) {
    std::vector<Artefact> found;
    for (const auto& artefact : manifest.artefacts)
        if (artefact.item == item && (part.empty() || artefact.part == part)) found.push_back(artefact);
    return found;
}

/// Why this run can't give the item; empty: it never had it.
std::string why_not(const StoredRun& run, std::string_view item, std::string_view part) {
    for (const auto& failure : run.manifest.failures)
        if (concerns(item, part, failure.item, failure.part))
            return fmt::format("in run {} it failed: {}", run.run, failure.message);
    for (const auto& artefact : artefacts_of(run.manifest, item, part))
        if (const auto flaw = run.flaws.find(artefact.file); flaw != run.flaws.end())
            return fmt::format("in run {} {} {}", run.run, artefact.file, flaw->second);
    return {};
}

}  // namespace

bool StoredRun::has_whole(std::string_view item, std::string_view part) const {
    return !artefacts_of(manifest, item, part).empty() && why_not(*this, item, part).empty();
}

const StoredRun* Catalog::find(std::string_view run) const {
    const auto found = std::ranges::find(runs, run, &StoredRun::run);
    return found == runs.end() ? nullptr : &*found;
}

std::vector<std::string> Catalog::all_runs() const {
    auto all = unread;
    for (const auto& run : runs) all.push_back(run.run);
    for (const auto& run : refused) all.push_back(run.run);
    std::ranges::sort(all, std::greater<>());
    return all;
}

Catalog make_catalog(CatalogSeen seen, const ManifestSigners& signers) {
    return Maker(std::move(seen), signers).make();
}

Catalog read_catalog(store::Store& store, const CatalogRequest& request) {
    const auto folder = backup_folder(request.estate, request.server);
    CatalogSeen seen{.store = store.name(),
                     .estate = request.estate,
                     .server = request.server,
                     .files = store.list(folder),
                     .parts = store.unfinished(folder)};
    std::vector<std::string> runs;
    for (const auto& file : seen.files) {
        const auto run = run_of(inner(file.path, folder));
        if (!run.empty() && inner(file.path, folder).substr(run.size() + 1) == manifest_name)
            runs.emplace_back(run);
    }
    std::ranges::sort(runs, std::greater<>());
    if (request.newest && runs.size() > *request.newest) runs.resize(*request.newest);
    for (const auto& run : runs) {
        const auto at = run_folder(request.estate, request.server, run);
        seen.manifests[run] = {read_if_there(store, fmt::format("{}/{}", at, manifest_name)),
                               read_if_there(store, fmt::format("{}/{}", at, signature_name))};
    }
    return make_catalog(std::move(seen), request.signers);
}

std::string run_folder(std::string_view estate, std::string_view server, std::string_view run) {
    return fmt::format("{}/{}", backup_folder(estate, server), run);
}

std::string artefact_path(const Catalog& catalog, const Artefact& artefact) {
    return fmt::format("{}/{}", backup_folder(catalog.estate, catalog.server), artefact.file);
}

Chosen choose(const Catalog& catalog,
              std::string_view item,
              std::string_view part,
              std::optional<std::chrono::sys_seconds> at) {
    std::string nearest;
    for (const auto& run : catalog.runs) {
        if (at && run.time > *at) continue;
        if (run.has_whole(item, part)) return {&run, artefacts_of(run.manifest, item, part)};
        if (nearest.empty()) nearest = why_not(run, item, part);
    }
    Error error(
        errors::backup_missing,
        at ? fmt::format("there is no whole backup of {} from {} or before", named(item, part), iso8601(*at))
           : fmt::format("there is no whole backup of {}", named(item, part)));
    if (!nearest.empty()) error.because(nearest);
    for (const auto& refused : catalog.refused)
        if (!at || *run_time(refused.run) <= *at)
            error.because(fmt::format("run {} doesn't count: {}", refused.run, refused.why.message()));
    throw error.fix(fmt::format("see what there is: kavi backup list {}", item));
}

Chosen choose_run(const Catalog& catalog,
                  std::string_view run,
                  std::string_view item,
                  std::string_view part) {
    if (const auto* found = catalog.find(run)) {
        if (found->has_whole(item, part)) return {found, artefacts_of(found->manifest, item, part)};
        Error error(errors::backup_missing,
                    fmt::format("run {} doesn't have {} whole", run, named(item, part)));
        if (const auto why = why_not(*found, item, part); !why.empty()) error.because(why);
        throw error.fix(fmt::format("see what there is: kavi backup list {}", item));
    }
    const auto refused = std::ranges::find(catalog.refused, run, &RefusedRun::run);
    if (refused != catalog.refused.end()) throw refused->why;
    throw Error(errors::backup_missing, fmt::format("there is no run {} of {}", run, catalog.server))
        .fix("see what there is: kavi backup list");
}

}  // namespace kavi::ops
