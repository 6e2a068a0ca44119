#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>
#include <kavi/seal/age_error.hpp>
#include <kavi/secrets/sealed_store.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace kavi::secrets {

namespace {

constexpr unsigned private_file = 0600;

/// What came of one place.
struct Found {
    model::Place place;
    std::string bytes;
    std::optional<OpenedBundle> opened;
    std::optional<Error> refused;  // it opens, but isn't to be believed; or is damaged
    bool not_for_us = false;       // no identity opens it
    bool there = false;
    std::optional<Error> unreachable;

    std::int64_t sequence() const { return opened ? opened->bundle.sequence : -1; }
};

Found look_at(const model::Place& place, const ReadSealed& request, std::stop_token stop) {
    Found found{.place = place};
    try {
        auto bytes = request.access.read(place, std::move(stop));
        if (!bytes) return found;
        found.there = true;
        found.bytes = std::move(*bytes);
    } catch (const Error& error) {
        if (error.code() == errors::interrupted) throw;
        found.unreachable = error;
        return found;
    }
    try {
        found.opened = open_bundle(found.bytes, request.identities, request.anchors, place.text());
    } catch (const seal::AgeError& error) {
        found.not_for_us = error.fault() == seal::AgeFault::no_match;
        if (!found.not_for_us)
            found.refused = Error(error).while_doing(fmt::format("opening {}", place.text()));
    } catch (const Error& error) {
        found.refused = error;
    }
    return found;
}

/// The local ones first: no network is needed for them.
std::vector<model::Place> in_order(const ReadSealed& request) {
    auto places = request.places;
    std::ranges::stable_partition(places, [](const model::Place& place) { return place.local(); });
    if (request.only && std::ranges::find(places, *request.only) == places.end())
        places.push_back(*request.only);
    return places;
}

std::vector<Found> look_around(const ReadSealed& request, std::stop_token stop) {
    std::vector<Found> all;
    const bool everywhere = request.all_places || request.only;
    for (const auto& place : in_order(request)) {
        all.push_back(look_at(place, request, stop));
        if (!everywhere && all.back().there) break;  // the working copy decides, opened or not
    }
    return all;
}

void refuse_older(const Found& chosen, const std::vector<Found>& all) {
    for (const auto& other : all)
        if (other.sequence() > chosen.sequence()) {
            Error error(errors::plan_stale,
                        fmt::format("the sealed copy {} is older than another", chosen.place.text()));
            error.because(fmt::format("{} holds number {}, this is number {}",
                                      other.place.text(),
                                      other.sequence(),
                                      chosen.sequence()));
            throw error.fix(fmt::format("take {}", other.place.text()));
        }
}

std::string why_none(const std::vector<Found>& all, bool identities) {
    std::vector<std::string> names;
    for (const auto& found : all) {
        if (found.not_for_us)
            return identities ? fmt::format("none of the identities at hand opens {}", found.place.text())
                              : fmt::format("no identity is at hand that could open {}", found.place.text());
        names.push_back(found.place.text());
    }
    if (names.empty()) return "the estate file names no place for sealed copies";
    return fmt::format("no sealed copy lies in {}", join(names, ", "));
}

void tell_of(const Found& found, const Found* best, SealedCopies& copies) {
    const auto name = found.place.text();
    if (found.unreachable) {
        copies.unreachable.push_back(name);
        copies.warnings.push_back(fmt::format("{} can't be reached: {}", name, found.unreachable->message()));
    }
    copies.unopened = copies.unopened || found.not_for_us;
    if (found.refused) {
        const auto& causes = found.refused->causes();
        copies.warnings.push_back(fmt::format(
            "{}{}{}", found.refused->message(), causes.empty() ? "" : ": ", causes.empty() ? "" : causes[0]));
    }
    if (best && found.bytes == best->bytes && found.there) copies.up_to_date.push_back(name);
}

}  // namespace

std::filesystem::path LocalPlaces::path_of(const model::Place& place) const {
    if (place.local()) return folder_ / place.path;
    throw Error(errors::network_failed, fmt::format("{} can't be reached from here", place.text()));
}

std::optional<std::string> LocalPlaces::read(const model::Place& place, std::stop_token) {
    return read_file_if_there(path_of(place));
}

void LocalPlaces::write(const model::Place& place, std::string_view bytes, std::stop_token) {
    write_file_atomic(path_of(place), bytes, private_file);
}

SealedContent SealedCopies::content() const {
    SealedContent content;
    content.why_not = why_not;
    content.warnings = warnings;
    if (!best) return content;
    content.sealed = best->bundle.sealed;
    content.folders = best->bundle.folders;
    content.description = best->bundle.description();
    return content;
}

SealedCopies read_sealed(const ReadSealed& request, std::stop_token stop) {
    auto all = look_around(request, std::move(stop));
    auto best = std::ranges::max_element(all, {}, &Found::sequence);
    if (request.only) {
        best = std::ranges::find(all, *request.only, &Found::place);
        if (best->refused) throw *best->refused;
        if (best->unreachable) throw *best->unreachable;
        if (best->opened) refuse_older(*best, all);
    }
    SealedCopies copies;
    const bool have = best != all.end() && best->opened;
    if (!have)
        for (const auto& found : all)
            if (found.refused) throw *found.refused;
    for (const auto& found : all) tell_of(found, have ? &*best : nullptr, copies);
    if (!have) {
        copies.why_not = why_none(all, !request.identities.empty());
        return copies;
    }
    copies.best = std::move(best->opened);
    copies.best_place = best->place.text();
    copies.best_bytes = std::move(best->bytes);
    return copies;
}

}  // namespace kavi::secrets
