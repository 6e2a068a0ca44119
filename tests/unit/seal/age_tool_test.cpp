#include "support/catch.hpp"

#include <kavi/base/files.hpp>
#include <kavi/base/process.hpp>
#include <kavi/base/text.hpp>
#include <kavi/seal/age.hpp>

#include <iostream>

// Both ways with the `age` tool, which the format's own kit (reading only) doesn't cover.

using namespace kavi;
using namespace kavi::seal;

namespace {

bool have_age() {
    static const bool have = run_command({.arguments = {"age", "--version"}}).status == 0;
    if (!have) std::cout << "SKIPPED: the age tool (apt-get install age)\n";
    return have;
}

Finished run(std::vector<std::string> arguments, std::string input = {}) {
    return run_command({.arguments = std::move(arguments), .input = std::move(input)});
}

std::string plain_of(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 + i / 253);
    return text;
}

/// One identity of a kind, as kavi and as the tool take it.
struct Party {
    std::string recipient;
    std::vector<Identity> identities;
    std::string identity_path;
};

Party x25519_party(const TemporaryFolder& folder) {
    const auto identity = X25519Identity::generate();
    const auto path = folder.path() / "age.key";
    write_file_atomic(path, std::string(identity.text().reveal()) + "\n", 0600);
    return {identity.recipient(), {identity}, path.string()};
}

Party ssh_party(const TemporaryFolder& folder) {
    const auto key = generate_ssh_key("ana@laptop");
    const auto path = folder.path() / "id_ed25519";
    write_file_atomic(path, write_ssh_private_key(key).reveal(), 0600);
    return {key.public_key.line(), {SshIdentity{key}}, path.string()};
}

}  // namespace

namespace {

void exchange(const Party& party, std::size_t size, AgeForm form) {
    CAPTURE(party.recipient, size, form);
    const auto plain = plain_of(size);
    const std::vector<Recipient> recipients{parse_recipient(X25519Identity::generate().recipient()),
                                            parse_recipient(party.recipient)};
    const auto opened =
        run({"age", "-d", "-i", party.identity_path}, age_seal(Secret(plain), recipients, form));
    CAPTURE(opened.errors);
    CHECK(opened.status == 0);
    CHECK((opened.output == plain));

    std::vector<std::string> arguments{"age", "-e", "-r", party.recipient};
    if (form == AgeForm::armored) arguments.emplace_back("-a");
    const auto theirs = run(arguments, plain);
    REQUIRE(theirs.status == 0);
    CHECK((age_open(theirs.output, party.identities).reveal() == plain));
}

}  // namespace

TEST_CASE("age opens what kavi seals, and the other way round", "[age][tool]") {
    if (!have_age()) return;
    const TemporaryFolder folder;
    for (const auto& party : {x25519_party(folder), ssh_party(folder)})
        for (const auto size : {0UL, 1UL, 65535UL, 65536UL, 65537UL, 131072UL, 3000000UL})
            for (const auto form : {AgeForm::binary, AgeForm::armored}) exchange(party, size, form);
}

TEST_CASE("age-keygen and kavi agree on identities and recipients", "[age][tool]") {
    if (!have_age()) return;
    const auto made = run({"age-keygen"});
    REQUIRE(made.status == 0);
    const auto identities = parse_identities(made.output, "age-keygen");
    REQUIRE(identities.size() == 1);
    const auto& identity = std::get<X25519Identity>(identities[0]);
    CHECK(made.output.find(identity.recipient()) != std::string::npos);
    CHECK(made.output.find(identity.text().reveal()) != std::string::npos);
}
