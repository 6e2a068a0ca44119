#include "estate_copies.hpp"

#include <kavi_version.hpp>

#include <kavi/base/clock.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/ops/recover/estate_copy.hpp>

#include <fmt/format.h>

#include <vector>

namespace kavi::app {

namespace {

/// Whether the store got a copy.
bool keep_in(const std::string& name, const ops::EstateCopyRequest& request, Session& session, EstateSession& estate, BackupAccess& backups) {
    auto& store = backups.store(name, StoreUse::prune);
    const auto catalog = ops::read_catalog(store,
                                           {.estate = request.estate.name,
                                            .server = std::string(ops::estate_copy_server),
                                            .signers = backups.signers(std::string(ops::estate_copy_server)),
                                            .newest = 1});
    if (ops::estate_copy_is_current(catalog, request)) return false;
    const auto signer = estate.access().signer();
    ops::store_estate_copy(store, catalog, request, *signer, session.stop);
    return true;
}

std::optional<std::string> keep(Session& session, EstateSession& estate, BackupAccess& backups) {
    if (session.output.voice().ci != CiKind::none || estate.estate().backup.stores.empty()) return std::nullopt;
    const auto archive = ops::archive_estate(estate.estate(), session.stop);
    const ops::EstateCopyRequest request{.estate = estate.estate(),
                                         .archive = archive,
                                         .run = estate.record().run,
                                         .now = iso8601(session.clock.now()),
                                         .version = KAVI_VERSION};
    std::vector<std::string> got;
    for (const auto& store : backups.stores())
        if (keep_in(store, request, session, estate, backups)) got.push_back(store);
    if (got.empty()) return std::nullopt;
    return fmt::format("the estate's own {} files are kept in {}", archive.files, fmt::join(got, ", "));
}

}  // namespace

std::optional<std::string> keep_estate_copy(Session& session, EstateSession& estate, BackupAccess& backups) {
    try {
        return keep(session, estate, backups);
    } catch (const Error& error) {
        if (error.code() == errors::interrupted) throw;
        return fmt::format("the estate's own files couldn't be kept in a store: {}", error.message());
    }
}

}  // namespace kavi::app
