#include <kavi/base/error_codes.hpp>
#include <kavi/base/json.hpp>
#include <kavi/base/text.hpp>
#include <kavi/seal/crypto.hpp>
#include <kavi/secrets/sealed_bundle.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace kavi::secrets {

namespace {

constexpr int document_version = 1;
constexpr std::string_view document_key = "kavi.sealed";

void wipe_strings(Json& json) {
    if (json.is_string()) wipe(json.get_ref<std::string&>());
    if (json.is_structured())
        for (auto& inner : json) wipe_strings(inner);
}

/// Strict: a value that JSON can't carry must not be changed in silence.
Secret dumped(Json& json) {
    auto text = json.dump();
    wipe_strings(json);
    return Secret::take(text);
}

Json named_json(const model::NamedSecrets& secrets) {
    Json json = Json::object();
    for (const auto& [name, value] : secrets) {
        json[name] = std::string(value.reveal());
        try {
            json[name].dump();
        } catch (const Json::exception&) {
            throw Error(errors::secret_unfit,
                        fmt::format("{} can't be sealed: its value isn't UTF-8 text", name))
                .fix("encode it, as base64 for example");
        }
    }
    return json;
}

Json operators_json(const std::vector<SealedOperator>& operators) {
    Json json = Json::array();
    for (const auto& one : operators)
        json.push_back({{"name", one.name}, {"ssh", one.ssh}, {"age", one.age}});
    return json;
}

Json bundle_json(const SealedBundle& bundle) {
    Json json{{"estate", bundle.estate},
              {"sequence", bundle.sequence},
              {"created", bundle.created},
              {"source", bundle.source},
              {"operators", operators_json(bundle.operators)},
              {"sealed", named_json(bundle.sealed)},
              {"folders", Json::object()}};
    if (!bundle.backup_signers.empty()) json["backup_signers"] = bundle.backup_signers;
    for (const auto& [name, secrets] : bundle.folders) json["folders"][name] = named_json(secrets);
    if (const auto key = bundle.sealed.find(sealed_fingerprint_key.name); key != bundle.sealed.end())
        json["operators_mac"] = operators_mac(bundle.operators, key->second);
    return json;
}

model::NamedSecrets named_of(Json& json) {
    model::NamedSecrets secrets;
    if (!json.is_object()) return secrets;
    for (auto& [name, value] : json.items())
        if (value.is_string()) secrets.emplace(name, Secret::take(value.get_ref<std::string&>()));
    return secrets;
}

/// Absent in copies that an older kavi made.
std::map<std::string, std::vector<std::string>> signers_of(const Json& json) {
    std::map<std::string, std::vector<std::string>> signers;
    if (!json.is_object()) return signers;
    for (const auto& [server, lines] : json.items())
        if (lines.is_array())
            for (const auto& line : lines)
                if (line.is_string()) signers[server].push_back(line.get<std::string>());
    return signers;
}

SealedBundle bundle_of(Json& json) {
    SealedBundle bundle;
    bundle.estate = string_or(json, "estate");
    if (json["sequence"].is_number_integer()) bundle.sequence = json["sequence"].get<std::int64_t>();
    bundle.created = string_or(json, "created");
    bundle.source = string_or(json, "source");
    for (const auto& one : json["operators"])
        bundle.operators.push_back({string_or(one, "name"), string_or(one, "ssh"), string_or(one, "age")});
    bundle.sealed = named_of(json["sealed"]);
    if (json["folders"].is_object())
        for (auto& [name, secrets] : json["folders"].items()) bundle.folders.emplace(name, named_of(secrets));
    bundle.backup_signers = signers_of(member_or_null(json, "backup_signers"));
    return bundle;
}

Error not_believed(std::string_view name, std::string why) {
    Error error(errors::integrity, fmt::format("the sealed copy {} isn't to be believed", name));
    error.because(std::move(why));
    return error;
}

seal::SshPublicKey signer_of(const Json& document, const Anchors& anchors, std::string_view name) {
    const auto signer = seal::verify_sshsig(
        string_or(document, "signature"), sealed_namespace, string_or(document, "bundle"));
    if (!signer) throw not_believed(name, "its signature doesn't hold").fix("take another of its places");
    const bool known = std::ranges::find(anchors.keys, *signer) != anchors.keys.end();
    if (known || anchors.confirmed == signer->fingerprint()) return *signer;
    throw not_believed(
        name, fmt::format("{} signed it, who is no operator of the estate file", signer->fingerprint()))
        .fix(fmt::format("if you know that key as an operator's, say so: --confirm {}",
                         signer->fingerprint()));
}

void check_operators(const SealedBundle& bundle, const Json& json, std::string_view name) {
    const auto key = bundle.sealed.find(sealed_fingerprint_key.name);
    if (key == bundle.sealed.end()) return;
    if (!seal::same_bytes(string_or(json, "operators_mac"), operators_mac(bundle.operators, key->second)))
        throw not_believed(name, "its list of operators was changed").fix("take another of its places");
}

}  // namespace

