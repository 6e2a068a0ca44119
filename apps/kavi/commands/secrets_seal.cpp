#include "../network.hpp"
#include "commands.hpp"
#include "secrets_raw.hpp"
#include "secrets_sealing.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <memory>

namespace kavi::app {

namespace {

struct SealOptions {
    RawOptions raw;
    ChangeOptions change;
};

Result seal(const SealOptions& options, Session& session) {
    if (options.raw.raw) return seal_raw(session, options.raw);
    refuse_raw_options(options.raw);
    const auto context = load_estate_context(session);
    Network network(session);
    SecretsAccess access(
        session, context.loaded, network.http(), {.network = &network, .confirmed = options.change.confirm});
    return seal_copies(
        session,
        {.context = context, .access = access, .change = options.change, .command = "kavi secrets seal"});
}

struct UnsealOptions {
    RawOptions raw;
    std::optional<std::string> name;
    bool show = false;
    std::vector<std::string> confirm;
};

/// Fingerprints where the copy has the key for them, so that two copies can be compared without a value.
class CopyReport {
  public:
    explicit CopyReport(const secrets::SealedCopies& copies) : copies_(copies) {
        const auto& sealed = copies.best->bundle.sealed;
        const auto key = sealed.find(secrets::sealed_fingerprint_key.name);
        if (key != sealed.end()) key_ = secrets::derive_purpose_key(key->second, "secrets");
    }

    Result result() {
        const auto& bundle = copies_.best->bundle;
        text_ = fmt::format("{} · number {} · signed by {} {}\n",
                            bundle.description(),
                            bundle.sequence,
                            signer_name(),
                            copies_.best->signer.fingerprint());
        for (const auto& one : bundle.operators) operators_.push_back(one.name);
        text_ += fmt::format("  sealed for {}\n", join(operators_, ", "));
        for (const auto& [name, value] : bundle.sealed) add("sealed:/" + name, value);
        for (const auto& [folder, secrets] : bundle.folders)
            for (const auto& [name, value] : secrets) add((folder == "/" ? "" : folder) + "/" + name, value);
        return {.text = text_,
                .data = {{"place", copies_.best_place},
                         {"number", bundle.sequence},
                         {"created", bundle.created},
                         {"source", bundle.source},
                         {"signer", copies_.best->signer.fingerprint()},
                         {"operators", operators_},
                         {"secrets", secrets_}}};
    }

  private:
    std::string signer_name() const {
        for (const auto& one : copies_.best->bundle.operators)
            if (const auto key = seal::parse_ssh_public_key(one.ssh); key && *key == copies_.best->signer)
                return one.name;
        return "somebody";
    }

    void add(const std::string& name, const Secret& value) {
        const auto mark = key_ ? key_->fingerprint(value.reveal()).substr(0, 12) : std::string();
        text_ += fmt::format("  {:<48} {}\n", name, mark);
        secrets_.push_back(
            {{"name", name}, {"fingerprint", key_ ? OrderedJson(mark) : OrderedJson(nullptr)}});
    }

    const secrets::SealedCopies& copies_;
    std::optional<secrets::PurposeKey> key_;
    std::string text_;
    std::vector<std::string> operators_;
    OrderedJson secrets_ = OrderedJson::array();
};

Result one_value(Session& session, const UnsealOptions& options, const secrets::SecretVault& vault) {
    if (session.output.out().terminal && !options.show)
        throw Error(errors::usage, "secrets go to a terminal only with --show")
            .fix("a pipe hands it on, --show shows it here");
    if (session.options.json)
        throw Error(errors::usage, "a value isn't a report: there is no --json for it")
            .fix("kavi secrets unseal NAME | …");
    auto ref = model::SecretRef::parse(*options.name);
    const auto slash = options.name->rfind('/');
    if (!ref && slash == std::string::npos) ref = {model::SecretRef::Source::sealed, "/", *options.name};
    if (!ref)
        ref = {model::SecretRef::Source::secret,
               api::normal_folder(options.name->substr(0, slash)),
               options.name->substr(slash + 1)};
    const auto& value = vault.get(*ref);
    session.output.mask(value);
    session.output.data(value.reveal());
    return {};
}

Result unseal(const UnsealOptions& options, Session& session) {
    if (options.raw.raw) return unseal_raw(session, options.raw);
    refuse_raw_options(options.raw);
    const auto context = load_estate_context(session);
    Network network(session);
    SecretsAccess access(
        session, context.loaded, network.http(), {.network = &network, .confirmed = options.confirm});
    const auto copies = access.read_copies(true);
    for (const auto& warning : copies.warnings) session.output.warn(warning);
    if (!copies.best)
        throw Error(copies.unopened ? errors::sealed_unreadable : errors::secret_missing,
                    "there is no sealed copy to read")
            .because(copies.why_not)
            .fix(copies.unopened ? "set KAVI_IDENTITY to the file of an identity that opens it"
                                 : "kavi secrets seal makes one");
    if (!options.name) return CopyReport(copies).result();
    auto content = copies.content();
    const secrets::SecretVault vault({.description = content.description,
                                      .folders = content.folders,
                                      .folder_names = {},
                                      .sealed = content.sealed,
                                      .why_not_sealed = {},
                                      .uses = {}});
    return one_value(session, options, vault);
}

}  // namespace

Run define_secrets_seal(Arguments& arguments) {
    auto options = std::make_shared<SealOptions>();
    declare_seal_raw(arguments, options->raw);
    declare(arguments, options->change);
    return [options](Session& session) { return seal(*options, session); };
}

Run define_secrets_unseal(Arguments& arguments) {
    auto options = std::make_shared<UnsealOptions>();
    arguments
        .positional("NAME",
                    options->name,
                    "write this secret's value, as it is; without: what the copy holds, by name")
        .completes(Names::secret);
    arguments.flag("--show", options->show, "show the value, even in a terminal");
    arguments.option("--confirm",
                     "SHA256:…",
                     options->confirm,
                     "believe the signature of this key, which no operator of the estate file has");
    declare_unseal_raw(arguments, options->raw);
    return [options](Session& session) { return unseal(*options, session); };
}

}  // namespace kavi::app
