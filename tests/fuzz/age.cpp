#include <kavi/base/error.hpp>
#include <kavi/seal/age.hpp>
#include <kavi/seal/sshsig.hpp>

#include <cstddef>
#include <cstdint>

// An age file, armored or not, that somebody else wrote: headers, stanzas and streams; then SSH keys and
// signatures. What opens is bounded by the input; everything else must be an Error.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace kavi::seal;
    static const std::vector<Identity> identities{
        parse_identities("AGE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0SWRYDWG",
                         "fuzz")[0],
        SshIdentity{generate_ssh_key("fuzz")},
        PassphraseIdentity{kavi::Secret("password"), 2}};
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto quietly = [](auto work) {
        try {
            work();
        } catch (const kavi::Error&) {
        }
    };
    quietly([&] {
        if (age_open(input, identities).size() > size) __builtin_trap();
    });
    quietly([&] { parse_identities(input, "fuzz"); });
    quietly([&] { parse_recipient(input); });
    if (verify_sshsig(input, "kavi", "message")) __builtin_trap();  // nobody signed that
    parse_ssh_public_key(input);
    return 0;
}
