#include "command_table.hpp"

#include "commands/commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace kavi::app {

namespace {

constexpr std::array groups{
    Group{"backup", "backups of servers, in the estate's stores"},
    Group{"config", "the estate file"},
    Group{"secrets", "secrets, in Infisical and in the sealed copy"},
    Group{"dns", "DNS zones at Cloudflare"},
};

constexpr std::array commands{
    Command{"",
            "deploy",
            "bring everything up, or what you name, as declared",
            "Secrets, servers, host keys, baseline, mounts, stacks and DNS: what is there is looked at first, the plan is "
            "shown, and nothing but that plan is carried out. A run that was interrupted is finished by running it again.",
            "kavi deploy --dry-run",
            &define_deploy},
    Command{"",
            "status",
            "how everything is",
            "Asks every server and every name at once. Exit 8 where something is down or unknown.",
            "kavi status --all",
            &define_status},
    Command{"backup",
            "",
            "back up now what the estate file declares",
            "Each server's own kavi stores its items and signs what it stored; the data never passes through here. Stores that "
            "servers can't write get a copy from here, and the estate's own files are kept beside them. Servers do the same by "
            "themselves, as [backup] schedule says.",
            "kavi backup databases",
            &define_backup},
    Command{"backup",
            "schedule",
            "when servers back up by themselves, and how it went last",
            "Exit 8 where a server isn't scheduled, or its last backup failed.",
            "kavi backup schedule",
            &define_backup_schedule},
    Command{"backup",
            "list",
            "what is stored, newest first",
            "Each run with its age, size and items; what failed, doesn't count or is gone. Only manifests that a known server "
            "signed count.",
            "kavi backup list databases",
            &define_backup_list},
    Command{"backup",
            "verify",
            "whether what is stored is what was stored",
            "Without --run or --at: the newest of each item, and the listing of all runs. Level 0 compares the listing with the "
            "manifests, level 1 checksums, by the store itself where it can. Levels 2 and 3 are done by the server: fetched, "
            "opened and listed, or restored into a throw-away container, its rows counted. Exit 12 where something differs.",
            "kavi backup verify databases --level 3",
            &define_backup_verify},
    Command{"backup",
            "prune",
            "remove the backups that no rule keeps",
            "By [backup] keep, for each item by itself; never the newest. Refused after a run that wasn't good, and where more "
            "than half would go, unless --confirm SERVER says so. Frees space without needing any.",
            "kavi backup prune --dry-run",
            &define_backup_prune},
    Command{"",
            "restore",
            "bring back what was backed up",
            "A database is restored beside the live one, counted against the manifest and swapped by renaming; a folder or volume is "
            "unpacked beside and changes names while its services are stopped. What was there is kept. The identity stays here: "
            "the server gets the key of that one artefact.",
            "kavi restore databases --at 'yesterday 18:00' --dry-run",
            &define_restore},
    Command{"",
            "recover",
            "a lost server, made anew with all that lived on it",
            "One plan: the server, its baseline, then the services in the order of their tiers, each with its data restored "
            "before it is started; times are told against the target. Works with Infisical gone (the sealed copy stands in), and "
            "from an empty machine with --from.",
            "kavi recover bruno --check",
            &define_recover},
    Command{"dns",
            "sync",
            "make the zones as declared",
            "Records that kavi owns carry its mark in their comment; equal ones are adopted, all others are left alone. "
            "One look-up, one list and one batch for each zone; deletions are asked about.",
            "kavi dns sync kua.cl --dry-run",
            &define_dns_sync},
    Command{"dns",
            "diff",
            "what differs between the zones and what is declared",
            "Changes nothing. Exit 6 where something differs.",
            "kavi dns diff kua.cl",
            &define_dns_diff},
    Command{"dns",
            "export",
            "the zones as zone files",
            "As they are at Cloudflare, in RFC 1035's form with comments and the proxied flag behind ';'.",
            "kavi dns export kua.cl > kua.cl.zone",
            &define_dns_export},
    Command{"dns",
            "import",
            "records as entries of kavi.toml",
            "From a zone file, or those that stand in the zone and are nobody's. What is declared already is left out.",
            "kavi dns import kua.cl.zone --zone kua.cl",
            &define_dns_import},
    Command{"dns",
            "undo",
            "take back what a run changed",
            "With one batch for each zone, from what the records were before. Refused where they changed since.",
            "kavi dns undo 20261125T101500Z-4f2a",
            &define_dns_undo},
    Command{"config",
            "check",
            "all mistakes in the estate file and what it points at",
            "Each with file, line and column, and what would be right. Nothing is contacted.",
            "kavi config check",
            &define_config_check},
    Command{"config",
            "show",
            "the estate as kavi understands it, defaults included",
            "In the estate file's own form, so that it could stand in its place.",
            "kavi config show --origin",
            &define_config_show},
    Command{"config",
            "schema",
            "the JSON schema of the estate file, for editors",
            "Draft 4. Name it in the file's first line: #:schema ./kavi.schema.json",
            "kavi config schema",
            &define_config_schema},
    Command{"config",
            "trust",
            "use the estate file that lies here from now on",
            "One that was found by walking up is only used once trusted: it says which servers are logged into and what "
            "runs there. Trust holds for that path, the estate's name and the place that its secrets come from.",
            "kavi config trust",
            &define_config_trust},
    Command{"secrets",
            "pull",
            "secrets out of Infisical, to a file or a pipe",
            "To a terminal only with --show. A value that the format can't carry is an error that names it. While Infisical "
            "is down the sealed copy stands in.",
            "kavi secrets pull --path /services/production --to .env",
            &define_secrets_pull},
    Command{"secrets",
            "run",
            "a command with the secrets in its environment",
            "Nothing is written to disk. Signals and the exit code are the command's own; 125 is a failure of kavi's.",
            "kavi secrets run --path /infra -- env",
            &define_secrets_run},
    Command{"secrets",
            "set",
            "write a secret",
            "The value comes from standard input, a file, or a question that doesn't show it, never from an argument. A "
            "single line loses its line end, a text of several lines stays as it is. With --sealed it goes into the sealed "
            "copy.",
            "kavi secrets set /infra/HCLOUD_TOKEN --from-file token.txt",
            &define_secrets_set},
    Command{"secrets",
            "unset",
            "delete secrets",
            "All of one folder in one call: all of them or none.",
            "kavi secrets unset /infra/OLD_TOKEN",
            &define_secrets_unset},
    Command{"secrets",
            "diff",
            "what differs between two environments, or a file and Infisical",
            "Names and fingerprints, never a value. Exit 6 where something differs.",
            "kavi secrets diff staging --path /services/production",
            &define_secrets_diff},
    Command{"secrets",
            "seal",
            "write the sealed copy: what is needed while Infisical is down",
            "For the operators of the estate file, signed by you, in all its places, and only when something changed. Makes "
            "what is missing and can be random: the fingerprint key, Infisical's own four, passwords. With --raw: any bytes, "
            "interchangeable with age.",
            "kavi secrets seal",
            &define_secrets_seal},
    Command{"secrets",
            "unseal",
            "read the sealed copy: what it holds, or one value",
            "Names and fingerprints; a value only with its name. The newest copy counts whose signature is an operator's. "
            "With --raw: any bytes, interchangeable with age.",
            "kavi secrets unseal BOX_ADMIN_KEY --show",
            &define_secrets_unseal},
    Command{"secrets",
            "escrow",
            "the keys that everything depends on, in all their locations",
            "verify opens each copy and compares it without showing the key: exit 12 where one differs, 8 where one is "
            "missing, stale or out of reach. place writes what is missing, sealed for the operators.",
            "kavi secrets escrow verify",
            &define_secrets_escrow},
    Command{"", "explain", "an error's long text, offline", "", "kavi explain KAVI-E0101", &define_explain},
    Command{"",
            "completion",
            "a completion script for your shell",
            "Load it with: source <(kavi completion bash). Servers, services, domains and the like are "
            "completed from "
            "the estate file, without the network.",
            "kavi completion bash",
            &define_completion},
    Command{"", "help", "this overview, or help on one command", "", "kavi help explain", &define_help},
};

}  // namespace

std::string Command::path() const {
    if (group.empty()) return std::string(name);
    return name.empty() ? std::string(group) : fmt::format("{} {}", group, name);
}

std::span<const Command> command_table() {
    return commands;
}

std::span<const Group> command_groups() {
    return groups;
}

const Command* find_command(std::string_view path) {
    const auto found = std::ranges::find(commands, path, &Command::path);
    return found == commands.end() ? nullptr : &*found;
}

std::vector<const Command*> commands_of(std::string_view group) {
    std::vector<const Command*> found;
    for (const auto& command : commands)
        if (!command.group.empty() && command.group == group) found.push_back(&command);
    return found;
}

}  // namespace kavi::app
