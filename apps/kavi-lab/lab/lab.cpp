#include "lab.hpp"

#include "lab/tools.hpp"
#include "network/plain_socket.hpp"

#include <kavi/base/clock.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>

#include <unistd.h>

namespace kavi::lab {
namespace {

namespace fs = std::filesystem;

/// Addresses that servers get which bring none: set aside for documentation, so nobody's.
constexpr int spare_addresses = 12;

std::string spare_address(int number) {
    return fmt::format("203.0.113.{}", 10 + number);
}

/// The ports of a server that people connect to from outside.
constexpr int server_ports[] = {22, 80, 443, 2222};

/// Each account of a box has a host name of its own too.
std::vector<std::string> account_hosts(const EstateNames::Box& box) {
    const auto domain = box.host.substr(std::min(box.host.find('.'), box.host.size()));
    std::vector<std::string> hosts;
    for (const auto& [use, account] : box.users) hosts.push_back(account + domain);
    if (!box.mount_user.empty()) hosts.push_back(box.mount_user + domain);
    return hosts;
}

constexpr std::uint64_t server_disk = std::uint64_t{8} << 30;

}  // namespace

Lab::Lab(Place place, LabOptions options, Progress progress)
    : place_(std::move(place)),
      options_(std::move(options)),
      progress_(std::move(progress)),
      names_(read_estate_names(options_.estate)) {
    record_ = Record::read(place_).value_or(Record());
    record_.pid = ::getpid();
    record_.started = start_time_of(record_.pid);
    record_.write(place_);
    make_keys();
    start_relay();
    if (options_.machines == MachineKind::real) {
        start_network();
        start_images();
    }
    start_front();
    if (options_.machines == MachineKind::real) {
        start_machines();
        start_box();
    }
    if (options_.machines == MachineKind::ssh) start_sshd_machines();
    secrets_ = std::make_unique<LabSecrets>(make_secrets());
    start_apis();
    start_existing();
    wait_for_servers();
    write_environment();
}

void Lab::wait_for_servers() {
    for (const auto& server : names_.servers) {
        const bool existing = std::ranges::find(options_.existing, server.name) != options_.existing.end();
        if (options_.machines == MachineKind::none || (server.provider == "hetzner" && !existing)) continue;
        const bool real = options_.machines == MachineKind::real;
        const auto address = real ? addresses_->for_public(server.ipv4) : "127.0.0.1";
        if (!wait_for_ssh(address, real ? 22 : sshd_ports_.at(server.ipv4), std::chrono::minutes(2)))
            throw lab_error(fmt::format("{} doesn't answer on port 22", server.name));
    }
}

Lab::~Lab() {
    if (apis_) apis_->stop();
}

void Lab::make_keys() {
    progress_("keys, certificates and a copy of the estate");
    keys_ = LabKeys::make(place_.folder / "operator", names_);
    std::map<std::string, std::string> replacements;
    for (const auto& one : names_.operators) {
        if (!one.ssh.empty()) replacements[one.ssh] = keys_.operator_ssh[one.name];
        if (!one.age.empty()) replacements[one.age] = keys_.operator_age[one.name];
    }
    for (const auto& server : names_.servers) {
        if (server.provider == "hetzner") continue;
        const auto file = place_.folder / "host-keys" / server.name;
        make_ssh_key(file, server.name);
        host_keys_[server.name] = ssh_fingerprint(file.string() + ".pub");
        replacements[server.host_key] = host_keys_[server.name];
    }
    for (const auto& box : names_.boxes) {
        const auto file = place_.folder / "box/etc/ssh_host_ed25519_key";
        make_ssh_key(file, "box");
        replacements[box.host_key] = ssh_fingerprint(file.string() + ".pub");
        for (const auto* use : {"prune", "read", "admin"})
            make_ssh_key(place_.folder / "operator" / fmt::format("box_{}", use), use);
    }
    copy_estate(names_.file, place_.folder / "estate", replacements);
    authority_ = std::make_unique<CertificateAuthority>(place_.folder / "certificates");
    authority_->issue("lab", front_names());
}

void Lab::start_relay() {
    ssh_log_.open(place_.folder / "ssh.jsonl", std::ios::trunc);
    connection_log_.open(place_.folder / "connections.jsonl", std::ios::trunc);
    relay_ = std::make_unique<Relay>([this](const RelayRecord& record) { note_connection(record); });
    const auto subnet = options_.machines == MachineKind::real ? claim_subnet(place_) : 0;
    record_ = Record::read(place_).value_or(record_);
    addresses_.emplace(subnet);
    for (const auto& server : names_.servers)
        if (!server.ipv4.empty()) addresses_->for_public(server.ipv4);
    for (int i = 0; i < spare_addresses; ++i) addresses_->for_public(spare_address(i));
}

void Lab::start_network() {
    docker_ = Docker::find_or_start();
    record_.docker_host = docker_->host();
    record_.write(place_);
    const auto bridge = "klab" + place_.prefix.substr(place_.prefix.size() - 6);
    if (docker_->succeeds({"network", "inspect", place_.prefix}))
        docker_->run({"network", "rm", place_.prefix});
    docker_->run({"network",
                  "create",
                  "--internal",
                  "--label",
                  "kavi-lab=" + place_.prefix,
                  "--subnet",
                  addresses_->subnet(),
                  "--gateway",
                  addresses_->gateway(),
                  "--opt",
                  "com.docker.network.bridge.name=" + bridge,
                  place_.prefix});
    run_tool({"ip", "address", "add", addresses_->box_front() + "/32", "dev", bridge});
    for (const auto& ipv4 : std::vector(addresses_->publics()))
        open_paths(ipv4, addresses_->for_public(ipv4));
}

void Lab::open_paths(const std::string& name, const std::string& address) {
    for (const int port : server_ports)
        paths_[name][port] = relay_->listen("127.0.0.1", 0, name, address, port);
    set_path_rule(name, {});
}

void Lab::set_path_rule(const std::string& name, RelayRule rule) {
    rule.delay = options_.latency / 2;
    relay_->set_rule(name, std::move(rule));
}

void Lab::note_connection(const RelayRecord& record) {
    const auto machine = machines_        ? machines_->name_at(record.name)
                         : sshd_machines_ ? sshd_machines_->name_at(record.name)
                                          : "";
    const OrderedJson line{{"time", iso8601(record.started)},
                           {"machine", machine.empty() ? record.name : machine},
                           {"port", record.port},
                           {"ms", record.took.count()},
                           {"up", record.bytes_up},
                           {"down", record.bytes_down},
                           {"flights", record.flights}};
    const std::scoped_lock lock(log_mutex_);
    auto& log = record.port == 22 || record.port == 23 ? ssh_log_ : connection_log_;
    log << line.dump() << std::endl;
}

void Lab::start_images() {
    images_ = build_images(*docker_, progress_);
    const auto folder = place_.folder / "certificates";
    const auto tree = folder / "tree/etc/lab";
    fs::create_directories(tree);
    fs::copy_file(folder / "lab.pem", tree / "certificate.pem", fs::copy_options::overwrite_existing);
    fs::copy_file(folder / "lab-key.pem", tree / "key.pem", fs::copy_options::overwrite_existing);
    run_tool({"tar",
              "-C",
              (folder / "tree").string(),
              "--owner=0",
              "--group=0",
              "-cf",
              (folder / "certificate.tar").string(),
              "."});
    make_layer(folder / "certificate.tar");
    registry_ = std::make_unique<Registry>(*images_, load_layer(folder, "certificate"), image_references());
}

void Lab::start_front() {
    registries_.insert("registry-1.docker.io");
    for (const auto& reference : image_references())
        registries_.insert(parse_image_reference(reference).registry);
    const auto folder = place_.folder / "certificates";
    front_ = std::make_unique<TlsFront>((folder / "lab.pem").string(),
                                        (folder / "lab-key.pem").string(),
                                        authority_->certificate().string(),
                                        [this](const std::string& name) { return behind(name); });
    front_port_ = relay_->listen("127.0.0.1", 0, "front", "127.0.0.1", front_->listen("127.0.0.1", 0));
    set_path_rule("front", {});
    if (docker_) front_->listen(addresses_->gateway(), 443);
    notifications_ = std::make_unique<Notifications>(place_.folder / "notifications.jsonl");
}

std::vector<std::pair<std::string, std::string>> Lab::host_names() const {
    std::vector<std::pair<std::string, std::string>> hosts;
    for (const auto& name : front_names())
        if (!name.starts_with("*.")) hosts.emplace_back(name, addresses_->gateway());
    for (const auto& box : names_.boxes) {
        hosts.emplace_back(box.host, addresses_->box_front());
        for (const auto& host : account_hosts(box)) hosts.emplace_back(host, addresses_->box_front());
    }
    return hosts;
}

void Lab::note_mount(const fs::path& mount_point, bool mounted) {
    const std::scoped_lock lock(record_mutex_);
    std::erase(record_.mounts, mount_point.string());
    if (mounted) record_.mounts.push_back(mount_point.string());
    record_.write(place_);
}

void Lab::start_machines() {
    machines_ = std::make_unique<ContainerMachines>(
        *docker_,
        ContainerSetting{
            .prefix = place_.prefix,
            .network = place_.prefix,
            .image = images_->vps,
            .folder = place_.folder / "machines",
            .certificate = authority_->certificate(),
            .standin = standin_program(),
            .hosts = host_names(),
            .address_of = [this](const std::string& ipv4) { return addresses_->for_public(ipv4); },
            .disk_size = server_disk,
            .on_mount = [this](const fs::path& at, bool mounted) { note_mount(at, mounted); },
            .on_power =
                [this](const std::string& name, bool on) {
                    if (apis_) apis_->power_changed(name, on);
                }});
    for (const auto& server : names_.servers) {
        if (server.provider == "hetzner") continue;
        progress_(fmt::format("server {}", server.name));
        create_existing(server);
    }
}

std::string Lab::user_data_for(const EstateNames::Server& server) const {
    const auto file = place_.folder / "host-keys" / server.name;
    Json authorized = Json::array();
    for (const auto& [name, line] : keys_.operator_ssh) authorized.push_back(line);
    const Json data{
        {"disable_root", false},
        {"users", {{{"name", "root"}, {"ssh_authorized_keys", authorized}}}},
        {"ssh_keys",
         {{"ed25519_private", read_file(file)}, {"ed25519_public", read_file(file.string() + ".pub")}}}};
    return "#cloud-config\n" + data.dump() + "\n";
}

void Lab::create_existing(const EstateNames::Server& server) {
    make_ssh_key(place_.folder / "host-keys" / server.name, server.name);
    const auto certificates = place_.folder / "certificates";
    if (const auto lines = standins_for(server); !lines.empty())
        machines_->prepare_standins(
            server.name, lines, certificates / "lab.pem", certificates / "lab-key.pem");
    machines_->create({.id = server.provider == "hetzner" ? 1 : 0,
                       .name = server.name,
                       .ipv4 = server.ipv4,
                       .user_data = user_data_for(server)});
    machines_->power_on(server.name);
}

void Lab::start_sshd_machines() {
    for (const auto& ipv4 : addresses_->publics()) {
        const auto free = listen_at("127.0.0.1", 0);
        sshd_ports_[ipv4] = port_of(free.get());
        paths_[ipv4][22] = relay_->listen("127.0.0.1", 0, ipv4, "127.0.0.1", sshd_ports_[ipv4]);
        set_path_rule(ipv4, {});
    }
    std::vector<std::string> authorized;
    for (const auto& [name, line] : keys_.operator_ssh) authorized.push_back(line);
    sshd_machines_ = std::make_unique<SshdMachines>(
        SshdMachines::Setting{.folder = place_.folder / "machines",
                              .authorized_keys = std::move(authorized),
                              .port_of = [this](const std::string& ipv4) { return sshd_ports_.at(ipv4); },
                              .on_process =
                                  [this](int pid) {
                                      const std::scoped_lock lock(record_mutex_);
                                      record_.processes.emplace_back(pid, start_time_of(pid));
                                      record_.write(place_);
                                  }});
    for (const auto& server : names_.servers) {
        if (server.provider == "hetzner") continue;
        sshd_machines_->create(
            {.name = server.name, .ipv4 = server.ipv4, .user_data = user_data_for(server)});
        sshd_machines_->power_on(server.name);
    }
}

void Lab::start_box() {
    if (names_.boxes.empty()) return;
    progress_("Storage Box");
    const auto& box = names_.boxes.front();
    const auto main_account = box.host.substr(0, box.host.find('.'));
    const auto public_key = [&](const char* use) {
        return std::string(trim(read_file(place_.folder / "operator" / fmt::format("box_{}.pub", use))));
    };
    std::vector<BoxAccount> accounts{{.name = main_account, .key = public_key("admin")}};
    for (const auto& [use, account] : box.users)
        accounts.push_back({.name = account,
                            .folder = "backup",
                            .readonly = use == "read",
                            .key = use == "prune" || use == "read" ? public_key(use.c_str()) : public_key("admin")});
    if (!box.mount_user.empty())
        accounts.push_back({.name = box.mount_user, .folder = "files", .key = public_key("admin")});
    box_ = std::make_unique<StorageBoxMachine>(*docker_, place_.folder / "box");
    note_mount(box_->mount_point(), true);
    box_->start(place_.prefix, place_.prefix, addresses_->box(), images_->box, options_.box_size, accounts);
    for (const int port : {22, 23}) {
        paths_["box"][port] = relay_->listen("127.0.0.1", 0, "box", addresses_->box(), port);
        relay_->listen(addresses_->box_front(), port, "box", addresses_->box(), port);
    }
    set_path_rule("box", {});
}

void Lab::start_apis() {
    progress_("APIs");
    LabApisConfig config{
        .request_log = place_.folder / "requests.jsonl",
        .verbose_log = options_.verbose_log,
        .latency = options_.latency,
        .machines = machines_ ? static_cast<ServerMachines*>(machines_.get()) : sshd_machines_.get(),
        .hetzner = hetzner_seed(),
        .cloudflare = cloudflare_seed(),
        .infisical = infisical_seed()};
    if (options_.infisical_on_bruno) config.infisical_reachable = [this] { return infisical_runs(); };
    for (const auto& objects : names_.objects)
        config.s3.buckets.insert(config.s3.buckets.end(), objects.buckets.begin(), objects.buckets.end());
    config.s3.folder = place_.folder / "objects";
    config.doh.edge_ipv4 = "198.51.100.7";
    apis_ = std::make_unique<LabApis>(std::move(config));
    apis_->start();
}

void Lab::start_existing() {
    for (const auto& name : options_.existing) {
        const auto* server = names_.find_server(name);
        if (!server || !machines_)
            throw lab_error(fmt::format("the estate has no server '{}' that could be there already", name));
        create_existing(*server);
    }
}

std::string Lab::connect_to() const {
    std::vector<std::string> rules;
    const auto lead = [&](const std::string& name, int port, int to) {
        rules.push_back(fmt::format("{}:{}=127.0.0.1:{}", name, port, to));
    };
    for (const auto& [name, ports] : paths_)
        for (const auto& [port, to] : ports)
            if (name != "box") lead(name, port, to);
    for (const auto& box : names_.boxes) {
        if (!paths_.contains("box")) continue;
        for (const auto& [port, to] : paths_.at("box")) {
            lead(box.host, port, to);
            for (const auto& host : account_hosts(box)) lead(host, port, to);
        }
    }
    for (const auto& name : front_names())
        if (!name.starts_with("*.")) lead(name, 443, front_port_);
    lead("198.51.100.7", 443, front_port_);
    for (const auto& domain : names_.domains) {
        const auto* server = names_.server_of(domain);
        if (!server || !paths_.contains(server->ipv4)) continue;
        for (const auto& [port, to] : paths_.at(server->ipv4))
            if (port == 2222) lead(domain.name, port, to);
    }
    return join(rules, ",");
}

void Lab::write_environment() {
    auto variables = apis_->environment();
    const auto path = [&](const char* name) { return (place_.folder / name).string(); };
    variables["KAVI_CONFIG"] = (place_.folder / "estate" / names_.file.filename()).string();
    variables["KAVI_CONNECT_TO"] = connect_to();
    variables["KAVI_LOOPBACK_ONLY"] = "1";
    variables["KAVI_LAB"] = place_.folder.string();
    variables["SSL_CERT_FILE"] = authority_->certificate().string();
    variables["XDG_STATE_HOME"] = path("xdg/state");
    variables["XDG_CONFIG_HOME"] = path("xdg/config");
    variables["XDG_CACHE_HOME"] = path("xdg/cache");
    if (!keys_.ssh_key.empty()) variables["KAVI_SSH_KEY"] = keys_.ssh_key.string();
    if (!keys_.age_identity.empty()) variables["KAVI_IDENTITY"] = keys_.age_identity.string();
    std::string text;
    for (const auto& [name, value] : variables)
        text += fmt::format("export {}={}\n", name, shell_quote(value));
    write_file_atomic(place_.folder / "env", text, 0600);
    for (const auto& [name, value] : secrets_->sealed())
        write_file_atomic(place_.folder / "sealed" / name, value, 0600);
}

}  // namespace kavi::lab
