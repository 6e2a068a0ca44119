#include "secrets_raw.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>
#include <kavi/seal/age.hpp>

#include <cerrno>
#include <cstring>

#include <poll.h>
#include <unistd.h>

namespace kavi::app {

namespace {

/// Waits for bytes in a way that Ctrl-C ends.
std::size_t read_input(std::span<char> into, const std::stop_token& stop) {
    while (true) {
        if (stop.stop_requested())
            throw Error(errors::interrupted, "interrupted; what was written isn't the whole");
        pollfd waiting{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
        if (::poll(&waiting, 1, 200) <= 0) continue;
        const auto count = ::read(STDIN_FILENO, into.data(), into.size());
        if (count >= 0) return static_cast<std::size_t>(count);
        if (errno != EINTR && errno != EAGAIN)
            throw Error(errors::file_unreadable, "standard input can't be read")
                .because(std::strerror(errno));
    }
}

Secret passphrase_of(const std::string& file) {
    auto bytes = read_file(file);
    if (bytes.ends_with('\n')) bytes.pop_back();
    if (bytes.ends_with('\r')) bytes.pop_back();
    if (bytes.empty()) throw Error(errors::usage, "the passphrase in " + file + " is empty");
    return Secret::take(bytes);
}

std::vector<seal::Recipient> recipients_of(const RawOptions& options) {
    std::vector<seal::Recipient> recipients;
    for (const auto& text : options.recipients) recipients.push_back(seal::parse_recipient(text));
    if (options.passphrase_file)
        recipients.push_back(seal::PassphraseRecipient{passphrase_of(*options.passphrase_file)});
    if (recipients.empty())
        throw Error(errors::usage, "sealing needs to know for whom")
            .fix("give --recipient age1… or --passphrase-file FILE");
    return recipients;
}

std::vector<seal::Identity> identities_of(const RawOptions& options) {
    std::vector<seal::Identity> identities;
    for (const auto& file : options.identities) {
        auto text = read_file(file);
        for (auto& one : seal::parse_identities(text, file)) identities.push_back(std::move(one));
        wipe(text);
    }
    if (options.passphrase_file)
        identities.push_back(seal::PassphraseIdentity{passphrase_of(*options.passphrase_file)});
    if (identities.empty())
        throw Error(errors::usage, "opening needs something to open with")
            .fix("give --identity FILE or --passphrase-file FILE");
    return identities;
}

void refuse_json(const Session& session) {
    if (session.options.json)
        throw Error(errors::usage, "--raw writes bytes, not a report: it has no --json");
}

}  // namespace

void declare_seal_raw(Arguments& arguments, RawOptions& options) {
    arguments.flag("--raw", options.raw, "seal standard input to standard output, as age does");
    arguments.option(
        "--recipient", "RECIPIENT", options.recipients, "with --raw: age1… or an ssh-ed25519 public key");
    arguments
        .option("--passphrase-file",
                "FILE",
                options.passphrase_file,
                "with --raw: the passphrase is the file's first line")
        .completes(Names::file);
    arguments.flag("--armor", options.armor, "with --raw: as text");
}

void declare_unseal_raw(Arguments& arguments, RawOptions& options) {
    arguments.flag("--raw", options.raw, "open standard input to standard output, as age does");
    arguments
        .option("--identity",
                "FILE",
                options.identities,
                "with --raw: age identities, or an ssh-ed25519 private key")
        .completes(Names::file);
    arguments
        .option("--passphrase-file",
                "FILE",
                options.passphrase_file,
                "with --raw: the passphrase is the file's first line")
        .completes(Names::file);
}

void refuse_raw_options(const RawOptions& options) {
    if (options.recipients.empty() && options.identities.empty() && !options.passphrase_file &&
        !options.armor)
        return;
    throw Error(errors::usage, "--recipient, --identity, --passphrase-file and --armor belong to --raw")
        .fix("add --raw");
}

Result seal_raw(Session& session, const RawOptions& options) {
    refuse_json(session);
    const auto recipients = recipients_of(options);
    seal::AgeWriter writer(
        recipients,
        [&](std::string_view bytes) { session.output.data(bytes); },
        options.armor ? seal::AgeForm::armored : seal::AgeForm::binary);
    std::vector<char> buffer(seal::age_chunk * 4);
    while (const auto count = read_input(buffer, session.stop)) writer.write({buffer.data(), count});
    writer.finish();
    return {};
}

Result unseal_raw(Session& session, const RawOptions& options) {
    refuse_json(session);
    const auto identities = identities_of(options);
    seal::AgeReader reader([&](std::span<char> into) { return read_input(into, session.stop); }, identities);
    while (const auto chunk = reader.next()) session.output.data(*chunk);
    return {};
}

}  // namespace kavi::app
