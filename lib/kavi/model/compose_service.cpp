#include <kavi/base/text.hpp>
#include <kavi/model/compose_merge.hpp>
#include <kavi/model/compose_parts.hpp>
#include <kavi/model/interpolate.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace kavi::model {

namespace {

const std::vector<std::string>& service_keys() {
    static const auto keys = split(
        "annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command "
        "configs container_name cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period "
        "cpu_rt_runtime cpu_shares cpus cpuset credential_spec depends_on deploy develop "
        "device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file "
        "environment expose extends external_links extra_hosts gpus group_add healthcheck "
        "hostname image init ipc isolation label_file labels links logging mac_address "
        "mem_limit mem_reservation mem_swappiness memswap_limit models network_mode networks "
        "oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_stop "
        "privileged profiles provider pull_policy read_only restart runtime scale secrets "
        "security_opt shm_size stdin_open stop_grace_period stop_signal storage_opt sysctls "
        "tmpfs tty ulimits use_api_socket user userns_mode uts volumes volumes_from "
        "working_dir",
        ' ');
    return keys;
}

/// What another value of needs no new container.
bool without_effect_on_container(std::string_view key) {
    return key == "depends_on" || key == "profiles" || key == "build" || key == "pull_policy" ||
           key == "attach" || key == "develop" || key == "scale" || key.starts_with("x-");
}

class ServiceReader {
  public:
    ServiceReader(const ComposeReader& reader, const Member& member)
        : reader_(reader), table_(member.value), name_(member.key), at_(member.at) {}

    ComposeService read() {
        service_.name = name_;
        service_.at = at_;
        reader_.check_keys(table_, service_keys(), "a service");
        read_image();
        read_texts();
        read_environment();
        read_dependencies();
        read_grants("secrets", service_.secrets);
        read_grants("configs", service_.configs);
        read_networks();
        read_labels();
        refuse_what_kavi_cant();
        if (const auto* volumes = find("volumes")) service_.mounts = read_mounts(reader_, *volumes);
        if (const auto* ports = find("ports")) service_.ports = read_ports(reader_, *ports);
        if (const auto* check = find("healthcheck")) service_.healthcheck = read_healthcheck(reader_, *check);
        service_.subtree = container_subtree();
        return std::move(service_);
    }

  private:
    /// Absent and null are the same.
    const Value* find(std::string_view key) const {
        const auto* value = table_.find(key);
        return value == nullptr || value->kind == Value::Kind::null ? nullptr : value;
    }

    void read_image() {
        const auto* image = find("image");
        if (image == nullptr) {
            const bool builds = find("build") != nullptr;
            reader_.problems.error(
                at_,
                builds ? fmt::format("service \"{}\" has \"build\" but no \"image\"", name_)
                       : fmt::format("service \"{}\" has no \"image\"", name_),
                builds ? "kavi pulls images and builds none: push it, and name it here" : "");
            return;
        }
        service_.image_at = image->at;
        service_.image = reader_.text(*image, "\"image\"");
        if (image->kind == Value::Kind::text) check_tag();
    }

    void check_tag() {
        const std::string_view image = service_.image;
        if (image.find('$') != std::string_view::npos || image.find('@') != std::string_view::npos) return;
        const auto slash = image.rfind('/');
        const auto colon = image.find(':', slash == std::string_view::npos ? 0 : slash);
        if (image.empty())
            reader_.problems.error(service_.image_at,
                                   fmt::format("the image of service \"{}\" is empty", name_));
        else if (colon == std::string_view::npos)
            reader_.problems.warning(service_.image_at,
                                     fmt::format("the image {} has no tag, so it means \"latest\"", image),
                                     "an exact tag makes releases that can be gone back to");
        else if (image.substr(colon + 1) == "latest")
            reader_.problems.warning(service_.image_at,
                                     "\"latest\" says nothing about which image runs",
                                     "an exact tag makes releases that can be gone back to");
    }

    void read_texts() {
        if (const auto* name = find("container_name"))
            service_.container_name = reader_.text(*name, "\"container_name\"");
        if (const auto* restart = find("restart")) service_.restart = read_restart(*restart);
        service_.entrypoint = read_command("entrypoint");
        service_.command = read_command("command");
        if (const auto* profiles = find("profiles"))
            service_.profiles = reader_.texts(*profiles, "\"profiles\"");
    }

    std::string read_restart(const Value& value) const {
        auto policy = reader_.text(value, "\"restart\"");
        const bool known = policy == "no" || policy == "always" || policy == "unless-stopped" ||
                           policy == "on-failure" || policy.starts_with("on-failure:") ||
                           policy.find('$') != std::string::npos;
        if (!known)
            reader_.problems.error(value.at,
                                   fmt::format("\"{}\" is no restart policy", policy),
                                   "no, always, on-failure, on-failure:N or unless-stopped");
        return policy;
    }