std::string SealedBundle::description() const {
    if (created.size() < 16) return "the sealed copy";
    return fmt::format("the sealed copy of {} {} UTC", created.substr(0, 10), created.substr(11, 5));
}

bool same_content(const SealedBundle& a, const SealedBundle& b) {
    return a.estate == b.estate && a.source == b.source && a.operators == b.operators &&
           a.sealed == b.sealed && a.folders == b.folders && a.backup_signers == b.backup_signers;
}

bool add_backup_signers(SealedBundle& bundle, const std::map<std::string, std::string>& keys) {
    bool added = false;
    for (const auto& [server, line] : keys) {
        if (!seal::parse_ssh_public_key(line)) continue;
        auto& known = bundle.backup_signers[server];
        if (std::ranges::find(known, line) != known.end()) continue;
        known.push_back(line);
        added = true;
    }
    return added;
}

std::vector<SealedOperator> operators_of(const model::Estate& estate) {
    std::vector<SealedOperator> operators;
    for (const auto& [name, one] : estate.operators)
        operators.push_back({name, one.ssh.value_or(""), one.age.value_or("")});
    return operators;
}

std::vector<seal::Recipient> recipients_of(const std::vector<SealedOperator>& operators) {
    std::vector<seal::Recipient> recipients;
    for (const auto& one : operators)
        if (!one.age.empty())
            recipients.push_back(while_doing(fmt::format("reading operators.{}.age", one.name),
                                             [&] { return seal::parse_recipient(one.age); }));
    if (recipients.empty())
        throw Error(errors::config_invalid, "no operator of the estate file has an age recipient")
            .fix("age-keygen makes one; put it into kavi.toml: [operators.NAME] age = \"age1…\"");
    return recipients;
}

std::string operators_mac(const std::vector<SealedOperator>& operators, const Secret& fingerprint_key) {
    const auto key = derive_purpose_key(fingerprint_key, "operators");
    return key.id + ":" + hex(hmac_sha256(key.key.reveal(), canonical_json(operators_json(operators))));
}

std::string seal_bundle(const SealedBundle& bundle, Signer& signer, std::stop_token stop) {
    const auto recipients = recipients_of(bundle.operators);
    auto json = bundle_json(bundle);
    const auto text = dumped(json);
    Json document{{document_key, document_version},
                  {"signature", signer.sign(sealed_namespace, text.reveal(), std::move(stop))},
                  {"bundle", std::string(text.reveal())}};
    return seal::age_seal(dumped(document), recipients);
}

Anchors anchors_of(const model::Estate& estate) {
    Anchors anchors{estate.name, {}, std::nullopt};
    for (const auto& [name, one] : estate.operators)
        if (one.ssh)
            if (auto key = seal::parse_ssh_public_key(*one.ssh)) anchors.keys.push_back(std::move(*key));
    return anchors;
}

OpenedBundle open_bundle(std::string_view file,
                         std::span<const seal::Identity> identities,
                         const Anchors& anchors,
                         std::string_view name) {
    const auto plain = seal::age_open(file, identities);
    auto document = parse_json(plain.reveal(), fmt::format("the sealed copy {}", name));
    if (!document.is_object() || document.value(document_key, Json()) != document_version)
        throw not_believed(name, "it isn't a sealed copy of kavi's, or of a newer kavi");
    auto signer = signer_of(document, anchors, name);
    auto json = parse_json(string_or(document, "bundle"), fmt::format("the bundle of {}", name));
    wipe_strings(document);
    if (!json.is_object()) throw not_believed(name, "its bundle isn't an object");
    auto bundle = bundle_of(json);
    check_operators(bundle, json, name);
    if (!anchors.estate.empty() && bundle.estate != anchors.estate)
        throw not_believed(
            name, fmt::format("it is of the estate '{}', not of '{}'", bundle.estate, anchors.estate));
    return {std::move(bundle), std::move(signer)};
}

}  // namespace kavi::secrets
