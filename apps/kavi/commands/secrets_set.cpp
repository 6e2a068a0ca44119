#include "../network.hpp"
#include "../render/progress.hpp"
#include "commands.hpp"
#include "secrets_sealing.hpp"
#include "secrets_value.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/ops/secrets/edit.hpp>

#include <fmt/format.h>

#include <memory>

namespace kavi::app {

namespace {

using Provider = model::SecretsConfig::Provider;
using Source = model::SecretRef::Source;

struct SetOptions {
    std::vector<std::string> names;
    std::string path = "/";
    std::optional<std::string> from_file;
    ChangeOptions change;
};

/// Whether the sealed copy is where this secret is written. Throws errors::usage for one that lies in
/// Infisical only.
bool goes_to_copy(const model::SecretRef& ref, const model::Estate& estate, bool sealed_flag) {
    if (ref.source == Source::sealed || estate.secrets.provider == Provider::sealed) return true;
    if (!sealed_flag) return false;
    throw Error(errors::usage, fmt::format("{} lies in Infisical, not in the sealed copy", ref.text()))
        .fix("without --sealed it is written to Infisical; the next 'kavi secrets seal' copies it");
}

/// Values unexpanded: what is compared and kept is what was stored.
model::NamedSecrets present_values(Session& session, SecretsAccess& access, const std::string& folder) {
    const auto& project = access.source()->project(session.stop);
    auto listing = access.infisical().list(
        project.id, access.environment(), {.folder = folder, .expand = false}, session.stop);
    model::NamedSecrets values;
    if (listing)
        for (auto& secret : listing->secrets) values.insert_or_assign(secret.key, std::move(secret.value));
    return values;
}

std::optional<secrets::PurposeKey> fingerprint_key(Session& session, SecretsAccess& access) {
    const auto& mirror = secrets::mirrored_fingerprint_key;
    const auto kept = present_values(session, access, mirror.folder);
    const auto key = kept.find(mirror.name);
    if (key == kept.end()) return std::nullopt;
    return secrets::derive_purpose_key(key->second, "secrets");
}

Result change_infisical(Session& session,
                        SecretsAccess& access,
                        const SetOptions& options,
                        ops::FolderEdit edit,
                        std::string command) {
    access.infisical();  // says what is missing
    edit.where = access.source()->description();
    edit.present = present_values(session, access, edit.folder);
    edit.key = fingerprint_key(session, access);
    const auto plan = ops::plan_edit(edit);
    ops::EditHandler handler(
        access.infisical(), access.source()->project(session.stop).id, access.environment());
    const run::Handlers handlers{{std::string(ops::EditHandler::kind), &handler}};
    const auto progress = make_progress(session.output, session.clock);
    const auto record = make_run_record(session, std::move(command));
    return change(session,
                  options.change,
                  {.command = "Write to Infisical",
                   .headline = {},
                   .nothing = fmt::format("{} holds that already", edit.where),
                   .plan = plan,
                   .handlers = handlers,
                   .listener = *progress,
                   .record = record,
                   .question = false});
}

Result set(const SetOptions& options, Session& session) {
    const auto context = load_estate_context(session);
    const auto ref = named_secret(options.names.at(0), options.path, session.options.sealed);
    const bool copy = goes_to_copy(ref, context.loaded.estate, session.options.sealed);
    Network network(session);
    SecretsAccess access(
        session, context.loaded, network.http(), {.network = &network, .confirmed = options.change.confirm});
    const auto command = fmt::format("kavi secrets set {}", ref.text());
    if (!copy) {
        ops::FolderEdit edit{.folder = ref.folder};
        edit.set.emplace(ref.name, read_value(session, options.from_file, ref.name));
        return change_infisical(session, access, options, std::move(edit), command);
    }
    Sealing sealing{.context = context, .access = access, .change = options.change};
    sealing.edit.set.emplace(ref, read_value(session, options.from_file, ref.name));
    sealing.command = command;
    sealing.ask_infisical = false;
    sealing.question = false;
    return seal_copies(session, sealing);
}

/// All of one folder, or all of the sealed copy: one write.
std::vector<model::SecretRef> refs_of(const SetOptions& options, bool sealed) {
    std::vector<model::SecretRef> refs;
    for (const auto& name : options.names) refs.push_back(named_secret(name, options.path, sealed));
    for (const auto& ref : refs)
        if (ref.folder != refs[0].folder || ref.source != refs[0].source)
            throw Error(errors::usage, "the secrets to delete lie in several folders")
                .fix("delete those of one folder at a time");
    return refs;
}

void require_held(const std::vector<model::SecretRef>& refs, const secrets::SealedCopies& copies) {
    for (const auto& ref : refs) {
        const auto content = copies.content();
        const auto folder = content.folders.find(ref.folder);
        const bool held = ref.source == Source::sealed
                              ? content.sealed && content.sealed->contains(ref.name)
                              : folder != content.folders.end() && folder->second.contains(ref.name);
        if (!held)
            throw Error(errors::secret_missing, fmt::format("{} isn't in the sealed copy", ref.text()))
                .fix("nothing was deleted");
    }
}

Result unset(const SetOptions& options, Session& session) {
    const auto context = load_estate_context(session);
    const auto refs = refs_of(options, session.options.sealed);
    const bool copy = goes_to_copy(refs[0], context.loaded.estate, session.options.sealed);
    Network network(session);
    SecretsAccess access(
        session, context.loaded, network.http(), {.network = &network, .confirmed = options.change.confirm});
    const auto command = fmt::format("kavi secrets unset {}", refs[0].text());
    if (!copy) {
        ops::FolderEdit edit{.folder = refs[0].folder};
        for (const auto& ref : refs) edit.unset.insert(ref.name);
        return change_infisical(session, access, options, std::move(edit), command);
    }
    require_held(refs, access.read_copies(true));
    Sealing sealing{.context = context, .access = access, .change = options.change};
    sealing.edit.unset.insert(refs.begin(), refs.end());
    sealing.command = command;
    sealing.ask_infisical = false;
    return seal_copies(session, sealing);
}

}  // namespace

Run define_secrets_set(Arguments& arguments) {
    auto options = std::make_shared<SetOptions>();
    options->names.resize(1);
    arguments.positional("NAME", options->names[0], "NAME, /folder/NAME or sealed:/NAME")
        .completes(Names::secret);
    arguments.option("--path", "FOLDER", options->path, "the folder of a bare NAME").otherwise("/");
    arguments
        .option("--from-file", "FILE", options->from_file, "read the value there, not from standard input")
        .completes(Names::file);
    declare(arguments, options->change);
    return [options](Session& session) { return set(*options, session); };
}

Run define_secrets_unset(Arguments& arguments) {
    auto options = std::make_shared<SetOptions>();
    arguments.positional("NAME", options->names, "NAME, /folder/NAME or sealed:/NAME")
        .completes(Names::secret)
        .required = true;
    arguments.option("--path", "FOLDER", options->path, "the folder of a bare NAME").otherwise("/");
    declare(arguments, options->change);
    return [options](Session& session) { return unset(*options, session); };
}

}  // namespace kavi::app
