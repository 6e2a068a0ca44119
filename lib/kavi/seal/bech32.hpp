#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kavi::seal {

struct Bech32 {
    std::string prefix;  ///< the human-readable part, in lower case
    std::string data;
};

/// BIP 173's encoding without its length limit, in lower case.
std::string encode_bech32(std::string_view prefix, std::string_view data);

/// nullopt: mixed case, a wrong checksum, an unknown character or bits left over.
std::optional<Bech32> decode_bech32(std::string_view text);

}  // namespace kavi::seal
