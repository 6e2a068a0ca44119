#include <kavi/base/error_codes.hpp>
#include <kavi/base/hash.hpp>
#include <kavi/ops/backup/verify_listing.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::ops {

namespace {

std::vector<std::string> causes_of(const Error& error) {
    return error.causes();
}

void add_flaws(const StoredRun& run,
               const std::set<std::string>& items,
               std::vector<VerifyFinding>& findings) {
    for (const auto& artefact : run.manifest.artefacts) {
        if (!items.empty() && !items.contains(artefact.item)) continue;
        if (const auto flaw = run.flaws.find(artefact.file); flaw != run.flaws.end())
            findings.push_back(
                {run.run, artefact.item, artefact.file, fmt::format("{} {}", artefact.file, flaw->second)});
    }
}

}  // namespace

std::vector<VerifyFinding> verify_listing(const Catalog& catalog,
                                          const std::set<std::string>& runs,
                                          const std::set<std::string>& items) {
    std::vector<VerifyFinding> findings;
    const auto wanted = [&](const std::string& run) { return runs.empty() || runs.contains(run); };
    for (const auto& run : catalog.refused)
        if (wanted(run.run)) findings.push_back({run.run, "", "", run.why.message(), causes_of(run.why)});
    for (const auto& run : catalog.runs)
        if (wanted(run.run)) add_flaws(run, items, findings);
    for (const auto& fault : catalog.faults)
        if (wanted(fault.run))
            findings.push_back({fault.run,
                                "",
                                "",
                                fmt::format("the manifest of run {} doesn't fit the chain", fault.run),
                                {fault.message}});
    return findings;
}

std::string stored_sha256(store::Store& store, const std::string& path, std::stop_token stop) {
    if (auto known = store.sha256(path)) return *known;
    Sha256 hash;
    store.read(path, [&](std::string_view bytes) {
        if (stop.stop_requested()) throw Error(errors::interrupted, "interrupted");
        hash.add(bytes);
    });
    return hash.hex();
}

std::vector<VerifyFinding> verify_checksums(store::Store& store,
                                            const Catalog& catalog,
                                            const std::vector<Chosen>& chosen,
                                            const std::function<void(const Artefact&)>& on_file,
                                            std::stop_token stop) {
    std::vector<VerifyFinding> findings;
    std::set<std::string> done;
    for (const auto& one : chosen)
        for (const auto& artefact : one.artefacts) {
            if (one.run->flaws.contains(artefact.file) || !done.insert(artefact.file).second) continue;
            if (stop.stop_requested()) throw Error(errors::interrupted, "interrupted");
            on_file(artefact);
            const auto add = [&](std::string says, std::vector<std::string> causes = {}) {
                findings.push_back({one.run->run,
                                    artefact.item,
                                    artefact.file,
                                    fmt::format("{} {}", artefact.file, says),
                                    std::move(causes)});
            };
            try {
                const auto found = stored_sha256(store, artefact_path(catalog, artefact), stop);
                if (found != artefact.sha256)
                    add("isn't what was stored",
                        {fmt::format("its SHA-256 is {}, its manifest says {}", found, artefact.sha256)});
            } catch (const Error& error) {
                if (error.code() != errors::store_missing) throw;
                add("is missing");
            }
        }
    return findings;
}

}  // namespace kavi::ops
