#include "options.hpp"

#include <kavi/base/clock.hpp>
#include <kavi/base/error_codes.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <map>

namespace kavi::lab {
namespace {

Error usage(std::string message) {
    Error error(errors::usage, std::move(message));
    return error.fix("see 'kavi-lab --help'");
}

template <typename T>
T required(std::optional<T> value, const std::string& option, const std::string& text) {
    if (!value) throw usage(fmt::format("'{}' is no value for {}", text, option));
    return *value;
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<MachineKind> parse_kind(std::string_view text) {
    if (text == "real") return MachineKind::real;
    if (text == "ssh") return MachineKind::ssh;
    if (text == "none") return MachineKind::none;
    return std::nullopt;
}

std::optional<bool> parse_infisical(std::string_view text) {
    if (text == "local") return false;
    if (text == "on-bruno") return true;
    return std::nullopt;
}

using Set = std::function<void(const std::string& value)>;

/// What each option does with its value.
std::map<std::string, Set> option_table(CommandLine& line) {
    auto& options = line.options;
    const auto count = [](std::uint64_t& into, const char* name) {
        return [&into, name](const std::string& text) { into = required(parse_count(text), name, text); };
    };
    return {
        {"--dir", [&](const std::string& text) { line.folder = text; }},
        {"--estate", [&](const std::string& text) { options.estate = text; }},
        {"--machines",
         [&](const std::string& text) { options.machines = required(parse_kind(text), "--machines", text); }},
        {"--latency",
         [&](const std::string& text) {
             options.latency = required(parse_duration(text), "--latency", text);
         }},
        {"--infisical",
         [&](const std::string& text) {
             options.infisical_on_bruno = required(parse_infisical(text), "--infisical", text);
         }},
        {"--box-size",
         [&](const std::string& text) { options.box_size = required(parse_size(text), "--box-size", text); }},
        {"--existing", [&](const std::string& text) { options.existing.push_back(text); }},
        {"--records", count(line.records, "--records")},
        {"--secrets", count(line.secrets, "--secrets")},
        {"--servers", count(line.servers, "--servers")},
    };
}

constexpr std::array commands{"build", "up", "run", "seed", "fault", "destroy-server", "down"};

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
    std::uint64_t unit = 1;
    for (const auto& [name, size] : {std::pair{"KiB", 10}, {"MiB", 20}, {"GiB", 30}})
        if (text.ends_with(name)) {
            unit = std::uint64_t{1} << size;
            text.remove_suffix(3);
            break;
        }
    const auto count = parse_count(text);
    if (!count || *count == 0 || *count > (std::uint64_t{1} << 45) / unit) return std::nullopt;
    return *count * unit;
}

CommandLine parse_command_line(std::vector<std::string> words) {
    CommandLine line;
    const auto table = option_table(line);
    for (auto word = words.begin(); word != words.end(); ++word) {
        if (*word == "--") {
            line.words.insert(line.words.end(), word + 1, words.end());
            break;
        }
        const auto equals = word->find('=');
        const auto option = table.find(word->starts_with("--") ? word->substr(0, equals) : "");
        if (*word == "--help" || *word == "-h" || *word == "help") {
            line.help = true;
        } else if (*word == "--verbose-log") {
            line.options.verbose_log = true;
        } else if (option != table.end()) {
            if (equals == std::string::npos && word + 1 == words.end())
                throw usage(fmt::format("{} needs a value", *word));
            option->second(equals == std::string::npos ? *++word : word->substr(equals + 1));
        } else if (word->starts_with("-")) {
            throw usage(fmt::format("there is no option '{}'", *word));
        } else if (line.command.empty()) {
            line.command = *word;
        } else {
            line.words.push_back(*word);
        }
    }
    if (!line.help && std::ranges::find(commands, line.command) == commands.end())
        throw usage(line.command.empty() ? "a command is missing"
                                         : fmt::format("there is no command '{}'", line.command));
    return line;
}

std::string usage_text() {
    return R"(kavi-lab: Infisical, Hetzner, Cloudflare and servers to try kavi on, on this machine alone

  kavi-lab build                           make and cache the images that machines are made of
  kavi-lab up [options]                    start a lab; '. DIR/env' then points kavi at it
  kavi-lab run [options] -- COMMAND…       up, COMMAND in that environment, down
  kavi-lab seed [--records N] [--secrets N] [--servers N]
  kavi-lab fault add WORDS… | list | clear [NUMBER]
  kavi-lab destroy-server NAME             power, disk and all
  kavi-lab down                            end it; leaves nothing

  --dir DIR                   the lab's folder (else $XDG_STATE_HOME/kavi-lab)
  --estate FILE               the estate that it is for (else config/kavi.toml)
  --machines real|ssh|none    containers with systemd; sshd of this user; none
  --latency DURATION          round trip added to everything, "20ms"
  --infisical local|on-bruno  on-bruno: answers only while it runs on that server
  --box-size SIZE             of the Storage Box ("64MiB")
  --existing NAME             this Hetzner server is there already, made by hand
  --verbose-log               whole bodies in requests.jsonl

Faults: api=hetzner method=POST path=/servers status=503 times=2 | delay=3s | truncate=100 | reset | malformed
        action=create_server error=resource_unavailable
        machine=NAME reboot|kill|start|cut|reset|disk-full     box full|busy|slow|cut|cut-after=10MiB
        registry hang|401|429                                  service=NAME unhealthy
)";
}

}  // namespace kavi::lab