    std::optional<std::vector<std::string>> read_command(std::string_view key) const {
        const auto* value = find(key);
        if (value == nullptr) return std::nullopt;
        const auto what = fmt::format("\"{}\"", key);
        if (value->kind == Value::Kind::list) return reader_.texts(*value, what);
        char cut = 0;
        const auto words = split_command(reader_.text(*value, what), &cut);
        if (!words) reader_.problems.error(value->at, fmt::format("a quote isn't closed in {}", what));
        if (cut != 0)
            reader_.problems.error(value->at,
                                   fmt::format("Compose drops what follows the unquoted {} in {}", cut, what),
                                   "a shell is asked for with [\"sh\", \"-c\", \"…\"]");
        return words.value_or(std::vector<std::string>{});
    }

    void read_environment() {
        if (const auto* environment = find("environment"))
            for (auto& pair : reader_.pairs(*environment, "a variable of \"environment\""))
                service_.environment[pair.key] = std::move(pair.value);
        const auto* files = find("env_file");
        if (files == nullptr) return;
        for (const auto& item : as_list(*files)) {
            ComposeEnvFile file{.at = item.at};
            const bool is_table = item.kind == Value::Kind::table;
            const auto* path = is_table ? item.find("path") : &item;
            const auto* required = is_table ? item.find("required") : nullptr;
            if (path == nullptr)
                reader_.problems.error(item.at, "this \"env_file\" has no \"path\"");
            else
                file.path = reader_.text(*path, "\"env_file\"");
            if (required != nullptr) file.required = reader_.flag(*required, "\"required\"");
            service_.env_files.push_back(std::move(file));
        }
    }

    static std::vector<Value> as_list(const Value& value) {
        return value.kind == Value::Kind::list ? value.items : std::vector<Value>{value};
    }

    void read_dependencies() {
        const auto* wanted = find("depends_on");
        if (wanted == nullptr) return;
        if (wanted->kind == Value::Kind::list) {
            for (const auto& name : reader_.texts(*wanted, "\"depends_on\"")) service_.depends_on[name] = {};
        } else if (reader_.is(*wanted, Value::Kind::table, "\"depends_on\"")) {
            for (const auto& member : wanted->members)
                service_.depends_on[member.key] = read_dependency(member.value);
        }
    }

    ComposeDependency read_dependency(const Value& table) const {
        static const std::vector<std::string> keys{"condition", "required", "restart"};
        ComposeDependency dependency;
        if (!reader_.is(table, Value::Kind::table, "a dependency")) return dependency;
        reader_.check_keys(table, keys, "a dependency");
        if (const auto* required = table.find("required"))
            dependency.required = reader_.flag(*required, "\"required\"");
        if (const auto* restart = table.find("restart"))
            dependency.restart = reader_.flag(*restart, "\"restart\"");
        const auto* condition = table.find("condition");
        const auto name =
            condition == nullptr ? "service_started" : reader_.text(*condition, "\"condition\"");
        if (name == "service_healthy")
            dependency.condition = ComposeDependency::Condition::healthy;
        else if (name == "service_completed_successfully")
            dependency.condition = ComposeDependency::Condition::completed;
        else if (name != "service_started")
            reader_.problems.error(condition->at,
                                   fmt::format("\"{}\" is no condition of a dependency", name),
                                   "service_started, service_healthy or service_completed_successfully");
        return dependency;
    }

    void read_grants(std::string_view key, std::vector<ComposeGrant>& grants) {
        static const std::vector<std::string> keys{"source", "target", "uid", "gid", "mode"};
        const auto* list = find(key);
        const auto what = fmt::format("\"{}\" of a service", key);
        if (list == nullptr || !reader_.is(*list, Value::Kind::list, what)) return;
        for (const auto& item : list->items) {
            ComposeGrant grant{.at = item.at};
            if (item.kind == Value::Kind::table) {
                reader_.check_keys(item, keys, fmt::format("an entry of \"{}\"", key));
                if (const auto* source = item.find("source"))
                    grant.source = reader_.text(*source, "\"source\"");
                if (const auto* target = item.find("target"))
                    grant.target = reader_.text(*target, "\"target\"");
                if (grant.source.empty()) reader_.problems.error(item.at, "this entry has no \"source\"");
            } else {
                grant.source = reader_.text(item, what);
            }
            if (grant.target.empty()) grant.target = (key == "configs" ? "/" : "") + grant.source;
            grants.push_back(std::move(grant));
        }
    }

    void read_networks() {
        const auto* networks = find("networks");
        if (networks == nullptr) {
            if (find("network_mode") == nullptr) service_.networks = {"default"};
            return;
        }
        if (find("network_mode") != nullptr)
            reader_.problems.error(networks->at, "\"networks\" and \"network_mode\" exclude each other");
        if (networks->kind == Value::Kind::table)
            for (const auto& member : networks->members) service_.networks.push_back(member.key);
        else
            service_.networks = reader_.texts(*networks, "\"networks\" of a service");
    }

