#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace kavi::lab {

enum class MachineKind { real, ssh, none };

/// What `up` was asked for.
struct LabOptions {
    std::filesystem::path estate;
    MachineKind machines = MachineKind::real;
    std::chrono::milliseconds latency{0};
    bool infisical_on_bruno = false;
    std::uint64_t box_size = std::uint64_t{64} << 20;
    bool verbose_log = false;
    std::vector<std::string> existing;  ///< Hetzner servers that are there from the start, made by hand
};

/// A command line of kavi-lab, understood.
struct CommandLine {
    std::string command;  ///< build, up, run, seed, fault, destroy-server, down
    std::optional<std::string> folder;
    LabOptions options;
    std::vector<std::string> words;  ///< what follows: the fault's words, a server's name, the command of run
    std::uint64_t records = 0, secrets = 0, servers = 0;
    bool help = false;
};

/// Throws errors::usage naming the word that makes no sense.
CommandLine parse_command_line(std::vector<std::string> words);

/// "64MiB", "1GiB", "10KiB" or plain bytes.
std::optional<std::uint64_t> parse_size(std::string_view text);

std::string usage_text();

}  // namespace kavi::lab
