#include "support/catch.hpp"

#include <kavi/base/files.hpp>
#include <kavi/base/process.hpp>
#include <kavi/seal/sshsig.hpp>

using namespace kavi;
using namespace kavi::seal;

TEST_CASE("ssh-keygen accepts kavi's signatures", "[sshsig]") {
    const TemporaryFolder folder;
    const auto key = generate_ssh_key("ana");
    const auto signature = folder.path() / "bundle.sig", allowed = folder.path() / "allowed";
    write_file_atomic(signature, sign_sshsig(key, "kavi.sealed@kua.cl", "the bundle\n"), 0600);
    write_file_atomic(allowed, "ana " + key.public_key.line() + "\n", 0600);
    const auto verify = [&](std::string name_space, std::string message) {
        return run_command({.arguments = {"ssh-keygen",
                                          "-Y",
                                          "verify",
                                          "-f",
                                          allowed.string(),
                                          "-I",
                                          "ana",
                                          "-n",
                                          std::move(name_space),
                                          "-s",
                                          signature.string()},
                            .input = std::move(message)})
            .status;
    };
    CHECK(verify("kavi.sealed@kua.cl", "the bundle\n") == 0);
    CHECK(verify("kavi.sealed@kua.cl", "another bundle\n") != 0);
    CHECK(verify("file", "the bundle\n") != 0);
}

TEST_CASE("kavi accepts ssh-keygen's signatures", "[sshsig]") {
    const TemporaryFolder folder;
    const auto key = generate_ssh_key("ana");
    const auto path = folder.path() / "id";
    write_file_atomic(path, write_ssh_private_key(key).reveal(), 0600);
    for (const auto* hash : {"sha512", "sha256"}) {
        const auto finished = run_command({.arguments = {"ssh-keygen",
                                                         "-Y",
                                                         "sign",
                                                         "-O",
                                                         std::string("hashalg=") + hash,
                                                         "-n",
                                                         "kavi",
                                                         "-f",
                                                         path.string()},
                                           .input = "message"});
        REQUIRE(finished.status == 0);
        const auto signer = verify_sshsig(finished.output, "kavi", "message");
        REQUIRE(signer);
        CHECK(*signer == key.public_key);
        CHECK_FALSE(verify_sshsig(finished.output, "kavi", "messagE"));
        CHECK_FALSE(verify_sshsig(finished.output, "kawi", "message"));
    }
}

TEST_CASE("a damaged signature is none", "[sshsig]") {
    const auto signature = sign_sshsig(generate_ssh_key("ana"), "kavi", "message");
    REQUIRE(verify_sshsig(signature, "kavi", "message"));
    const auto first = signature.find('\n') + 1, last = signature.find("\n-----END");
    for (std::size_t at = first; at < last; ++at) {
        if (signature[at] == '\n' || signature[at] == '=') continue;
        auto damaged = signature;
        damaged[at] = damaged[at] == 'A' ? 'Q' : 'A';
        CAPTURE(at);
        CHECK_FALSE(verify_sshsig(damaged, "kavi", "message"));
    }
    for (std::size_t size = 0; size < signature.size() - 1; ++size)
        CHECK_FALSE(verify_sshsig(std::string_view(signature).substr(0, size), "kavi", "message"));
}