    void read_labels() {
        const auto* labels = find("labels");
        if (labels == nullptr) return;
        for (auto& pair : reader_.pairs(*labels, "a label")) {
            service_.label_positions[pair.key] = pair.at;
            service_.labels[pair.key] = reader_.interpolated(pair.value.value_or(""));
        }
    }

    void refuse_what_kavi_cant() const {
        if (const auto* extends = find("extends"))
            reader_.problems.error(
                extends->at,
                "kavi doesn't read \"extends\": it couldn't tell what a service is made of",
                "YAML anchors and \"<<\" do the same within one file");
        refuse_many(find("scale"), "\"scale\"");
        const auto* deploy = find("deploy");
        if (deploy != nullptr) refuse_many(deploy->find("replicas"), "\"replicas\"");
    }

    void refuse_many(const Value* count, std::string_view what) const {
        if (count == nullptr || reader_.text(*count, what) == "1") return;
        reader_.problems.error(count->at,
                               fmt::format("{} must be 1: kavi keeps one container a service", what));
    }

    /// The subtree in one form whichever syntax was used, so that writing the same thing otherwise recreates
    /// nothing.
    Json container_subtree() {
        auto subtree = Json::object();
        for (const auto& member : table_.members) {
            if (without_effect_on_container(member.key) || member.value.kind == Value::Kind::null) continue;
            each_reference(member.value, [&](const TemplateReference& reference, const Position&) {
                service_.variables.insert(std::string(reference.name));
            });
            subtree[member.key] = subtree_json(member.value);
        }
        if (subtree.contains("environment")) subtree["environment"] = environment_json();
        if (subtree.contains("labels")) subtree["labels"] = pairs_json("labels");
        if (subtree.contains("networks") && subtree["networks"].is_array()) {
            auto networks = Json::object();
            for (const auto& name : service_.networks) networks[name] = nullptr;
            subtree["networks"] = std::move(networks);
        }
        return subtree;
    }

    Json environment_json() {
        auto table = Json::object();
        for (const auto& [key, value] : service_.environment) {
            table[key] = value ? Json(*value) : Json(nullptr);
            if (!value) service_.variables.insert(key);
        }
        return table;
    }

    Json pairs_json(std::string_view key) const {
        auto table = Json::object();
        for (const auto& item : as_sequence(*find(key))) {
            const auto equals = item.text.find('=');
            table[item.text.substr(0, equals)] =
                equals == std::string::npos ? std::string() : item.text.substr(equals + 1);
        }
        return table;
    }

    const ComposeReader& reader_;
    const Value& table_;
    std::string name_;
    Position at_;
    ComposeService service_;
};

void read_test(const ComposeReader& reader, const Value& test, ComposeHealthcheck& check) {
    if (test.kind == Value::Kind::text) {
        check.test = {"CMD-SHELL", reader.text(test, "\"test\"")};
        return;
    }
    check.test = reader.texts(test, "\"test\"");
    const auto first = check.test.empty() ? std::string() : check.test.front();
    if (first == "NONE")
        check.disabled = true;
    else if (first != "CMD" && first != "CMD-SHELL")
        reader.problems.error(test.at, "the first word of \"test\" must be NONE, CMD or CMD-SHELL");
}

}  // namespace

std::optional<ComposeHealthcheck> read_healthcheck(const ComposeReader& reader, const Value& table) {
    static const std::vector<std::string> keys{
        "disable", "interval", "retries", "start_interval", "start_period", "test", "timeout"};
    if (!reader.is(table, Value::Kind::table, "\"healthcheck\"")) return std::nullopt;
    reader.check_keys(table, keys, "a health check");
    ComposeHealthcheck check;
    if (const auto* test = table.find("test")) read_test(reader, *test, check);
    if (const auto* disable = table.find("disable")) check.disabled |= reader.flag(*disable, "\"disable\"");
    const auto duration = [&](std::string_view key, std::optional<std::chrono::milliseconds>& into) {
        const auto* value = table.find(key);
        if (value == nullptr) return;
        const auto text = reader.text(*value, fmt::format("\"{}\"", key));
        into = compose_duration(text);
        if (!into && text.find('$') == std::string::npos)
            reader.problems.error(value->at, fmt::format("\"{}\" is no duration", text), "as 30s or 1m30s");
    };
    duration("interval", check.interval);
    duration("timeout", check.timeout);
    duration("start_period", check.start_period);
    duration("start_interval", check.start_interval);
    if (const auto* retries = table.find("retries")) {
        const auto text = reader.text(*retries, "\"retries\"");
        int count = 0;
        const auto read = std::from_chars(text.data(), text.data() + text.size(), count);
        if (read.ec == std::errc() && read.ptr == text.data() + text.size())
            check.retries = count;
        else if (text.find('$') == std::string::npos)
            reader.problems.error(retries->at, fmt::format("\"{}\" is no number", text));
    }
    return check;
}

ComposeService read_service(const ComposeReader& reader, const Member& member) {
    return ServiceReader(reader, member).read();
}

}  // namespace kavi::model
