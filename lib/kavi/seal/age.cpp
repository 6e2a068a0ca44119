#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/seal/age.hpp>
#include <kavi/seal/age_error.hpp>
#include <kavi/seal/crypto.hpp>

#include <algorithm>

namespace kavi::seal {

namespace {

constexpr std::size_t file_key_size = 16;

void check_recipients(std::span<const Recipient> recipients) {
    if (recipients.empty()) throw Error(errors::sealed_unreadable, "there is nobody to seal for");
    const auto is_passphrase = [](const Recipient& one) {
        return std::holds_alternative<PassphraseRecipient>(one);
    };
    if (recipients.size() > 1 && std::ranges::any_of(recipients, is_passphrase))
        throw Error(errors::sealed_unreadable, "a passphrase can't stand beside other recipients");
}

Secret file_key_of(const AgeHeader& header, std::span<const Identity> identities) {
    check_passphrase_alone(header.stanzas);
    for (const auto& identity : identities) {
        const auto key = unwrap_file_key(identity, header.stanzas);
        if (!key) continue;
        check_mac(header, *key);
        return *key;
    }
    throw AgeError(AgeFault::no_match, "none of the identities at hand opens this age file");
}

}  // namespace

AgeWriter::AgeWriter(std::span<const Recipient> recipients, WriteBytes out, AgeForm form) {
    check_recipients(recipients);
    if (form == AgeForm::armored) {
        armor_ = std::make_unique<ArmorWriter>(std::move(out));
        out = [armor = armor_.get()](std::string_view bytes) { armor->write(bytes); };
    }
    const auto file_key = random_secret(file_key_size);
    std::vector<Stanza> stanzas;
    for (const auto& recipient : recipients) stanzas.push_back(wrap_file_key(recipient, file_key));
    out(write_age_header(stanzas, file_key));
    payload_ = std::make_unique<PayloadWriter>(file_key, std::move(out));
}

void AgeWriter::finish() {
    payload_->finish();
    if (armor_) armor_->finish();
}

AgeReader::AgeReader(ReadBytes in, std::span<const Identity> identities, std::optional<AgeForm> form)
    : outer_(std::make_unique<ByteReader>(std::move(in))) {
    if (form ? *form == AgeForm::armored : looks_armored(*outer_))
        inner_ = std::make_unique<ByteReader>(unarmor(*outer_));
    auto& reader = inner_ ? *inner_ : *outer_;
    const auto header = read_age_header(reader);
    payload_ = std::make_unique<PayloadReader>(file_key_of(header, identities), reader);
}

AgeReader::~AgeReader() = default;

UnwrappedHeader unwrap_header(std::string_view beginning, std::span<const Identity> identities) {
    ByteReader reader(read_from(beginning));
    const auto header = read_age_header(reader);
    return {file_key_of(header, identities), header.size};
}

std::string age_seal(const Secret& plain, std::span<const Recipient> recipients, AgeForm form) {
    std::string sealed;
    AgeWriter writer(recipients, append_to(sealed), form);
    writer.write(plain.reveal());
    writer.finish();
    return sealed;
}

Secret age_open(std::string_view sealed, std::span<const Identity> identities) {
    AgeReader reader(read_from(sealed), identities);
    std::string plain;
    plain.reserve(sealed.size());  // so that no half-grown copy stays behind unwiped
    while (const auto chunk = reader.next()) plain += *chunk;
    return Secret::take(plain);
}

}  // namespace kavi::seal
