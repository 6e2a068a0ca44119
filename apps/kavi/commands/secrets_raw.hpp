#pragma once

#include "../cli/arguments.hpp"
#include "../result.hpp"
#include "../session.hpp"

#include <optional>
#include <string>
#include <vector>

/// `secrets seal --raw` and `secrets unseal --raw`: any bytes from standard input to standard output, as
/// `age` does.
namespace kavi::app {

struct RawOptions {
    bool raw = false;
    bool armor = false;
    std::vector<std::string> recipients;
    std::vector<std::string> identities;
    std::optional<std::string> passphrase_file;
};

void declare_seal_raw(Arguments& arguments, RawOptions& options);
void declare_unseal_raw(Arguments& arguments, RawOptions& options);

/// Throws errors::usage where options of --raw stand without it.
void refuse_raw_options(const RawOptions& options);

/// Nothing of the estate is needed. Memory is constant. Throws errors::sealed_unreadable; what was written by
/// then isn't the whole, and the exit code says so.
Result seal_raw(Session& session, const RawOptions& options);
Result unseal_raw(Session& session, const RawOptions& options);

}  // namespace kavi::app
