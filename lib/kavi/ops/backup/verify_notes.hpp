#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace kavi::ops {

/// What somebody noted about an item of a run that was verified. All of it stands in the file's name, so that
/// one listing tells the ages of all; signed by nobody, so it is good for telling and decides nothing.
struct VerifiedNote {
    std::string run;
    std::string item;
    int level = 0;  ///< 0 to 3
    bool ok = false;
    std::chrono::sys_seconds at;

    friend bool operator==(const VerifiedNote&, const VerifiedNote&) = default;
};

/// Below the server's folder: "verified/20261125T071500Z.20261125T060000Z-4f2a.level2.ok.databases.json".
std::string note_file(const VerifiedNote& note);
/// Nullopt: the file isn't a note.
std::optional<VerifiedNote> parse_note_file(std::string_view file);

}  // namespace kavi::ops
