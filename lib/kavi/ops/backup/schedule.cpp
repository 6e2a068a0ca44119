#include <kavi/base/text.hpp>
#include <kavi/ops/agent_install/plan.hpp>
#include <kavi/ops/backup/schedule.hpp>
#include <kavi/ops/backup/when.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

namespace kavi::ops {

namespace {

constexpr std::string_view service_unit = "kavi-backup.service";
constexpr std::string_view timer_unit = "kavi-backup.timer";

/// Members whose change alone is no reason to touch a server.
bool is_incidental(std::string_view member) {
    return member == "kavi" || member == "sealed_sequence";
}

std::string short_digest(std::string_view text) {
    return hex(sha256(text)).substr(0, 16);
}

std::string string_at(const Json& facts, std::string_view group, std::string_view key) {
    return string_or(member_or_null(facts, group), key);
}

/// The lock is the host's own; its owner is said as the runner says it.
constexpr std::string_view service_text = R"([Unit]
Description=Backup of this server (kavi)
Wants=network-online.target
After=network-online.target docker.service

[Service]
Type=oneshot
ExecStart=/usr/bin/flock --wait 3600 /run/kavi/lock /bin/sh -c 'echo "{\\"who\\":\\"systemd\\",\\"command\\":\\"kavi-backup.service\\",\\"since\\":\\"$$(date -u +%%FT%%TZ)\\"}" >/run/kavi/owner; exec @PROGRAM@ __agent backup --request @REQUEST@'
TimeoutStartSec=12h
RuntimeDirectory=kavi
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
UMask=0077
Nice=10
IOSchedulingClass=best-effort
IOSchedulingPriority=7
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=full
ProtectHome=read-only
ProtectClock=yes
ProtectHostname=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
)";

constexpr std::string_view timer_text = R"([Unit]
Description=When this server is backed up (kavi)

[Timer]
OnCalendar=@WHEN@
RandomizedDelaySec=15min
Persistent=true

[Install]
WantedBy=timers.target
)";

std::string filled(std::string_view text, std::string_view mark, std::string_view value) {
    std::string whole(text);
    whole.replace(whole.find(mark), mark.size(), value);
    return whole;
}

std::vector<BackupKeysStep::Door> doors_of(const model::Estate& estate) {
    std::vector<BackupKeysStep::Door> doors;
    for (const auto& store : host_stores(estate)) {
        const auto way = store_for(estate, store);
        doors.push_back({.store = store,
                         .user = way["user"],
                         .spec = {{"name", writer_key_name(store)},
                                  {"host", way["host"]},
                                  {"port", way["port"]},
                                  {"user", way["user"]},
                                  {"host_key", way["host_key"]}}});
    }
    return doors;
}

class HostPlanner {
  public:
    explicit HostPlanner(const BackupHostInputs& inputs)
        : inputs_(inputs), estate_(inputs.loaded.estate), seen_(member_or_null(inputs.facts, "backup")), doors_(doors_of(estate_)) {}

    plan::Plan plan() {
        plan::Plan plan;
        if (!inputs_.has_agent) return plan;
        if (doors_.empty()) {
            plan.notes.push_back(fmt::format("{}: nothing is backed up: no store of [backup] is one that a server writes itself", inputs_.server));
            return plan;
        }
        if (auto reason = keys_reason(); !reason.empty()) plan.actions.push_back(keys_action(std::move(reason)));
        if (auto reason = schedule_reason(); !reason.empty()) {
            plan.actions.push_back(schedule_action(std::move(reason)));
            if (plan.actions.size() > 1) plan.actions.back().after.push_back(plan.actions.front().id);
        }
        if (plan.empty()) plan.unchanged.emplace_back("backup schedule", 1);
        return plan;
    }

  private:
    std::string public_half(std::string_view key) const { return string_at(seen_, "keys", key); }

    bool is_accepted(const BackupKeysStep::Door& door) const {
        const auto name = writer_key_name(door.store);
        const auto text = fmt::format(
            "{}@{}:{} {}", door.user, door.spec["host"].get<std::string>(), door.spec["port"].get<int>(), public_half(name));
        return string_at(seen_, "accepted", name) == short_digest(text);
    }

    std::string keys_reason() const {
        if (inputs_.facts.is_null()) return "new server";
        std::vector<std::string> reasons;
        if (public_half(signing_key_name).empty()) reasons.emplace_back("it has no key that signs its backups");
        for (const auto& door : doors_) {
            if (public_half(writer_key_name(door.store)).empty()) reasons.push_back(fmt::format("it has no key for {}", door.store));
            else if (!is_accepted(door)) reasons.push_back(fmt::format("{} doesn't know its key as {}", door.store, door.user));
        }
        return join(reasons, "; ");
    }

    plan::Action keys_action(std::string reason) const {
        auto step = std::make_shared<BackupKeysStep>();
        step->server = inputs_.server;
        step->doors = doors_;
        auto doors = Json::array();
        for (const auto& door : doors_) doors.push_back(door.spec);
        auto action = action_of("keys", "keys for backups", std::move(reason));
        action.expected_after = {{"doors", std::move(doors)}};
        action.payload = std::move(step);
        return action;
    }

    /// Members of the request that the server has otherwise.
    std::vector<std::string> other_members() const {
        const auto& there = member_or_null(seen_, "request");
        const auto wanted = inputs_.request.digests();
        std::vector<std::string> other;
        const auto counts = [&](const std::string& member) { return !is_incidental(member) && !inputs_.request.unknown.contains(member); };
        for (const auto& [member, digest] : wanted)
            if (counts(member) && string_or(there, member) != digest) other.push_back(member);
        if (there.is_object())
            for (const auto& [member, digest] : there.items())
                if (counts(member) && !wanted.contains(member)) other.push_back(printable(member));
        return other;
    }

