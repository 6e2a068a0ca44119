#pragma once

#include <kavi/seal/age_header.hpp>
#include <kavi/seal/bytes.hpp>

#include <string>
#include <string_view>

/// age files as text: PEM with the label AGE ENCRYPTED FILE.
namespace kavi::seal {

inline constexpr std::string_view armor_begin = "-----BEGIN AGE ENCRYPTED FILE-----";
inline constexpr std::string_view armor_end = "-----END AGE ENCRYPTED FILE-----";

/// Whether what comes is armored: the first thing after white space is the armor's first line.
bool looks_armored(ByteReader& reader);

/// Reads the bytes behind the armor, strictly; reading throws AgeError (armor). `reader` must outlive it.
ReadBytes unarmor(ByteReader& reader);

/// Writes armor around what it is given; finish() writes the last line.
class ArmorWriter {
  public:
    explicit ArmorWriter(WriteBytes out);

    void write(std::string_view bytes);
    void finish();

  private:
    WriteBytes out_;
    std::string held_;
};

}  // namespace kavi::seal
