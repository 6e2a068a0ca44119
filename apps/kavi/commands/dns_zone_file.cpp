#include "../dns_session.hpp"
#include "commands.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>
#include <kavi/model/zone_file.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <tuple>

namespace kavi::app {

namespace {

struct ExportOptions {
    std::vector<std::string> zones;
};

struct ImportOptions {
    std::optional<std::string> file, zone;
    bool write = false;
};

std::string left_out_text(const std::vector<std::string>& left_out) {
    return left_out.empty()
               ? ""
               : fmt::format("; left out, since kavi doesn't manage the type: {}\n", join(left_out, ", "));
}

Result export_zones(const ExportOptions& options, Session& session) {
    EstateSession estate(session, "kavi dns export");
    auto questions = ops::zone_questions(estate.estate(), options.zones);
    for (auto& question : questions) question.settings.clear();
    Result result;
    for (const auto& [name, seen] : ops::observe_dns(estate.cloudflare(), questions, session.stop)) {
        std::vector<model::Record> records;
        std::vector<std::string> left_out;
        for (const auto& live : seen.records) {
            if (model::is_managed_type(live.record.type))
                records.push_back(live.record);
            else
                left_out.push_back(
                    fmt::format("{} {}", printable(live.record.type), printable(live.record.name)));
        }
        const auto text = model::write_zone_file(name, records) + left_out_text(left_out);
        result.text += text;
        result.data["zones"][name] = {{"records", records.size()}, {"left_out", left_out}, {"text", text}};
    }
    return result;
}

/// The zone that an import is for: the one that is named, else the only one.
std::string zone_to_import(const model::Estate& estate, const std::optional<std::string>& named) {
    const std::vector<std::string> only = named ? std::vector{*named} : std::vector<std::string>{};
    const auto questions = ops::zone_questions(estate, only);
    if (questions.size() == 1) return questions.front().name;
    Error error(errors::usage, questions.empty() ? "the estate has no zone" : "the estate has several zones");
    throw error.fix(questions.empty() ? "declare it: [zones.\"example.net\"]" : "say which one: --zone ZONE");
}

using Key = std::tuple<std::string, std::string, std::string>;

/// What the estate declares already: names that domains have, and records.
std::set<Key> declared_keys(const model::LoadedEstate& loaded, const std::string& zone) {
    std::set<Key> keys;
    for (const auto& one : model::desired_records(loaded.estate, service_servers(loaded), {})) {
        if (one.zone != zone) continue;
        const auto& record = one.record;
        keys.emplace(record.name, record.type, one.service.empty() ? record.value : std::string());
    }
    return keys;
}

struct Imported {
    std::vector<model::Record> records;
    std::vector<std::string> notes;
    int declared = 0;
};

void take(Imported& imported, const std::set<Key>& declared, model::Record record) {
    const bool known = declared.contains({record.name, record.type, record.value}) ||
                       declared.contains({record.name, record.type, std::string()});
    if (known) {
        ++imported.declared;
        return;
    }
    record.comment = model::parse_comment(record.comment).words;
    imported.records.push_back(std::move(record));
}

Imported import_file(const std::string& path, const std::string& zone, const std::set<Key>& declared) {
    Imported imported;
    auto file = model::read_zone_file(read_file(path), zone, path);
    for (auto& record : file.records) take(imported, declared, std::move(record));
    for (const auto& note : file.notes)
        imported.notes.push_back(fmt::format("line {}: {}", note.line, note.text));
    return imported;
}

/// The records that stand in the zone and are nobody's.
Imported import_live(EstateSession& estate,
                     const std::string& zone,
                     const std::set<Key>& declared,
                     std::stop_token stop) {
    Imported imported;
    const std::vector<ops::ZoneQuestion> questions{{.name = zone, .settings = {}}};
    auto seen = ops::observe_dns(estate.cloudflare(), questions, stop);
    for (auto& live : seen.at(zone).records) {
        const auto& record = live.record;
        const auto owner = model::parse_comment(record.comment).owner;
        const auto what = fmt::format("{} {}", printable(record.type), printable(record.name));
        if (record.type == "NS" && record.name == zone) continue;
        if (!model::is_managed_type(record.type))
            imported.notes.push_back(fmt::format("{}: type {} isn't managed", what, printable(record.type)));
        else if (live.read_only)
            imported.notes.push_back(fmt::format("{}: it belongs to another of Cloudflare's products", what));
        else if (!owner.empty() && owner != estate.estate().name)
            imported.notes.push_back(fmt::format("{}: it is kavi:{}'s", what, printable(owner)));
        else
            take(imported, declared, record);
    }
    return imported;
}

/// Appends to the estate file, if the whole is still a valid one.
void append_to_estate(const std::filesystem::path& file, const std::string& entries) {
    auto text = read_file(file);
    if (!text.empty() && !text.ends_with('\n')) text += '\n';
    text += entries;
    const auto reader = [&](const std::filesystem::path& path) -> std::optional<std::string> {
        if (path == file) return text;
        return read_file_if_there(path);
    };
    const auto loaded = model::load_estate(file, reader);
    model::require_valid(loaded);
    model::desired_records(loaded.estate, service_servers(loaded), {});
    const auto mode = static_cast<unsigned>(std::filesystem::status(file).permissions()) & 0777U;
    write_file_atomic(file, text, mode);
}

Result import_zone(const ImportOptions& options, Session& session) {
    EstateSession estate(session, "kavi dns import");
    const auto zone = zone_to_import(estate.estate(), options.zone);
    const auto declared = declared_keys(estate.loaded(), zone);
    const auto imported = options.file ? import_file(*options.file, zone, declared)
                                       : import_live(estate, zone, declared, session.stop);
    const auto entries = model::to_toml(zone, imported.records);
    Result result{.text = entries};
    result.data = {{"zone", zone},
                   {"records", imported.records.size()},
                   {"declared_already", imported.declared},
                   {"notes", imported.notes},
                   {"written", false},
                   {"text", entries}};
    for (const auto& note : imported.notes) session.output.talk(fmt::format("passed over: {}", note));
    if (!options.write || imported.records.empty()) return result;
    append_to_estate(estate.loaded().file, entries);
    result.data["written"] = true;
    result.text = fmt::format("{} record{} written to {}; kavi dns diff shows what it comes to\n",
                              imported.records.size(),
                              imported.records.size() == 1 ? "" : "s",
                              estate.loaded().file.string());
    return result;
}

}  // namespace

Run define_dns_export(Arguments& arguments) {
    auto options = std::make_shared<ExportOptions>();
    arguments.positional("ZONE", options->zones, "zones (default: every declared one)")
        .completes(Names::zone);
    return [options](Session& session) { return export_zones(*options, session); };
}

Run define_dns_import(Arguments& arguments) {
    auto options = std::make_shared<ImportOptions>();
    arguments.positional("FILE", options->file, "a zone file (default: the zone as Cloudflare has it)")
        .completes(Names::file);
    arguments.option("--zone", "ZONE", options->zone, "which zone, where the estate has several")
        .completes(Names::zone);
    arguments.flag(
        "--write", options->write, "append the entries to the estate file instead of printing them");
    return [options](Session& session) { return import_zone(*options, session); };
}

}  // namespace kavi::app