    std::string schedule_reason() const {
        if (inputs_.facts.is_null()) return "new server";
        const auto& there = member_or_null(seen_, "request");
        if (!there.is_object() || there.empty()) return "it isn't backed up yet";
        std::vector<std::string> reasons;
        if (const auto other = other_members(); !other.empty()) reasons.push_back(fmt::format("{} changed", join(other, ", ")));
        if (const auto mode = string_or(seen_, "mode"); mode != "0 0600") reasons.push_back(fmt::format("{} is open to others", host_request_file));
        for (const auto& [name, text] : backup_units(estate_))
            if (string_at(seen_, "units", name) != short_digest(text)) reasons.push_back(fmt::format("{} differs", name));
        if (string_at(seen_, "timer", "UnitFileState") != "enabled" || string_at(seen_, "timer", "ActiveState") != "active")
            reasons.emplace_back("its timer is off");
        return join(reasons, "; ");
    }

    plan::Action schedule_action(std::string reason) const {
        auto step = std::make_shared<BackupScheduleStep>();
        step->server = inputs_.server;
        step->request = inputs_.request;
        step->units = backup_units(estate_);
        auto action = action_of("schedule", fmt::format("backups, {}", estate_.backup.schedule), std::move(reason));
        action.expected_after = {{"request", fingerprint()}, {"when", on_calendar(estate_)}};
        action.payload = std::move(step);
        return action;
    }

    /// Of what counts in the request, so that a plan stays the same while only sealed copies are made anew.
    std::string fingerprint() const {
        auto counted = inputs_.request;
        for (const auto* member : {"kavi", "sealed_sequence"}) counted.json.erase(member);
        return inputs_.key.id + ":" + inputs_.key.fingerprint(counted.text().reveal());
    }

    plan::Action action_of(std::string_view what, std::string subject, std::string reason) const {
        const auto& there = member_or_null(seen_, "request");
        const bool fresh = !there.is_object() || there.empty();
        return {.id = fmt::format("backup/{}/{}", inputs_.server, what),
                .verb = fresh ? plan::Verb::create : plan::Verb::update,
                .kind = "backup",
                .group = inputs_.server,
                .subject = std::move(subject),
                .reason = reason,
                .effect = {},
                .before = inputs_.facts.is_null() ? Json(nullptr) : Json(reason),
                .lane = inputs_.server};
    }

    const BackupHostInputs& inputs_;
    const model::Estate& estate_;
    const Json& seen_;
    std::vector<BackupKeysStep::Door> doors_;
};

/// "Thu 2026-11-26 06:05:11 UTC", as systemd writes times under TZ=UTC.
std::optional<std::chrono::sys_seconds> systemd_time(const std::string& text) {
    const auto words = split(text, ' ');
    if (words.size() != 4 || words[3] != "UTC" || words[1].size() != 10 || words[2].size() < 8) return std::nullopt;
    return parse_iso8601(fmt::format("{}T{}Z", words[1], words[2].substr(0, 8)));
}

}  // namespace

std::string on_calendar(const model::Estate& estate) {
    const auto words = split(estate.backup.schedule, ' ');
    if (words.front() == "hourly") return fmt::format("*-*-* *:00:00 {}", estate.timezone);
    auto day = words.front() == "weekly" ? words[1] + " " : std::string();
    if (!day.empty()) day[0] = static_cast<char>(day[0] - 'a' + 'A');
    return fmt::format("{}*-*-* {}:00 {}", day, words.back(), estate.timezone);
}

std::map<std::string, std::string> backup_units(const model::Estate& estate) {
    const auto service = filled(filled(service_text, "@PROGRAM@", agent_program), "@REQUEST@", host_request_file);
    return {{std::string(service_unit), service}, {std::string(timer_unit), filled(timer_text, "@WHEN@", on_calendar(estate))}};
}

Json backup_facts_parts(const model::LoadedEstate& loaded, const std::string& server) {
    if (!servers_with_backups(loaded).contains(server)) return Json::object();
    auto writers = Json::array();
    for (const auto& store : host_stores(loaded.estate)) writers.push_back(writer_key_name(store));
    return {{"backup", {{"writers", std::move(writers)}}}};
}

plan::Plan plan_backup_host(const BackupHostInputs& inputs) {
    return HostPlanner(inputs).plan();
}

BackupHostState backup_host_state(const Json& facts) {
    const auto& agent = member_or_null(facts, "agent");
    const auto& seen = member_or_null(facts, "backup");
    const auto& request = member_or_null(seen, "request");
    BackupHostState state{.agent_version = printable(string_or(agent, "version")), .signing_key = string_at(seen, "keys", signing_key_name)};
    state.agent = !state.agent_version.empty();
    state.scheduled = request.is_object() && !request.empty() && string_at(seen, "timer", "ActiveState") == "active";
    state.next = systemd_time(string_at(seen, "timer", "NextElapseUSecRealtime"));
    state.last = systemd_time(string_at(seen, "timer", "LastTriggerUSec"));
    if (const auto began = systemd_time(string_at(seen, "service", "ExecMainStartTimestamp"))) state.last = began;
    state.ended = systemd_time(string_at(seen, "service", "ExecMainExitTimestamp"));
    const auto active = string_at(seen, "service", "ActiveState");
    state.running = active == "activating";
    if (state.ended) state.result = printable(string_at(seen, "service", "Result"));
    return state;
}

}  // namespace kavi::ops
